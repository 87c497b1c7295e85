/** Workers: the workers that the embedded central knows, as they report and as operators change them. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { CentralConfig } from "../config/CentralConfig.ts"
import type { WorkerRegistrationReturn, WorkerSetStateReturn, WorkerStateBody } from "../protocol/EdgeApi.ts"
import * as CentralMetrics from "./CentralMetrics.ts"
import { Jobs } from "./Jobs.ts"
import * as Operator from "./OperatorRules.ts"
import { Repository, type RepositoryUnavailable } from "./Repository.ts"
import type { WorkerFilter, WorkerRecord } from "./WorkerRecord.ts"
import {
  heard,
  registered,
  storable,
  type Unstorable,
  type VersionUnacceptable,
  versionsMatch,
  type WorkerActive,
  WorkerUnknown
} from "./WorkerRules.ts"

type Stored<A, E = never> = Effect.Effect<A, E | RepositoryUnavailable>
/** Gives the row as it is now; the last one where it was removed. */
type Operated = Stored<WorkerRecord, WorkerUnknown | Operator.NotAllowed>

/** What becomes of workers. */
export class Workers extends Context.Service<
  Workers,
  {
    readonly register: (
      name: string,
      body: WorkerStateBody
    ) => Stored<WorkerRegistrationReturn, VersionUnacceptable | WorkerActive | Unstorable>
    /** Stores first: a worker whose versions are refused is still seen. */
    readonly heartbeat: (
      name: string,
      body: WorkerStateBody
    ) => Stored<WorkerSetStateReturn, VersionUnacceptable | WorkerUnknown | Unstorable>
    readonly get: (name: string) => Stored<WorkerRecord, WorkerUnknown>
    readonly exists: (name: string) => Stored<boolean>
    readonly list: (filter: WorkerFilter) => Stored<ReadonlyArray<WorkerRecord>>
    readonly requestMaintenance: (name: string, comment: string, user: string) => Operated
    readonly updateMaintenance: (name: string, comment: string, user: string) => Operated
    readonly exitMaintenance: (name: string) => Operated
    readonly shutdown: (name: string) => Operated
    readonly remove: (name: string) => Operated
    readonly addQueue: (name: string, queue: string) => Operated
    readonly removeQueue: (name: string, queue: string) => Operated
    /** Both at once, by the worker's own request, in which state it may be (Airflow's `PATCH worker/queues/NAME`). */
    readonly changeQueues: (
      name: string,
      add: ReadonlyArray<string>,
      remove: ReadonlyArray<string>
    ) => Operated
    readonly setConcurrency: (name: string, concurrency: number) => Operated
  }
>()("edge-worker/central/Workers") {
  static readonly layer = Layer.effect(
    Workers,
    Effect.gen(function* () {
      const repository = yield* Repository
      const jobs = yield* Jobs
      const settings = yield* CentralConfig

      /** Airflow's text of the Edge API; that of the management API names the worker. */
      const unknown = (detail = "Worker not found") => new WorkerUnknown({ detail })

      const register = Effect.fn("Workers.register")(function* (name: string, body: WorkerStateBody) {
        yield* Effect.fromResult(storable(name, body))
        const match = yield* Effect.fromResult(versionsMatch(body.sysinfo, settings))
        const now = yield* Clock.currentTimeMillis
        yield* repository.changeWorker(name, (stored) =>
          Result.map(registered(name, body, now, stored), (row) => [undefined, row])
        )
        // Registered it is: were this a failure, it would try again and be told that its name is taken. What stays
        // claimed goes back after claim_timeout.
        yield* jobs
          .releaseClaimsOf(name)
          .pipe(
            Effect.catch((error) =>
              Effect.logWarning(`claims of ${name} were not released: ${error.message}`)
            )
          )
        yield* Effect.logInfo(`worker ${name} registered`)
        return { last_update: new Date(now).toISOString(), versions_match: match }
      })

      const heartbeat = Effect.fn("Workers.heartbeat")(function* (name: string, body: WorkerStateBody) {
        yield* Effect.fromResult(storable(name, body))
        const now = yield* Clock.currentTimeMillis
        const worker = yield* repository.changeWorker(name, (stored) => {
          if (stored === undefined) return Result.fail(unknown())
          const row = heard(body, now, stored)
          return Result.succeed([row, row])
        })
        yield* CentralMetrics.heartbeatStored(worker)
        const match = yield* Effect.fromResult(versionsMatch(body.sysinfo, settings))
        const revoked = worker.jobsActive > 0 ? yield* jobs.revokedFrom(name) : []
        return {
          ...(revoked.length > 0 ? { revoked } : {}),
          state: worker.state,
          queues: worker.queues,
          maintenance_comments: worker.maintenanceComment,
          concurrency: worker.concurrency,
          versions_match: match
        }
      })

      const operate = (name: string, what: string, decide: Operator.Decision): Operated =>
        repository
          .changeWorker<WorkerRecord, WorkerUnknown | Operator.NotAllowed>(name, (stored) =>
            stored === undefined
              ? Result.fail(unknown(`Worker ${name} not found`))
              : Result.map(decide(stored), (row) => [row ?? stored, row])
          )
          .pipe(Effect.tap(() => Effect.logInfo(`worker ${name}: ${what}`)))

      return Workers.of({
        register,
        heartbeat,
        get: Effect.fnUntraced(function* (name) {
          return (yield* repository.worker(name)) ?? (yield* unknown())
        }),
        exists: (name) => Effect.map(repository.worker(name), (worker) => worker !== undefined),
        list: repository.workers,
        requestMaintenance: Effect.fnUntraced(function* (name, comment, user) {
          const now = yield* Clock.currentTimeMillis
          const decision = Operator.maintenanceRequested(comment, user, now)
          return yield* operate(name, `${user} requested maintenance`, decision)
        }),
        updateMaintenance: Effect.fnUntraced(function* (name, comment, user) {
          const now = yield* Clock.currentTimeMillis
          const decision = Operator.maintenanceUpdated(comment, user, now)
          return yield* operate(name, `${user} changed the maintenance comment`, decision)
        }),
        exitMaintenance: (name) => operate(name, "end of maintenance requested", Operator.maintenanceLifted),
        shutdown: (name) => operate(name, "shutdown requested", Operator.shutdownRequested),
        remove: (name) => operate(name, "removed", Operator.removed),
        addQueue: (name, queue) => operate(name, `queue ${queue} added`, Operator.queuesAdded([queue])),
        removeQueue: (name, queue) =>
          operate(name, `queue ${queue} removed`, Operator.queuesRemoved([queue])),
        changeQueues: (name, add, remove) =>
          operate(name, "queues changed", Operator.queuesChanged(add, remove)),
        setConcurrency: (name, concurrency) =>
          operate(name, `concurrency set to ${concurrency}`, Operator.concurrencySet(concurrency))
      })
    })
  )
}
