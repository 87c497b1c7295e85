/** Stores: values that a task keeps for itself between its tries, or with an asset. */
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import * as Schema from "effect/Schema"
import { NotFound } from "../EdgeApi.ts"
import { AnyJson, exact } from "./ExactJson.ts"
import { ExecutionToken, ExecutionVersion } from "./ExecutionToken.ts"
import { Key, maybe, ofTask, TaskUnprocessable, Time } from "./parts.ts"

const Value = Schema.Struct({ value: AnyJson })
const errors = [NotFound, TaskUnprocessable] as const
const read = { success: exact(Value), error: errors }
const changed = { success: HttpApiSchema.NoContent, error: errors }
const aKey = "/store/ti/:task_instance_id/:key" as const
const ofKey = { ...ofTask, key: Key }

/** `store/ti/…`: a task's own values. */
export class TaskStoreGroup extends HttpApiGroup.make("taskStore")
  .add(
    HttpApiEndpoint.get("get", aKey, { params: ofKey, ...read }),
    HttpApiEndpoint.put("put", aKey, {
      params: ofKey,
      payload: exact(Schema.Struct({ value: AnyJson, expires_at: maybe(Time) })),
      ...changed
    }),
    HttpApiEndpoint.delete("remove", aKey, { params: ofKey, ...changed }),
    HttpApiEndpoint.delete("clear", "/store/ti/:task_instance_id", { params: ofTask, ...changed })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}

const byName = { name: Key, key: Key }
const byUri = { uri: Key, key: Key }

/** `store/asset/…`: values that belong to an asset. */
export class AssetStoreGroup extends HttpApiGroup.make("assetStore")
  .add(
    HttpApiEndpoint.get("getByName", "/store/asset/by-name/value", { query: byName, ...read }),
    HttpApiEndpoint.put("putByName", "/store/asset/by-name/value", {
      query: byName,
      payload: exact(Value),
      ...changed
    }),
    HttpApiEndpoint.delete("removeByName", "/store/asset/by-name/value", { query: byName, ...changed }),
    HttpApiEndpoint.delete("clearByName", "/store/asset/by-name/clear", { query: { name: Key }, ...changed }),
    HttpApiEndpoint.get("getByUri", "/store/asset/by-uri/value", { query: byUri, ...read }),
    HttpApiEndpoint.put("putByUri", "/store/asset/by-uri/value", {
      query: byUri,
      payload: exact(Value),
      ...changed
    }),
    HttpApiEndpoint.delete("removeByUri", "/store/asset/by-uri/value", { query: byUri, ...changed }),
    HttpApiEndpoint.delete("clearByUri", "/store/asset/by-uri/clear", { query: { uri: Key }, ...changed })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}
