/** TaskInstances: what a supervisor says and asks about its own task instance, and about others. */
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import * as Schema from "effect/Schema"
import { Conflict, JobState, NotFound } from "../EdgeApi.ts"
import { exact, Float, JsonObject } from "./ExactJson.ts"
import { ExecutionToken, ExecutionVersion } from "./ExecutionToken.ts"
import { Gone, maybe, ofTask, TaskUnprocessable, Time } from "./parts.ts"
import { TIRunContext } from "./RunContext.ts"
import { AssetProfile, TaskStateBody } from "./TaskStates.ts"

/** `TIEnterRunningPayload`. Again with the same host, user and pid it is answered as the first time. */
export const EnterRunning = Schema.Struct({
  state: Schema.Literal("running"),
  hostname: Schema.String,
  unixname: Schema.String,
  /** Unique to the attempt. */
  pid: Schema.Int,
  start_date: Time
})
export type EnterRunning = typeof EnterRunning.Type

/** `TIHeartbeatInfo` */
export const HeartbeatInfo = Schema.Struct({ hostname: Schema.String, pid: Schema.Int })
export type HeartbeatInfo = typeof HeartbeatInfo.Type

/** `PreviousTIResponse` */
export const PreviousTaskInstance = Schema.Struct({
  task_id: Schema.String,
  dag_id: Schema.String,
  run_id: Schema.String,
  logical_date: maybe(Time),
  start_date: maybe(Time),
  end_date: maybe(Time),
  state: maybe(Schema.String),
  try_number: Schema.Int,
  map_index: maybe(Schema.Int),
  duration: maybe(Float)
})

const several = Schema.optionalKey(Schema.Array(Schema.String))
const filters = {
  dag_id: Schema.String,
  map_index: Schema.optionalKey(Schema.Int),
  task_ids: several,
  task_group_id: Schema.optionalKey(Schema.String),
  logical_dates: Schema.optionalKey(Schema.Array(Time)),
  run_ids: several
}
const nothing = HttpApiSchema.NoContent
const always = TaskUnprocessable
const taskErrors = [NotFound, always] as const

/** `task-instances/…` */
export class TaskInstancesGroup extends HttpApiGroup.make("taskInstances")
  .add(
    /** 409: `{reason: "invalid_state", previous_state}`. The only one that the token of a workload is good for. */
    HttpApiEndpoint.patch("run", "/task-instances/:task_instance_id/run", {
      params: ofTask,
      payload: EnterRunning,
      success: exact(TIRunContext),
      error: [NotFound, Conflict, always]
    }),
    /** 204; 200: it was in that state already. 409: it does not run. */
    HttpApiEndpoint.patch("setState", "/task-instances/:task_instance_id/state", {
      params: ofTask,
      payload: exact(TaskStateBody),
      success: [nothing, HttpApiSchema.Empty(200)],
      error: [NotFound, Conflict, always]
    }),
    HttpApiEndpoint.patch("skipDownstream", "/task-instances/:task_instance_id/skip-downstream", {
      params: ofTask,
      payload: Schema.Struct({
        tasks: Schema.Array(Schema.Union([Schema.String, Schema.Tuple([Schema.String, Schema.Int])]))
      }),
      success: nothing,
      error: taskErrors
    }),
    /** 404, 409 (`not_running`, `running_elsewhere`) and 410: the task has to be stopped. */
    HttpApiEndpoint.put("heartbeat", "/task-instances/:task_instance_id/heartbeat", {
      params: ofTask,
      payload: HeartbeatInfo,
      success: nothing,
      error: [NotFound, Conflict, Gone, always]
    }),
    /** The task's rendered template fields. */
    HttpApiEndpoint.put("rtif", "/task-instances/:task_instance_id/rtif", {
      params: ofTask,
      payload: exact(JsonObject),
      success: Schema.Unknown.pipe(HttpApiSchema.status(201)),
      error: [NotFound, Gone, always]
    }),
    /** 422: it is empty. */
    HttpApiEndpoint.patch("renderedMapIndex", "/task-instances/:task_instance_id/rendered-map-index", {
      params: ofTask,
      payload: Schema.String,
      success: nothing,
      error: taskErrors
    }),
    HttpApiEndpoint.get(
      "previousSuccessfulDagRun",
      "/task-instances/:task_instance_id/previous-successful-dagrun",
      {
        params: ofTask,
        success: Schema.Struct({
          data_interval_start: maybe(Time),
          data_interval_end: maybe(Time),
          start_date: maybe(Time),
          end_date: maybe(Time)
        }),
        error: taskErrors
      }
    ),
    HttpApiEndpoint.get(
      "validateInletsAndOutlets",
      "/task-instances/:task_instance_id/validate-inlets-and-outlets",
      {
        params: ofTask,
        success: Schema.Struct({ inactive_assets: Schema.optionalKey(Schema.Array(AssetProfile)) }),
        error: taskErrors
      }
    ),
    HttpApiEndpoint.get("count", "/task-instances/count", {
      query: { ...filters, states: several },
      success: Schema.Int,
      error: always
    }),
    HttpApiEndpoint.get("states", "/task-instances/states", {
      query: filters,
      success: exact(Schema.Struct({ task_states: JsonObject })),
      error: always
    }),
    HttpApiEndpoint.get("previous", "/task-instances/previous/:dag_id/:task_id", {
      params: { dag_id: Schema.String, task_id: Schema.String },
      query: {
        logical_date: Schema.optionalKey(Time),
        map_index: Schema.optionalKey(Schema.Int),
        state: Schema.optionalKey(JobState)
      },
      success: exact(Schema.NullOr(PreviousTaskInstance)),
      error: always
    }),
    HttpApiEndpoint.get("breadcrumbs", "/task-instances/breadcrumbs", {
      query: { dag_id: Schema.String, run_id: Schema.String },
      success: exact(Schema.Struct({ breadcrumbs: Schema.Array(JsonObject) })),
      error: always
    })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}

/** `task-reschedules/…` */
export class TaskReschedulesGroup extends HttpApiGroup.make("taskReschedules")
  .add(
    /** When the first of the reschedules of a try began; null where there was none. */
    HttpApiEndpoint.get("startDate", "/task-reschedules/:task_instance_id/start_date", {
      params: ofTask,
      success: Schema.NullOr(Time),
      error: taskErrors
    })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}
