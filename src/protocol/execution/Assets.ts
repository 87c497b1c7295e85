/** Assets: what a task asks about assets and their events. */
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import * as Schema from "effect/Schema"
import { BadRequest, NotFound } from "../EdgeApi.ts"
import { exact, JsonObject } from "./ExactJson.ts"
import { ExecutionToken, ExecutionVersion } from "./ExecutionToken.ts"
import { maybe, TaskUnprocessable, Time } from "./parts.ts"

const errors = [NotFound, TaskUnprocessable] as const
const MaybeTime = Schema.NullOr(Time)

/** `AssetResponse` */
export const Asset = Schema.Struct({
  name: Schema.String,
  uri: Schema.String,
  group: Schema.String,
  extra: maybe(JsonObject)
})
export type Asset = typeof Asset.Type

/** `AssetEventResponse` */
export const AssetEvent = Schema.Struct({
  id: Schema.Int,
  timestamp: Time,
  extra: maybe(JsonObject),
  asset: Asset,
  created_dagruns: Schema.Array(
    Schema.Struct({
      run_id: Schema.String,
      dag_id: Schema.String,
      logical_date: MaybeTime,
      start_date: Time,
      end_date: MaybeTime,
      state: Schema.String,
      data_interval_start: MaybeTime,
      data_interval_end: MaybeTime,
      partition_key: Schema.NullOr(Schema.String)
    })
  ),
  source_task_id: maybe(Schema.String),
  source_dag_id: maybe(Schema.String),
  source_run_id: maybe(Schema.String),
  source_map_index: maybe(Schema.Int),
  partition_key: maybe(Schema.String)
})
export type AssetEvent = typeof AssetEvent.Type

const AssetEvents = exact(Schema.Struct({ asset_events: Schema.Array(AssetEvent) }))
const within = {
  after: Schema.optionalKey(Time),
  before: Schema.optionalKey(Time),
  ascending: Schema.optionalKey(Schema.Boolean),
  limit: Schema.optionalKey(Schema.Int)
}

/** `assets/…` */
export class AssetsGroup extends HttpApiGroup.make("assets")
  .add(
    HttpApiEndpoint.get("byName", "/assets/by-name", {
      query: { name: Schema.String },
      success: exact(Asset),
      error: errors
    }),
    HttpApiEndpoint.get("byUri", "/assets/by-uri", {
      query: { uri: Schema.String },
      success: exact(Asset),
      error: errors
    }),
    HttpApiEndpoint.get("byAlias", "/assets/by-alias", {
      query: { alias_name: Schema.String },
      success: exact(Schema.Array(Asset)),
      error: errors
    })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}

/** `asset-events/…` */
export class AssetEventsGroup extends HttpApiGroup.make("assetEvents")
  .add(
    /** 400: neither a name nor a URI. */
    HttpApiEndpoint.get("byAsset", "/asset-events/by-asset", {
      query: { name: Schema.optionalKey(Schema.String), uri: Schema.optionalKey(Schema.String), ...within },
      success: AssetEvents,
      error: [BadRequest, ...errors]
    }),
    HttpApiEndpoint.get("byAlias", "/asset-events/by-asset-alias", {
      query: { name: Schema.String, ...within },
      success: AssetEvents,
      error: errors
    })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}
