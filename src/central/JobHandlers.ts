/** JobHandlers: the central's own API over its jobs, for people and programs with a role. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import { CentralConfig } from "../config/CentralConfig.ts"
import {
  Caller,
  CentralApi,
  type CentralJob,
  CentralToken,
  CentralUnprocessable,
  type Role,
  Unavailable
} from "../protocol/CentralApi.ts"
import { BadRequest, Conflict, Forbidden, NotFound } from "../protocol/EdgeApi.ts"
import { display } from "../protocol/Job.ts"
import { Unauthorized } from "../protocol/ManagementApi.ts"
import { Accounts } from "./Accounts.ts"
import { identify } from "./Guard.ts"
import type { JobRecord } from "./JobRecord.ts"
import { Jobs } from "./Jobs.ts"
import { Repository, type RepositoryUnavailable } from "./Repository.ts"
import { unprocessable } from "./RequestRefused.ts"

const text = (millis: number): string => new Date(millis).toISOString()

const shown = (job: JobRecord): CentralJob => ({
  ...job.key,
  task_instance_id: job.taskInstanceId,
  state: job.state,
  queue: job.queue,
  slots: job.slots,
  priority: job.priority,
  team: job.team,
  worker: job.worker,
  submitted_by: job.submittedBy,
  reason: job.reason,
  claims: job.claims,
  retries: job.retries,
  next_try: job.retried ? job.key.try_number + 1 : null,
  queued: text(job.queuedAt),
  last_update: text(job.lastUpdate)
})

/** Who asks, if they have the role. */
const caller = Effect.fnUntraced(function* (role: Role) {
  const { name, roles } = yield* Caller
  if (!roles.has(role)) return yield* new Forbidden({ detail: `${name} has no permission to ${role}` })
  return name
})

const unavailable = (error: RepositoryUnavailable) =>
  Effect.andThen(
    Effect.logError(error.message),
    // What the database says is for the log alone.
    Effect.fail(new Unavailable({ detail: "the central's database does not answer" }))
  )
/** Into the audit log: who did what to which job. */
const noted = Effect.fnUntraced(function* (user: string, action: string, job: JobRecord) {
  const { addAudit } = yield* Repository
  const at = yield* Clock.currentTimeMillis
  yield* addAudit({ at, user, action, target: display(job.key), detail: null })
})

const conflict = (error: Error) => Effect.fail(new Conflict({ detail: error.message }))
const notFound = (error: Error) => Effect.fail(new NotFound({ detail: error.message }))

const handlers = HttpApiBuilder.group(
  CentralApi,
  "jobs",
  Effect.fnUntraced(function* (group) {
    const jobs = yield* Jobs
    const repository = yield* Repository
    const { allowRawWorkloads } = yield* CentralConfig
    const note = (user: string, action: string) => (job: JobRecord) =>
      Effect.provideService(noted(user, action, job), Repository, repository)
    return group.handleAll({
      submit: ({ payload }) =>
        Effect.flatMap(caller("submit"), (user) =>
          Effect.tap(jobs.submit(payload, user), note(user, "submit"))
        ).pipe(
          Effect.map(shown),
          Effect.catchTags({ RepositoryUnavailable: unavailable, JobExists: conflict })
        ),
      submitRaw: Effect.fnUntraced(
        function* ({ payload }) {
          const user = yield* caller("submit")
          if (!allowRawWorkloads) {
            return yield* new Forbidden({
              detail: "this central takes no workloads of Airflow: start it with --allow-raw-workloads"
            })
          }
          return shown(yield* Effect.tap(jobs.submitRaw(payload, user), note(user, "submit raw")))
        },
        Effect.catchTags({
          RepositoryUnavailable: unavailable,
          JobExists: conflict,
          WorkloadRefused: (error) => Effect.fail(new BadRequest({ detail: error.message }))
        })
      ),
      job: ({ params }) =>
        Effect.andThen(caller("view"), jobs.get(params)).pipe(
          Effect.map(shown),
          Effect.catchTags({ RepositoryUnavailable: unavailable, JobUnknown: notFound })
        ),
      log: ({ params, query }) =>
        Effect.andThen(caller("view"), jobs.readLog(params, query.from ?? 0)).pipe(
          Effect.catchTags({ RepositoryUnavailable: unavailable, JobUnknown: notFound })
        ),
      cancel: Effect.fnUntraced(
        function* ({ params }) {
          const { name, roles } = yield* Caller
          // Whoever submitted a job may take it back.
          const own =
            roles.has("submit") &&
            (yield* jobs.get(params).pipe(Effect.map(({ submittedBy }) => submittedBy === name)))
          if (!own) yield* caller("operate")
          return shown(yield* Effect.tap(jobs.cancel(params, name), note(name, "cancel")))
        },
        Effect.catchTags({ RepositoryUnavailable: unavailable, JobUnknown: notFound, JobEnded: conflict })
      )
    })
  })
)

const token = Layer.effect(
  CentralToken,
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const settings = yield* CentralConfig
    return CentralToken.of({
      token: (next) =>
        HttpServerRequest.pipe(
          Effect.flatMap((request) => identify(request, settings, accounts)),
          Effect.catchTags({
            SourceRefused: (error) => Effect.fail(new Forbidden({ detail: error.message })),
            Unauthenticated: (error) => Effect.fail(new Unauthorized({ detail: error.message })),
            RepositoryUnavailable: unavailable
          }),
          Effect.flatMap((identity) => Effect.provideService(next, Caller, identity))
        )
    })
  })
)

const refusals = HttpApiMiddleware.layerSchemaErrorTransform(CentralUnprocessable, (error) =>
  Effect.fail(unprocessable(error) ?? error)
)

/** The routes below `/central/v1/`. */
export const layer = HttpApiBuilder.layer(CentralApi).pipe(
  Layer.provide(handlers),
  Layer.provide([token, refusals])
)
