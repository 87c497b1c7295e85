/** The Edge API, declared once: what a worker says to the central site, and what it hears. */

import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import * as Schema from "effect/Schema"
import { Job } from "./Job.ts"
import { WorkerState } from "./WorkerState.ts"

/** FastAPI's error body, `{"detail": …}`, under the statuses that the Edge API publishes. */
const Detail = { detail: Schema.Union([Schema.String, Schema.Record(Schema.String, Schema.Unknown)]) }

/** 400: the site does not accept the worker's Airflow or edge3 version (`_assert_version`, edge3 5.1.0). */
export class BadRequest extends Schema.Error<BadRequest>("BadRequest")(
  { _tag: Schema.tagDefaultOmit("BadRequest"), ...Detail },
  { httpApiStatus: 400 }
) {}

/** 403: the token was refused. */
export class Forbidden extends Schema.Error<Forbidden>("Forbidden")(
  { _tag: Schema.tagDefaultOmit("Forbidden"), ...Detail },
  { httpApiStatus: 403 }
) {}

/** 404: the site does not know the worker (or the path). */
export class NotFound extends Schema.Error<NotFound>("NotFound")(
  { _tag: Schema.tagDefaultOmit("NotFound"), ...Detail },
  { httpApiStatus: 404 }
) {}

/** 409: a worker of that name is active, or the worker cannot report task instance ids. */
export class Conflict extends Schema.Error<Conflict>("Conflict")(
  { _tag: Schema.tagDefaultOmit("Conflict"), ...Detail },
  { httpApiStatus: 409 }
) {}

/** What FastAPI says of each part of a request that does not fit (`HTTPValidationError`). */
export const ValidationErrors = Schema.Array(
  Schema.Struct({
    loc: Schema.Array(Schema.Union([Schema.String, Schema.Int])),
    msg: Schema.String,
    type: Schema.String,
    input: Schema.optionalKey(Schema.Unknown),
    ctx: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
  })
)

/** 422: FastAPI could not make sense of the request. */
export class Unprocessable extends Schema.Error<Unprocessable>("Unprocessable")(
  { _tag: Schema.tagDefaultOmit("Unprocessable"), detail: Schema.optionalKey(ValidationErrors) },
  { httpApiStatus: 422 }
) {}

/** Reads and writes the `Authorization` header: the bare token, without `Bearer` (edge3 5.1.0 `api_client.py`). */
export class EdgeToken extends HttpApiMiddleware.Service<EdgeToken>()("edge-worker/protocol/EdgeToken", {
  requiredForClient: true,
  security: { token: HttpApiSecurity.apiKey({ key: "authorization", in: "header" }) },
  error: Forbidden
}) {}

const Queues = Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String)))
const OptionalString = Schema.optionalKey(Schema.NullOr(Schema.String))

/** What a worker tells of its machine and itself; numbers among the further keys become metrics of the site. */
export const Sysinfo = Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Int, Schema.Finite]))
export type Sysinfo = typeof Sysinfo.Type

/** `WorkerStateBody`: the body of a registration and of a heartbeat. */
export const WorkerStateBody = Schema.Struct({
  state: WorkerState,
  jobs_active: Schema.optionalKey(Schema.Int),
  queues: Queues,
  sysinfo: Sysinfo,
  maintenance_comments: OptionalString,
  team_name: OptionalString
})
export type WorkerStateBody = typeof WorkerStateBody.Type

/** `WorkerRegistrationReturn` */
export const WorkerRegistrationReturn = Schema.Struct({
  last_update: Schema.String,
  versions_match: Schema.optionalKey(Schema.Boolean)
})
export type WorkerRegistrationReturn = typeof WorkerRegistrationReturn.Type

/** `WorkerSetStateReturn`: the answer to a heartbeat, and the only way in which the site gives a worker orders. */
export const WorkerSetStateReturn = Schema.Struct({
  state: WorkerState,
  queues: Schema.NullOr(Schema.Array(Schema.String)),
  maintenance_comments: OptionalString,
  concurrency: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  versions_match: Schema.optionalKey(Schema.Boolean),
  /**
   * Jobs that the site has ended while this worker had them, by `task_instance_id`: it has to stop those that it still
   * runs. Only our embedded central sends it; Airflow's worker ignores it.
   */
  revoked: Schema.optionalKey(Schema.Array(Schema.String))
})
export type WorkerSetStateReturn = typeof WorkerSetStateReturn.Type

/** `WorkerQueuesBody`: what a fetch asks for. `queues: null` means every queue. */
export const WorkerQueuesBody = Schema.Struct({
  queues: Queues,
  team_name: OptionalString,
  free_concurrency: Schema.Int,
  supports_task_instance_uuid: Schema.optionalKey(Schema.Boolean)
})
export type WorkerQueuesBody = typeof WorkerQueuesBody.Type

/** `TaskInstanceState`: the states in which a job can be reported. */
export const JobState = Schema.Literals([
  "removed",
  "scheduled",
  "queued",
  "running",
  "success",
  "restarting",
  "failed",
  "up_for_retry",
  "up_for_reschedule",
  "upstream_failed",
  "skipped",
  "deferred",
  "awaiting_input"
])
export type JobState = typeof JobState.Type

/** `PushLogsBody`: one chunk of a task's log. The time is part of the stored chunk's primary key. */
export const PushLogsBody = Schema.Struct({
  log_chunk_time: Schema.String,
  log_chunk_data: Schema.String,
  task_instance_id: OptionalString
})
export type PushLogsBody = typeof PushLogsBody.Type

const jobPath = {
  dag_id: Schema.String,
  task_id: Schema.String,
  run_id: Schema.String,
  try_number: Schema.Int,
  map_index: Schema.Int
}

/** `worker/…`: register and heartbeat. */
export class WorkerGroup extends HttpApiGroup.make("worker")
  .add(
    HttpApiEndpoint.post("register", "/worker/:worker_name", {
      params: { worker_name: Schema.String },
      payload: WorkerStateBody,
      success: WorkerRegistrationReturn,
      error: [BadRequest, Conflict, Unprocessable]
    }),
    HttpApiEndpoint.patch("setState", "/worker/:worker_name", {
      params: { worker_name: Schema.String },
      payload: WorkerStateBody,
      success: WorkerSetStateReturn,
      error: [BadRequest, NotFound, Conflict, Unprocessable]
    })
  )
  .middleware(EdgeToken) {}

/** `jobs/…`: fetch a job, report its state. */
export class JobsGroup extends HttpApiGroup.make("jobs")
  .add(
    HttpApiEndpoint.post("fetch", "/jobs/fetch/:worker_name", {
      params: { worker_name: Schema.String },
      payload: WorkerQueuesBody,
      success: Schema.NullOr(Job),
      error: [BadRequest, NotFound, Conflict, Unprocessable]
    }),
    HttpApiEndpoint.patch("setState", "/jobs/state/:dag_id/:task_id/:run_id/:try_number/:map_index/:state", {
      params: { ...jobPath, state: JobState },
      payload: Schema.Struct({ task_instance_id: OptionalString }),
      success: Schema.Unknown,
      error: [BadRequest, Unprocessable]
    })
  )
  .middleware(EdgeToken) {}

/** `logs/…`: push the next chunk of a task's log. */
export class LogsGroup extends HttpApiGroup.make("logs")
  .add(
    HttpApiEndpoint.post("push", "/logs/push/:dag_id/:task_id/:run_id/:try_number/:map_index", {
      params: jobPath,
      payload: PushLogsBody,
      success: Schema.Unknown,
      error: [BadRequest, Unprocessable]
    })
  )
  .middleware(EdgeToken) {}

/** `health`: needs no token. */
export class MonitorGroup extends HttpApiGroup.make("monitor").add(
  HttpApiEndpoint.get("health", "/health", { success: Schema.Record(Schema.String, Schema.String) })
) {}

/**
 * The Edge API of edge3 5.1.0, as far as a worker uses it. Its base URL is the folder of `[edge] api_url`:
 * `https://site/edge_worker/v1/`.
 */
export class EdgeApi extends HttpApi.make("edge").add(WorkerGroup, JobsGroup, LogsGroup, MonitorGroup) {}
