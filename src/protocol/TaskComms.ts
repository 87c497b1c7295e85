/**
 * TaskComms: what a task and the attempt that supervises it say to each other, in the words of Airflow's task protocol.
 *
 * Names and fields are those of Airflow 3.3.2's supervisor schema 2026-06-16 (`sdk/execution_time/schema/schema.json`), as
 * far as a task in another language than Python has a use for them. Values of XComs, variables, `conf` and the like are JSON
 * as `protocol/Json` reads it: numbers keep every digit on their way.
 */
import * as Schema from "effect/Schema"
import { BundleInfo, TaskInstance } from "./Job.ts"

const NullableString = Schema.optionalKey(Schema.NullOr(Schema.String))
const NullableInt = Schema.optionalKey(Schema.NullOr(Schema.Int))
const NullableJson = Schema.optionalKey(Schema.NullOr(Schema.Unknown))
/** ISO 8601 with an offset. */
const Time = Schema.String

const message = <const Type extends string, const Fields extends Schema.Struct.Fields>(
  type: Type,
  fields: Fields
) => Schema.Struct({ type: Schema.Literal(type), ...fields })

/** The run that a task belongs to; further keys travel on. */
export const DagRun = Schema.StructWithRest(
  Schema.Struct({
    dag_id: Schema.String,
    run_id: Schema.String,
    logical_date: Schema.NullOr(Time),
    data_interval_start: Schema.NullOr(Time),
    data_interval_end: Schema.NullOr(Time),
    run_after: Time,
    start_date: Schema.NullOr(Time),
    end_date: Schema.NullOr(Time),
    run_type: Schema.String,
    state: Schema.optionalKey(Schema.String),
    clear_number: Schema.optionalKey(Schema.Int),
    conf: NullableJson,
    triggering_user_name: NullableString,
    consumed_asset_events: Schema.optionalKey(Schema.Array(Schema.Unknown)),
    partition_key: NullableString,
    note: NullableString
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)
export type DagRun = typeof DagRun.Type

/** `TIRunContext`: what the site answers to `run`; it leaves out what has its default. */
export const TIRunContext = Schema.StructWithRest(
  Schema.Struct({
    dag_run: DagRun,
    max_tries: Schema.Int,
    task_reschedule_count: Schema.optionalKey(Schema.Int),
    next_method: NullableString,
    next_kwargs: NullableJson,
    xcom_keys_to_clear: Schema.optionalKey(Schema.Array(Schema.String)),
    /** Whether a failure of this try is followed by another one. */
    should_retry: Schema.optionalKey(Schema.Boolean),
    /** The start of the first part of this try; only where it goes on after a deferral or a reschedule. */
    start_date: Schema.optionalKey(Schema.NullOr(Time))
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)
export type TIRunContext = typeof TIRunContext.Type

/** The first message, to which a task begins. */
export const StartupDetails = message("StartupDetails", {
  ti: TaskInstance,
  dag_rel_path: Schema.String,
  bundle_info: BundleInfo,
  start_date: Time,
  ti_context: TIRunContext,
  sentry_integration: Schema.String
})
export type StartupDetails = typeof StartupDetails.Type

const inRun = { key: Schema.String, dag_id: Schema.String, run_id: Schema.String, task_id: Schema.String }
const ofAsset = {
  byName: { name: Schema.String },
  byUri: { uri: Schema.String }
}
const selection = {
  dag_id: Schema.String,
  map_index: NullableInt,
  task_ids: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))),
  task_group_id: NullableString,
  logical_dates: Schema.optionalKey(Schema.NullOr(Schema.Array(Time))),
  run_ids: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String)))
}
const events = {
  after: NullableString,
  before: NullableString,
  limit: NullableInt,
  ascending: Schema.optionalKey(Schema.Boolean)
}

/** The last word of a task: one of them ends its try, or this part of it. */
export const TaskEnd = Schema.Union([
  message("SucceedTask", {
    end_date: Time,
    task_outlets: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Unknown))),
    outlet_events: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Unknown))),
    rendered_map_index: NullableString
  }),
  message("TaskState", {
    state: Schema.Literals(["failed", "skipped", "removed"]),
    end_date: Schema.optionalKey(Schema.NullOr(Time)),
    rendered_map_index: NullableString
  }),
  message("RetryTask", {
    end_date: Time,
    rendered_map_index: NullableString,
    retry_delay_seconds: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
    retry_reason: NullableString
  }),
  message("DeferTask", {
    /** The trigger's class, which the site's triggerer imports. */
    classpath: Schema.String,
    trigger_kwargs: NullableJson,
    /** ISO 8601 duration. */
    trigger_timeout: NullableString,
    queue: NullableString,
    next_method: Schema.String,
    next_kwargs: NullableJson,
    rendered_map_index: NullableString
  }),
  message("RescheduleTask", { reschedule_date: Time, end_date: Time }),
  message("AwaitInputTask", {
    /** ISO 8601 duration. */
    timeout: NullableString,
    next_method: Schema.String,
    next_kwargs: NullableJson,
    rendered_map_index: NullableString
  })
])
export type TaskEnd = typeof TaskEnd.Type

/** What a task asks for on its way; each is answered by one `TaskAnswer`. */
export const TaskRequest = Schema.Union([
  message("GetXCom", {
    ...inRun,
    map_index: NullableInt,
    include_prior_dates: Schema.optionalKey(Schema.Boolean)
  }),
  message("GetXComCount", inRun),
  message("GetXComSequenceItem", { ...inRun, offset: Schema.Int }),
  message("GetXComSequenceSlice", {
    ...inRun,
    start: Schema.NullOr(Schema.Int),
    stop: Schema.NullOr(Schema.Int),
    step: Schema.NullOr(Schema.Int),
    include_prior_dates: Schema.optionalKey(Schema.Boolean)
  }),
  message("SetXCom", {
    ...inRun,
    value: Schema.Unknown,
    map_index: NullableInt,
    dag_result: Schema.optionalKey(Schema.Boolean),
    mapped_length: NullableInt
  }),
  message("DeleteXCom", { ...inRun, map_index: NullableInt }),
  message("GetVariable", { key: Schema.String }),
  message("GetVariableKeys", {
    prefix: NullableString,
    limit: Schema.optionalKey(Schema.Int),
    offset: Schema.optionalKey(Schema.Int)
  }),
  message("PutVariable", {
    key: Schema.String,
    value: Schema.NullOr(Schema.String),
    description: Schema.NullOr(Schema.String)
  }),
  message("DeleteVariable", { key: Schema.String }),
  message("GetConnection", { conn_id: Schema.String }),
  message("TriggerDagRun", {
    dag_id: Schema.String,
    run_id: Schema.String,
    logical_date: NullableString,
    run_after: NullableString,
    conf: NullableJson,
    reset_dag_run: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
    partition_key: NullableString,
    note: NullableString
  }),
  message("GetDagRun", { dag_id: Schema.String, run_id: Schema.String }),
  message("GetDagRunState", { dag_id: Schema.String, run_id: Schema.String }),
  message("GetPreviousDagRun", { dag_id: Schema.String, logical_date: Time, state: NullableString }),
  message("GetPrevSuccessfulDagRun", { ti_id: Schema.String }),
  message("GetDRCount", {
    dag_id: Schema.String,
    logical_dates: selection.logical_dates,
    run_ids: selection.run_ids,
    states: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String)))
  }),
  message("GetDag", { dag_id: Schema.String }),
  message("GetPreviousTI", {
    dag_id: Schema.String,
    task_id: Schema.String,
    logical_date: NullableString,
    map_index: Schema.optionalKey(Schema.Int),
    state: NullableString
  }),
  message("GetTICount", {
    ...selection,
    states: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String)))
  }),
  message("GetTaskStates", selection),
  message("GetTaskBreadcrumbs", { dag_id: Schema.String, run_id: Schema.String }),
  message("GetTaskRescheduleStartDate", { ti_id: Schema.String, try_number: Schema.optionalKey(Schema.Int) }),
  message("SkipDownstreamTasks", {
    tasks: Schema.Array(Schema.Union([Schema.String, Schema.Tuple([Schema.String, Schema.Int])]))
  }),
  message("SetRenderedFields", { rendered_fields: Schema.Record(Schema.String, Schema.Unknown) }),
  message("SetRenderedMapIndex", { rendered_map_index: Schema.String }),
  message("ValidateInletsAndOutlets", { ti_id: Schema.String }),
  message("GetAssetByName", ofAsset.byName),
  message("GetAssetByUri", ofAsset.byUri),
  message("GetAssetsByAlias", { alias_name: Schema.String }),
  message("GetAssetEventByAsset", {
    name: Schema.NullOr(Schema.String),
    uri: Schema.NullOr(Schema.String),
    ...events
  }),
  message("GetAssetEventByAssetAlias", { alias_name: Schema.String, ...events }),
  message("GetTaskStateStore", { ti_id: Schema.String, key: Schema.String }),
  message("SetTaskStateStore", {
    ti_id: Schema.String,
    key: Schema.String,
    value: Schema.Unknown,
    /** Null: never. Left out, which Airflow's own does not do: after the worker's `[state_store] default_retention_days`. */
    expires_at: Schema.optionalKey(Schema.NullOr(Time))
  }),
  message("DeleteTaskStateStore", { ti_id: Schema.String, key: Schema.String }),
  message("ClearTaskStateStore", { ti_id: Schema.String }),
  message("GetAssetStateStoreByName", { ...ofAsset.byName, key: Schema.String }),
  message("GetAssetStateStoreByUri", { ...ofAsset.byUri, key: Schema.String }),
  message("SetAssetStateStoreByName", { ...ofAsset.byName, key: Schema.String, value: Schema.Unknown }),
  message("SetAssetStateStoreByUri", { ...ofAsset.byUri, key: Schema.String, value: Schema.Unknown }),
  message("DeleteAssetStateStoreByName", { ...ofAsset.byName, key: Schema.String }),
  message("DeleteAssetStateStoreByUri", { ...ofAsset.byUri, key: Schema.String }),
  message("ClearAssetStateStoreByName", ofAsset.byName),
  message("ClearAssetStateStoreByUri", ofAsset.byUri),
  message("CreateHITLDetailPayload", {
    ti_id: Schema.String,
    options: Schema.Array(Schema.String),
    subject: Schema.String,
    body: NullableString,
    defaults: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))),
    multiple: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
    params: NullableJson,
    assigned_users: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Unknown)))
  }),
  /** Asks for nothing of the site: from here on the task's log hides the value, or all under a sensitive name. */
  message("MaskSecret", { value: Schema.Unknown, name: NullableString })
])
export type TaskRequest = typeof TaskRequest.Type

/** The kinds of `ErrorResponse` (Airflow's `ErrorType`). */
export const ErrorType = Schema.Literals([
  "CONNECTION_NOT_FOUND",
  "VARIABLE_NOT_FOUND",
  "XCOM_NOT_FOUND",
  "ASSET_NOT_FOUND",
  "TASK_STORE_NOT_FOUND",
  "ASSET_STORE_NOT_FOUND",
  "DAGRUN_ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "GENERIC_ERROR",
  "API_SERVER_ERROR"
])
export type ErrorType = typeof ErrorType.Type

/** What was asked for is not there, not allowed, or the site could not be asked. */
export const ErrorResponse = message("ErrorResponse", {
  error: ErrorType,
  detail: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown)))
})
export type ErrorResponse = typeof ErrorResponse.Type

/**
 * The answer to a request: an object whose `type` is Airflow's (`XComResult`, `VariableResult`, `ConnectionResult`, …), or
 * null where there is nothing to say. Whoever asks reads it through a schema of its own.
 */
export const TaskAnswer = Schema.NullOr(
  Schema.StructWithRest(Schema.Struct({ type: Schema.String }), [
    Schema.Record(Schema.String, Schema.Unknown)
  ])
)
export type TaskAnswer = typeof TaskAnswer.Type

/** How much a line of the task's log matters, in the site's words. */
export const LogLevel = Schema.Literals(["critical", "error", "warning", "info", "debug"])
export type LogLevel = typeof LogLevel.Type

/** A line of the task's own log. Further keys become keys of the log's line. */
export const LogEvent = Schema.StructWithRest(
  Schema.Struct({
    /** ISO 8601 with an offset. */
    timestamp: Time,
    level: LogLevel,
    event: Schema.String,
    logger: Schema.optionalKey(Schema.String),
    /** Of an error: as Airflow's page shows it (`error_detail` of `sdk/log.py`). */
    error_detail: Schema.optionalKey(Schema.Unknown)
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)
export type LogEvent = typeof LogEvent.Type

/** What a task says; each request and end bears a number of its own, from 1, that the answer repeats. */
export const FromTask = Schema.Union([
  Schema.Struct({ id: Schema.Int, body: Schema.Union([TaskRequest, TaskEnd]) }),
  Schema.Struct({ log: LogEvent })
])
export type FromTask = typeof FromTask.Type

/** What a task hears: first its details, then an answer to each request, at any time that it shall end. */
export const ToTask = Schema.Union([
  Schema.Struct({ details: StartupDetails }),
  Schema.Struct({ id: Schema.Int, body: TaskAnswer, error: Schema.NullOr(ErrorResponse) }),
  Schema.Struct({ cancel: Schema.Literal(true) })
])
export type ToTask = typeof ToTask.Type
