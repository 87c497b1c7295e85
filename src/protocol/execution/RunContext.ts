/** RunContext: what a supervisor hears when its task may start. */
import * as Schema from "effect/Schema"
import { JsonObject } from "./ExactJson.ts"
import { maybe, Time } from "./parts.ts"

const MaybeTime = Schema.NullOr(Time)

/** `DagRunType` */
export const DagRunType = Schema.Literals([
  "backfill",
  "scheduled",
  "manual",
  "operator_triggered",
  "asset_triggered",
  "asset_materialization"
])

/** `DagRunState` */
export const DagRunState = Schema.Literals(["queued", "running", "success", "failed"])
export type DagRunState = typeof DagRunState.Type

/** `AssetEventDagRunReference`: an event of an asset because of which a run began. */
export const ConsumedAssetEvent = Schema.Struct({
  asset: Schema.Struct({ name: Schema.String, uri: Schema.String, extra: JsonObject }),
  extra: JsonObject,
  source_task_id: Schema.NullOr(Schema.String),
  source_dag_id: Schema.NullOr(Schema.String),
  source_run_id: Schema.NullOr(Schema.String),
  source_map_index: Schema.NullOr(Schema.Int),
  source_aliases: Schema.Array(Schema.Struct({ name: Schema.String })),
  timestamp: Time,
  partition_key: maybe(Schema.String)
})

/** `DagRun` */
export const DagRun = Schema.Struct({
  dag_id: Schema.String,
  run_id: Schema.String,
  logical_date: MaybeTime,
  data_interval_start: MaybeTime,
  data_interval_end: MaybeTime,
  run_after: Time,
  start_date: MaybeTime,
  end_date: MaybeTime,
  clear_number: Schema.optionalKey(Schema.Int),
  run_type: DagRunType,
  state: DagRunState,
  conf: maybe(JsonObject),
  triggering_user_name: maybe(Schema.String),
  consumed_asset_events: Schema.Array(ConsumedAssetEvent),
  partition_key: Schema.NullOr(Schema.String),
  partition_date: maybe(Time),
  note: maybe(Schema.String),
  team_name: maybe(Schema.String)
})
export type DagRun = typeof DagRun.Type

/** `VariableResponse`: `value` when read, `val` when written. */
export const Variable = Schema.Struct({ key: Schema.String, value: Schema.NullOr(Schema.String) })
export type Variable = typeof Variable.Type

/** `ConnectionResponse` */
export const Connection = Schema.Struct({
  conn_id: Schema.String,
  conn_type: Schema.String,
  host: Schema.NullOr(Schema.String),
  schema: Schema.NullOr(Schema.String),
  login: Schema.NullOr(Schema.String),
  password: Schema.NullOr(Schema.String),
  port: Schema.NullOr(Schema.Int),
  extra: Schema.NullOr(Schema.String)
})
export type Connection = typeof Connection.Type

/** `TIRunContext`. A site leaves out what it did not set. */
export const TIRunContext = Schema.Struct({
  dag_run: DagRun,
  task_reschedule_count: Schema.optionalKey(Schema.Int),
  max_tries: Schema.Int,
  variables: Schema.optionalKey(Schema.Array(Variable)),
  connections: Schema.optionalKey(Schema.Array(Connection)),
  /** Where a task goes on that was deferred; a text is encrypted. */
  next_method: maybe(Schema.String),
  next_kwargs: maybe(Schema.Union([JsonObject, Schema.String])),
  /** XComs of a former try, which whoever runs the task removes first. */
  xcom_keys_to_clear: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Whether a failure is to be reported as `up_for_retry`. */
  should_retry: Schema.optionalKey(Schema.Boolean),
  /** Only of a task that goes on: when it first began. */
  start_date: maybe(Time)
})
export type TIRunContext = typeof TIRunContext.Type
