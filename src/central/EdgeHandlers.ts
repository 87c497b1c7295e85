/** EdgeHandlers: the central's answers to workers: registration, heartbeat, fetch, reports, logs. */
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { BadRequest, Conflict, NotFound, Unprocessable } from "../protocol/EdgeApi.ts"
import type { JobKey } from "../protocol/Job.ts"
import * as Json from "../protocol/Json.ts"
import { answered } from "./Answer.ts"
import { Jobs } from "./Jobs.ts"
import type { RepositoryUnavailable } from "./Repository.ts"
import { unprocessable } from "./RequestRefused.ts"
import { EdgeRefusals, ServedEdgeApi } from "./ServedEdgeApi.ts"
import { authorize, Grant } from "./WorkerAccess.ts"
import type { Unstorable } from "./WorkerRules.ts"
import { Workers } from "./Workers.ts"

const largest = 2_147_483_647

const unfit = (loc: ReadonlyArray<string>, msg: string) =>
  new Unprocessable({ detail: [{ loc: [...loc], msg, type: "value_error" }] })

const unstorable = (error: Unstorable) => Effect.fail(unfit(error.loc, error.detail))
const badRequest = (error: { readonly detail: string }) =>
  Effect.fail(new BadRequest({ detail: error.detail }))
const conflict = (error: { readonly detail: string }) => Effect.fail(new Conflict({ detail: error.detail }))
const notFound = (error: { readonly detail: string }) => Effect.fail(new NotFound({ detail: error.detail }))
/** The same for endpoints whose declaration has no such status. */
const bareConflict = (error: { readonly detail: string }) => Effect.succeed(answered(409, error.detail))

/** Clients try again; what the database says is for the log alone. */
const unavailable = (error: RepositoryUnavailable) =>
  Effect.as(Effect.logError(error.message), answered(503, "the central's database does not answer"))

/** Airflow answers `null` where there is nothing to say. */
const nothing = HttpServerResponse.jsonUnsafe(null)

/** The parts of a key that do not fit into the store. */
const keyed = (params: JobKey) => {
  for (const part of ["try_number", "map_index"] as const) {
    if (Math.abs(params[part]) > largest) return Effect.fail(unfit(["path", part], `at most ${largest}`))
  }
  const { dag_id, map_index, run_id, task_id, try_number } = params
  return Effect.succeed<JobKey>({ dag_id, task_id, run_id, try_number, map_index })
}

const worker = HttpApiBuilder.group(
  ServedEdgeApi,
  "worker",
  Effect.fnUntraced(function* (group) {
    const workers = yield* Workers
    return group.handleAll({
      register: Effect.fnUntraced(
        function* ({ params: { worker_name: name }, payload }) {
          yield* authorize({ name, team: payload.team_name ?? null, queues: payload.queues ?? null })
          return yield* workers.register(name, payload)
        },
        Effect.catchTags({
          VersionUnacceptable: badRequest,
          WorkerActive: conflict,
          Unstorable: unstorable,
          RepositoryUnavailable: unavailable
        })
      ),
      setState: Effect.fnUntraced(
        function* ({ params: { worker_name: name }, payload }) {
          yield* authorize({ name })
          return yield* workers.heartbeat(name, payload)
        },
        Effect.catchTags({
          VersionUnacceptable: badRequest,
          WorkerUnknown: notFound,
          Unstorable: unstorable,
          RepositoryUnavailable: unavailable
        })
      )
    })
  })
)

const queues = HttpApiBuilder.group(
  ServedEdgeApi,
  "queues",
  Effect.fnUntraced(function* (group) {
    const workers = yield* Workers
    return group.handleAll({
      update: Effect.fnUntraced(
        function* ({ params: { worker_name: name }, payload }) {
          const add = payload.new_queues ?? []
          yield* authorize(add.length === 0 ? { name } : { name, queues: add })
          // Airflow's text of this API does not name the worker.
          yield* workers.get(name)
          yield* workers.changeQueues(name, add, payload.remove_queues ?? [])
          return nothing
        },
        Effect.catchTags({
          NotAllowed: badRequest,
          WorkerUnknown: notFound,
          RepositoryUnavailable: unavailable
        })
      )
    })
  })
)

/** Of a job that somebody else holds a limited identity says nothing. */
const authorizeFor = Effect.fnUntraced(function* (key: JobKey) {
  if (!(yield* Grant).limited) return
  const jobs = yield* Jobs
  const holder = yield* jobs.get(key).pipe(
    Effect.map((job) => job.worker),
    Effect.catchTag("JobUnknown", () => Effect.succeed(null))
  )
  if (holder !== null) yield* authorize({ name: holder })
})

const jobs = HttpApiBuilder.group(
  ServedEdgeApi,
  "jobs",
  Effect.fnUntraced(function* (group) {
    const workers = yield* Workers
    const jobs = yield* Jobs
    return group.handleAll({
      fetch: Effect.fnUntraced(
        function* ({ params: { worker_name: name }, payload }) {
          const { team } = yield* workers.get(name)
          yield* authorize({ name, team, queues: payload.queues ?? null })
          if (payload.supports_task_instance_uuid !== true)
            return yield* new Conflict({ detail: "Upgrade this Edge worker to report task-instance UUIDs." })
          if (payload.free_concurrency < 1) return nothing
          const ask = { ...payload, free_concurrency: Math.min(payload.free_concurrency, largest) }
          const job = yield* jobs.fetch(name, ask, team)
          if (Option.isNone(job)) return nothing
          // As it was submitted, digit by digit, which a pass through the schema would not keep.
          return HttpServerResponse.text(Json.stringify(job.value) ?? "null", {
            contentType: "application/json"
          })
        },
        Effect.catchTags({ WorkerUnknown: notFound, RepositoryUnavailable: unavailable })
      ),
      setState: Effect.fnUntraced(
        function* ({ params, payload }) {
          const key = yield* keyed(params)
          yield* Effect.provideService(authorizeFor(key), Jobs, jobs)
          yield* jobs.report(key, params.state, payload.task_instance_id ?? null)
          return nothing
        },
        Effect.catchTags({
          NotReportable: badRequest,
          StaleHolder: bareConflict,
          RepositoryUnavailable: unavailable
        })
      )
    })
  })
)

const logs = HttpApiBuilder.group(
  ServedEdgeApi,
  "logs",
  Effect.fnUntraced(function* (group) {
    const jobs = yield* Jobs
    return group.handleAll({
      push: Effect.fnUntraced(
        function* ({ params, payload }) {
          const key = yield* keyed(params)
          if (Number.isNaN(Date.parse(payload.log_chunk_time)))
            return yield* unfit(["body", "log_chunk_time"], "it must be a date and time")
          yield* Effect.provideService(authorizeFor(key), Jobs, jobs)
          const chunk = { time: payload.log_chunk_time, text: payload.log_chunk_data }
          const kept = yield* jobs.pushLog(key, chunk, payload.task_instance_id ?? null)
          // As from Airflow, whose chunks have the time in their key: our worker learns so that a chunk has arrived.
          return kept === "taken" ? answered(500, "there is another log chunk of that time") : nothing
        },
        Effect.catchTags({ RepositoryUnavailable: unavailable })
      )
    })
  })
)

const monitor = HttpApiBuilder.group(ServedEdgeApi, "monitor", (group) =>
  group.handle("health", () => Effect.succeed({ status: "healthy" }))
)

const refusals = HttpApiMiddleware.layerSchemaErrorTransform(EdgeRefusals, (error) =>
  Effect.fail(unprocessable(error) ?? error)
)

/** The routes below `/edge_worker/v1/`; their description is where Airflow has it. */
export const layer = HttpApiBuilder.layer(ServedEdgeApi, { openapiPath: "/edge_worker/openapi.json" }).pipe(
  Layer.provide([worker, queues, jobs, logs, monitor]),
  Layer.provide(refusals)
)
