/** Sweeper: what nobody asks for and has to happen: silent workers, unconfirmed claims, lost jobs, the end of old ones. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { CentralConfig } from "../config/CentralConfig.ts"
import { display, type JobKey, keyTuple } from "../protocol/Job.ts"
import type { WorkerState } from "../protocol/WorkerState.ts"
import * as CentralMetrics from "./CentralMetrics.ts"
import { isEnded, type JobRecord } from "./JobRecord.ts"
import { gaveUp, released } from "./JobRules.ts"
import { Repository, type RepositoryUnavailable } from "./Repository.ts"
import { woken } from "./TaskRules.ts"
import type { WorkerRecord } from "./WorkerRecord.ts"
import { freshId } from "./Workloads.ts"

/** As often as Airflow's scheduler looks (`[scheduler] scheduler_heartbeat_sec`). */
const period = Duration.seconds(5)

/** How many heartbeats a worker may leave out (edge3 5.1.0, `_check_worker_liveness`). */
const missedHeartbeats = 5

const gone: ReadonlyArray<WorkerState> = ["unknown", "offline", "offline maintenance"]
const present: ReadonlyArray<WorkerState> = [
  "starting",
  "running",
  "idle",
  "shutdown request",
  "terminating",
  "maintenance request",
  "maintenance pending",
  "maintenance mode",
  "maintenance exit"
]

/** A worker that vanished in maintenance comes back in maintenance. */
const vanished = (worker: WorkerRecord): WorkerRecord => {
  const { status_text: _, ...sysinfo } = worker.sysinfo
  const state = ["maintenance mode", "maintenance pending", "maintenance request"].includes(worker.state)
    ? "offline maintenance"
    : "unknown"
  return { ...worker, state, sysinfo: { ...sysinfo, status: 0 } }
}

const idOf = (key: JobKey) => JSON.stringify(keyTuple(key))

/** Several centrals may sweep one database: each step is one transaction, and leaves out what another one holds. */
export class Sweeper extends Context.Service<
  Sweeper,
  {
    /** Once, in Airflow's order. */
    readonly sweep: Effect.Effect<void, RepositoryUnavailable>
    /** For ever. */
    readonly run: Effect.Effect<void>
  }
>()("edge-worker/central/Sweeper") {
  static readonly layer = Layer.effect(
    Sweeper,
    Effect.gen(function* () {
      const config = yield* CentralConfig
      const repository = yield* Repository
      const claimTimeout = Duration.toMillis(config.claimTimeout)
      const taskTimeout = Duration.toMillis(config.taskInstanceHeartbeatTimeout)
      const silence = Duration.toMillis(config.heartbeatInterval) * missedHeartbeats
      /** Since when a job's worker, which is there, has said that it runs nothing. */
      const idleSince = new Map<string, number>()

      const silentWorkers = Effect.fnUntraced(function* (now: number) {
        const lost = yield* repository.changeWorkers(
          { states: present, silentSince: now - silence },
          vanished
        )
        for (const { name, state } of lost) {
          yield* Effect.logWarning(`worker ${name} is silent: its state is now ${state}`)
        }
      })

      const unconfirmed = Effect.fnUntraced(function* (now: number) {
        const back = yield* repository.changeJobs(
          { states: ["restarting"], updatedBefore: now - claimTimeout },
          released(now)
        )
        for (const { key, worker } of back) {
          yield* Effect.logWarning(
            `${display(key)} is queued again: ${worker} took it and did not confirm it`
          )
        }
      })

      /** Why a job that runs for long cannot run any more; undefined where it may. */
      const lossOf = (job: JobRecord, worker: WorkerRecord | undefined, now: number): string | undefined => {
        const id = idOf(job.key)
        if (worker === undefined) return `the worker ${job.worker} was removed`
        if (gone.includes(worker.state)) {
          return worker.lastUpdate < now - taskTimeout ? `the worker ${job.worker} is gone` : undefined
        }
        if (worker.jobsActive > 0) {
          idleSince.delete(id)
          return undefined
        }
        const since = idleSince.get(id) ?? now
        idleSince.set(id, since)
        return since <= now - taskTimeout ? `the worker ${job.worker} does not run it any more` : undefined
      }

      const lost = Effect.fnUntraced(function* (now: number) {
        const old = { states: ["running"] as const, updatedBefore: now - taskTimeout }
        const running = yield* repository.jobs(old)
        const ids = new Set(running.map(({ key }) => idOf(key)))
        for (const id of idleSince.keys()) if (!ids.has(id)) idleSince.delete(id)
        if (running.length === 0) return
        const workers = new Map((yield* repository.workers({})).map((worker) => [worker.name, worker]))
        const reasons = new Map<string, string>()
        for (const job of running) {
          const reason = lossOf(job, workers.get(job.worker ?? ""), now)
          if (reason !== undefined) reasons.set(idOf(job.key), reason)
        }
        if (reasons.size === 0) return
        for (const { key } of running) {
          const reason = reasons.get(idOf(key))
          if (reason === undefined) continue
          const job = yield* repository.changeJob(key, gaveUp(reason, old.updatedBefore, now, yield* freshId))
          if (job === undefined) continue
          yield* Effect.logWarning(`${display(key)}: ${job.state}, ${reason}`)
          if (isEnded(job.state)) yield* CentralMetrics.jobFinished(job, job.state)
        }
      })

      const due = Effect.fnUntraced(function* (now: number) {
        yield* repository.changeJobs({ states: ["up_for_reschedule", "up_for_retry"] }, woken(now))
      })

      const purge = Effect.fnUntraced(function* (now: number) {
        const [success, fail] = [config.jobSuccessPurge, config.jobFailPurge].map(Duration.toMillis)
        yield* repository.changeJobs(
          { states: ["success"], updatedBefore: now - (success ?? 0), latest: true },
          () => undefined
        )
        yield* repository.changeJobs(
          { states: ["failed", "removed", "skipped"], updatedBefore: now - (fail ?? 0), latest: true },
          () => undefined
        )
        const kept = Duration.toMillis(config.auditRetention)
        const stray = yield* repository.tidy({ now, auditsBefore: kept === 0 ? 0 : now - kept })
        if (stray > 0) yield* Effect.logInfo(`${stray} logs of jobs that are gone were removed`)
      })

      const sweep = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        yield* lost(now)
        yield* unconfirmed(now)
        yield* due(now)
        yield* purge(now)
        yield* silentWorkers(now)
      }).pipe(CentralMetrics.syncTimed)

      return Sweeper.of({
        sweep,
        run: sweep.pipe(
          Effect.catchTag("RepositoryUnavailable", (error) => Effect.logWarning(error.message)),
          Effect.repeat(Schedule.jittered(Schedule.spaced(period))),
          Effect.asVoid
        )
      })
    })
  )
}
