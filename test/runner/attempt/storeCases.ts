/** storeCases: the requests of a task about assets, stores and people: as `requestCases`. */
import { tiId } from "./harness.ts"
import { type Case, done, found, ok, time } from "./requestCases.ts"

const asset = { name: "n", uri: "s3://b/k", group: "asset", extra: { size: 1 } }
const events = {
  asset_events: [{ id: 1, timestamp: time, extra: {}, asset, created_dagruns: [], partition_key: null }]
}
const question = { ti_id: tiId, options: ["yes", "no"], subject: "May I?", multiple: false }

export const storeCases: ReadonlyArray<Case> = [
  {
    request: { type: "GetAssetByName", name: "n" },
    asks: "GET /assets/by-name?name=n",
    answer: found(asset),
    hears: { type: "AssetResult", ...asset }
  },
  {
    request: { type: "GetAssetByUri", uri: "s3://b/k" },
    asks: "GET /assets/by-uri?uri=s3://b/k",
    answer: { status: 404, body: '{"detail":{"reason":"not_found"}}' },
    hears: { type: "ErrorResponse", error: "ASSET_NOT_FOUND", detail: { uri: "s3://b/k" } }
  },
  {
    request: { type: "GetAssetsByAlias", alias_name: "a" },
    asks: "GET /assets/by-alias?alias_name=a",
    answer: found([asset]),
    hears: { type: "AssetsByAliasResult", assets: [{ type: "AssetResult", ...asset }] }
  },
  {
    request: { type: "GetAssetEventByAsset", name: "n", uri: null, after: time, limit: 3, ascending: false },
    asks: `GET /asset-events/by-asset?name=n&uri=&after=${time}&ascending=false&limit=3`,
    answer: found(events),
    hears: { type: "AssetEventsResult", ...events }
  },
  {
    request: { type: "GetAssetEventByAssetAlias", alias_name: "a", before: time },
    asks: `GET /asset-events/by-asset-alias?name=a&before=${time}&ascending=true`,
    answer: found(events),
    hears: { type: "AssetEventsResult", ...events }
  },
  {
    request: { type: "GetTaskStateStore", ti_id: tiId, key: "k" },
    asks: `GET /store/ti/${tiId}/k`,
    answer: found({ value: { a: 1 } }),
    hears: { type: "TaskStateStoreResult", value: { a: 1 } }
  },
  {
    request: { type: "GetTaskStateStore", ti_id: tiId, key: "k" },
    asks: `GET /store/ti/${tiId}/k`,
    answer: { status: 404, body: '{"detail":{"reason":"not_found"}}' },
    hears: { type: "ErrorResponse", error: "TASK_STORE_NOT_FOUND", detail: { key: "k" } }
  },
  {
    request: { type: "SetTaskStateStore", ti_id: tiId, key: "k", value: [1], expires_at: null },
    asks: `PUT /store/ti/${tiId}/k`,
    sends: { value: [1] },
    answer: done,
    hears: ok
  },
  {
    request: { type: "DeleteTaskStateStore", ti_id: tiId, key: "k" },
    asks: `DELETE /store/ti/${tiId}/k`,
    answer: done,
    hears: ok
  },
  {
    request: { type: "ClearTaskStateStore", ti_id: tiId },
    asks: `DELETE /store/ti/${tiId}`,
    answer: done,
    hears: ok
  },
  {
    request: { type: "GetAssetStateStoreByName", name: "n", key: "k" },
    asks: "GET /store/asset/by-name/value?name=n&key=k",
    answer: found({ value: null }),
    hears: { type: "AssetStateStoreResult", value: null }
  },
  {
    request: { type: "GetAssetStateStoreByUri", uri: "u", key: "k" },
    asks: "GET /store/asset/by-uri/value?uri=u&key=k",
    answer: { status: 404, body: '{"detail":{"reason":"not_found"}}' },
    hears: { type: "ErrorResponse", error: "ASSET_STORE_NOT_FOUND", detail: { key: "k" } }
  },
  {
    request: { type: "SetAssetStateStoreByName", name: "n", key: "k", value: 1 },
    asks: "PUT /store/asset/by-name/value?name=n&key=k",
    sends: { value: 1 },
    answer: done,
    hears: ok
  },
  {
    request: { type: "SetAssetStateStoreByUri", uri: "u", key: "k", value: null },
    asks: "PUT /store/asset/by-uri/value?uri=u&key=k",
    sends: { value: null },
    answer: done,
    hears: ok
  },
  {
    request: { type: "DeleteAssetStateStoreByName", name: "n", key: "k" },
    asks: "DELETE /store/asset/by-name/value?name=n&key=k",
    answer: done,
    hears: ok
  },
  {
    request: { type: "DeleteAssetStateStoreByUri", uri: "u", key: "k" },
    asks: "DELETE /store/asset/by-uri/value?uri=u&key=k",
    answer: done,
    hears: ok
  },
  {
    request: { type: "ClearAssetStateStoreByName", name: "n" },
    asks: "DELETE /store/asset/by-name/clear?name=n",
    answer: done,
    hears: ok
  },
  {
    request: { type: "ClearAssetStateStoreByUri", uri: "u" },
    asks: "DELETE /store/asset/by-uri/clear?uri=u",
    answer: done,
    hears: ok
  },
  {
    request: { type: "CreateHITLDetailPayload", ...question, body: null, params: { p: { value: 1 } } },
    asks: `POST /hitlDetails/${tiId}`,
    sends: { ...question, params: { p: { value: 1 } } },
    answer: { status: 201, body: JSON.stringify(question) },
    hears: { type: "HITLDetailRequestResult", ...question }
  }
]
