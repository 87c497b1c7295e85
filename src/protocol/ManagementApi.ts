/** The management API, declared once: what a person's browser or command line says to the central site about its workers. */

import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import * as Schema from "effect/Schema"
import { BadRequest, Forbidden, JobState, NotFound, Sysinfo, Unprocessable } from "./EdgeApi.ts"
import { JobKey } from "./Job.ts"
import { WorkerState } from "./WorkerState.ts"

/** 401: no token, or one that is not (or no longer) good. */
export class Unauthorized extends Schema.Error<Unauthorized>("Unauthorized")(
  {
    _tag: Schema.tagDefaultOmit("Unauthorized"),
    detail: Schema.Union([Schema.String, Schema.Record(Schema.String, Schema.Unknown)])
  },
  { httpApiStatus: 401 }
) {}

/** Reads and writes `Authorization: Bearer …`: a token of Airflow's API (`/auth/token`). */
export class ManagementToken extends HttpApiMiddleware.Service<ManagementToken>()(
  "edge-worker/protocol/ManagementToken",
  {
    requiredForClient: true,
    security: { token: HttpApiSecurity.bearer },
    error: [Unauthorized, Forbidden]
  }
) {}

const Text = Schema.optionalKey(Schema.NullOr(Schema.String))

/**
 * `Worker` (edge3 5.1.0, `worker_api/datamodels_ui.py`): as the site stores it. Of the optional keys the site sends
 * all, except that it never fills `team_name`. Times are ISO 8601 texts.
 */
export const Worker = Schema.Struct({
  worker_name: Schema.String,
  state: WorkerState,
  /** `null`: the worker serves every queue. */
  queues: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))),
  jobs_active: Schema.optionalKey(Schema.Int),
  sysinfo: Sysinfo,
  maintenance_comments: Text,
  team_name: Text,
  first_online: Text,
  last_heartbeat: Text
})
export type Worker = typeof Worker.Type

/** `WorkerCollectionResponse`: sorted by name. */
export const WorkerCollection = Schema.Struct({ workers: Schema.Array(Worker), total_entries: Schema.Int })
export type WorkerCollection = typeof WorkerCollection.Type

/** `Job` (edge3 5.1.0, `worker_api/datamodels_ui.py`): a job as the site stores it, without its workload. */
export const ManagedJob = Schema.Struct({
  ...JobKey.fields,
  /** Empty for a job of a site that did not know it. */
  task_instance_id: Schema.optionalKey(Schema.String),
  state: JobState,
  queue: Schema.String,
  queued_dttm: Text,
  edge_worker: Text,
  last_update: Text
})
export type ManagedJob = typeof ManagedJob.Type

/** `JobCollectionResponse`: the oldest first. */
export const JobCollection = Schema.Struct({ jobs: Schema.Array(ManagedJob), total_entries: Schema.Int })
export type JobCollection = typeof JobCollection.Type

/** `MaintenanceRequest`. The site puts the time and the user before the comment; with them it keeps 1024 characters. */
export const MaintenanceRequest = Schema.Struct({ maintenance_comment: Schema.String })

/** `ConcurrencyRequest` */
export const ConcurrencyRequest = Schema.Struct({
  concurrency: Schema.Int.check(Schema.isGreaterThan(0))
})

const Pattern = Schema.optionalKey(Schema.String)

/** The filters of `GET /worker`. Patterns are parts of a name in any case, of which `%` and `_` are wildcards in Airflow. */
export const WorkerFilters = Schema.Struct({
  worker_name_pattern: Pattern,
  /** The beginning of one of the queues. */
  queue_name_pattern: Pattern,
  state: Schema.optionalKey(Schema.Array(WorkerState))
})
export type WorkerFilters = typeof WorkerFilters.Type

/** The filters of `GET /jobs`. */
export const JobFilters = Schema.Struct({
  dag_id_pattern: Pattern,
  run_id_pattern: Pattern,
  task_id_pattern: Pattern,
  state: Schema.optionalKey(Schema.Array(JobState)),
  queue_pattern: Pattern,
  worker_name_pattern: Pattern
})
export type JobFilters = typeof JobFilters.Type

const ofWorker = { worker_name: Schema.String }
const ofQueue = { ...ofWorker, queue_name: Schema.String }
/** Airflow answers a change with `null` and status 200 (published as anything). */
const changed = { success: Schema.Unknown, error: [BadRequest, NotFound, Unprocessable] }

/** All of it; `worker` and `jobs` only read. */
export class ManagementGroup extends HttpApiGroup.make("management")
  .add(
    HttpApiEndpoint.get("workers", "/worker", {
      query: WorkerFilters,
      success: WorkerCollection,
      error: Unprocessable
    }),
    HttpApiEndpoint.get("jobs", "/jobs", {
      query: JobFilters,
      success: JobCollection,
      error: Unprocessable
    }),
    HttpApiEndpoint.post("requestMaintenance", "/worker/:worker_name/maintenance", {
      params: ofWorker,
      payload: MaintenanceRequest,
      ...changed
    }),
    HttpApiEndpoint.patch("updateMaintenance", "/worker/:worker_name/maintenance", {
      params: ofWorker,
      payload: MaintenanceRequest,
      ...changed
    }),
    HttpApiEndpoint.delete("exitMaintenance", "/worker/:worker_name/maintenance", {
      params: ofWorker,
      ...changed
    }),
    HttpApiEndpoint.post("shutdown", "/worker/:worker_name/shutdown", { params: ofWorker, ...changed }),
    HttpApiEndpoint.delete("removeWorker", "/worker/:worker_name", { params: ofWorker, ...changed }),
    HttpApiEndpoint.put("addQueue", "/worker/:worker_name/queues/:queue_name", {
      params: ofQueue,
      ...changed
    }),
    HttpApiEndpoint.delete("removeQueue", "/worker/:worker_name/queues/:queue_name", {
      params: ofQueue,
      ...changed
    }),
    HttpApiEndpoint.patch("setConcurrency", "/worker/:worker_name/concurrency", {
      params: ofWorker,
      payload: ConcurrencyRequest,
      ...changed
    })
  )
  .middleware(ManagementToken) {}

/** The management API of edge3 5.1.0. Its base URL is the site's `/edge_worker/ui`, which is no part of it. */
export class ManagementApi extends HttpApi.make("management").add(ManagementGroup) {}
