/** ManagementHandlers: the central's answers to Airflow's management API, for people and programs with a role. */
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import { CentralConfig } from "../config/CentralConfig.ts"
import { type Role, Unavailable } from "../protocol/CentralApi.ts"
import { BadRequest, Forbidden, NotFound, Unprocessable } from "../protocol/EdgeApi.ts"
import {
  type JobFilters,
  type ManagedJob,
  ManagementApi,
  ManagementToken,
  Unauthorized,
  type Worker,
  type WorkerFilters
} from "../protocol/ManagementApi.ts"
import { Accounts, type RoleMissing, requireRole } from "./Accounts.ts"
import { answered } from "./Answer.ts"
import { Asking } from "./Asking.ts"
import { checkSource } from "./Guard.ts"
import type { JobRecord } from "./JobRecord.ts"
import { Jobs } from "./Jobs.ts"
import { Operations, type WorkerChange } from "./Operations.ts"
import type { RepositoryUnavailable } from "./Repository.ts"
import { unprocessable } from "./RequestRefused.ts"
import type { WorkerRecord } from "./WorkerRecord.ts"
import { Workers } from "./Workers.ts"

/** Says what does not fit as FastAPI does, and declares what any call may meet. */
export class ManagementRefusals extends HttpApiMiddleware.Service<ManagementRefusals>()(
  "edge-worker/central/ManagementRefusals",
  { error: [Unprocessable, Unavailable, Forbidden] }
) {}

/** The management API where Airflow has it. */
export const ServedManagementApi = ManagementApi.middleware(ManagementRefusals).prefix("/edge_worker/ui")

const text = (millis: number): string => new Date(millis).toISOString()

const shownWorker = (worker: WorkerRecord): Worker => ({
  worker_name: worker.name,
  state: worker.state,
  queues: worker.queues,
  jobs_active: worker.jobsActive,
  sysinfo: worker.sysinfo,
  maintenance_comments: worker.maintenanceComment,
  // Airflow never fills it (edge3 5.1.0, `routes/ui.py`)
  team_name: null,
  first_online: text(worker.firstOnline),
  last_heartbeat: text(worker.lastUpdate)
})

const shownJob = (job: JobRecord): ManagedJob => ({
  ...job.key,
  task_instance_id: job.taskInstanceId,
  state: job.state,
  queue: job.queue,
  queued_dttm: text(job.queuedAt),
  edge_worker: job.worker,
  last_update: text(job.lastUpdate)
})

/** An empty pattern is none, as in Airflow. */
const workerFilter = (filters: WorkerFilters) => ({
  name: filters.worker_name_pattern || undefined,
  queue: filters.queue_name_pattern || undefined,
  states: filters.state?.length ? filters.state : undefined
})

const jobFilter = (filters: JobFilters) => ({
  dag: filters.dag_id_pattern || undefined,
  run: filters.run_id_pattern || undefined,
  task: filters.task_id_pattern || undefined,
  queue: filters.queue_pattern || undefined,
  worker: filters.worker_name_pattern || undefined,
  states: filters.state?.length ? filters.state : undefined
})

const unavailable = (error: RepositoryUnavailable) =>
  Effect.andThen(
    Effect.logError(error.message),
    // What the database says is for the log alone.
    Effect.fail(new Unavailable({ detail: "the central's database does not answer" }))
  )
const forbidden = (error: RoleMissing) => Effect.fail(new Forbidden({ detail: error.message }))
const badRequest = (error: Error) => Effect.fail(new BadRequest({ detail: error.message }))

/** The handler's own role, so that no endpoint is open because a list forgot it. */
const as = Effect.fnUntraced(
  function* (role: Role) {
    const identity = yield* Asking
    yield* requireRole(identity, role)
    return identity
  },
  Effect.catchTag("RoleMissing", forbidden)
)

const handlers = HttpApiBuilder.group(
  ServedManagementApi,
  "management",
  Effect.fnUntraced(function* (group) {
    const workers = yield* Workers
    const jobs = yield* Jobs
    const operations = yield* Operations

    const change = Effect.fnUntraced(
      function* (name: string, change: WorkerChange) {
        const identity = yield* as("operate")
        yield* operations.changeWorker(identity, name, change)
        return null
      },
      Effect.catchTags({
        WorkerUnknown: (error) => Effect.fail(new NotFound({ detail: error.detail })),
        NotAllowed: badRequest,
        RoleMissing: forbidden,
        RepositoryUnavailable: unavailable
      })
    )

    return group.handleAll({
      workers: ({ query }) =>
        Effect.andThen(as("view"), workers.list(workerFilter(query))).pipe(
          Effect.map((found) => ({ workers: found.map(shownWorker), total_entries: found.length })),
          Effect.catchTag("RepositoryUnavailable", unavailable)
        ),
      jobs: ({ query }) =>
        Effect.andThen(as("view"), jobs.list(jobFilter(query))).pipe(
          Effect.map((found) => ({ jobs: found.map(shownJob), total_entries: found.length })),
          Effect.catchTag("RepositoryUnavailable", unavailable)
        ),
      requestMaintenance: ({ params, payload }) =>
        change(params.worker_name, { action: "request maintenance", comment: payload.maintenance_comment }),
      updateMaintenance: ({ params, payload }) =>
        change(params.worker_name, {
          action: "update maintenance comment",
          comment: payload.maintenance_comment
        }),
      exitMaintenance: ({ params }) => change(params.worker_name, { action: "exit maintenance" }),
      shutdown: ({ params }) => change(params.worker_name, { action: "shutdown" }),
      removeWorker: ({ params }) => change(params.worker_name, { action: "remove" }),
      addQueue: ({ params }) => change(params.worker_name, { action: "add queue", queue: params.queue_name }),
      removeQueue: ({ params }) =>
        change(params.worker_name, { action: "remove queue", queue: params.queue_name }),
      setConcurrency: ({ params, payload }) =>
        change(params.worker_name, { action: "set concurrency", concurrency: payload.concurrency })
    })
  })
)

/** Only a token counts here: a browser's cookie goes with whatever page asks. */
const token = Layer.effect(
  ManagementToken,
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const settings = yield* CentralConfig
    return ManagementToken.of({
      token: Effect.fnUntraced(function* (next, { credential }) {
        const request = yield* HttpServerRequest.HttpServerRequest
        yield* checkSource(request, settings, false).pipe(
          Effect.mapError((error) => new Forbidden({ detail: error.message }))
        )
        const authenticated = yield* Effect.result(
          accounts.authenticate({ kind: "token", value: credential })
        )
        if (authenticated._tag === "Success")
          return yield* Effect.provideService(next, Asking, authenticated.success)
        const error = authenticated.failure
        if (error._tag === "Unauthenticated") return yield* new Unauthorized({ detail: error.message })
        yield* Effect.logError(error.message)
        return answered(503, "the central's database does not answer")
      })
    })
  })
)

const refusals = HttpApiMiddleware.layerSchemaErrorTransform(ManagementRefusals, (error) =>
  Effect.fail(unprocessable(error) ?? error)
)

/** The routes below `/edge_worker/ui/`. */
export const layer = HttpApiBuilder.layer(ServedManagementApi).pipe(
  Layer.provide(handlers),
  Layer.provide([token, refusals])
)
