/** Drain: ends the worker: waits for its tasks, asks or forces them to end, and empties what is still to be told. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { isEnding } from "../protocol/Lifecycle.ts"
import { JobRun, type Stop } from "./JobRun.ts"
import { Reports } from "./Reports.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"

/** How long what is still to be told may take after the last process is gone. */
export const deliveryLimit = Duration.seconds(30)

const order = { finished: 0, terminated: 1, killed: 2 } as const

/** The hardest thing that was done to a task so far. */
export type Harm = keyof typeof order

/** What the end of the worker left undone. */
export interface Leftovers {
  readonly reports: number
  readonly logBytes: number
}

/** Ends the worker's jobs. */
export class Drain extends Context.Service<
  Drain,
  {
    /** Stops every job, with a notice in its log. */
    readonly stop: (how: Stop, why: string) => Effect.Effect<void>
    readonly harm: Effect.Effect<Harm>
    /** From the beginning of the drain: `drain_timeout_sec`, then `drain_kill_grace_sec`. Ends with the last job. */
    readonly deadlines: Effect.Effect<void>
    /** After the last process: waits until everything is told, at most 30 s; says what is left. */
    readonly deliver: Effect.Effect<Leftovers>
  }
>()("edge-worker/worker/Drain") {
  static readonly layer = Layer.effect(
    Drain,
    Effect.gen(function* () {
      const { drainTimeout, drainKillGrace } = yield* EdgeConfig
      const lifecycle = yield* WorkerLifecycle
      const jobRun = yield* JobRun
      const reports = yield* Reports
      const harm = yield* Ref.make<Harm>("finished")

      const stop = Effect.fnUntraced(function* (how: Stop, why: string) {
        const { jobs } = yield* lifecycle.get
        const signal = how === "term" ? "SIGTERM" : "SIGKILL"
        const done: Harm = how === "term" ? "terminated" : "killed"
        if (jobs > 0) {
          yield* Effect.logWarning(`sending ${signal} to ${jobs} ${jobs === 1 ? "job" : "jobs"}: ${why}`)
          yield* Ref.update(harm, (before) => (order[done] > order[before] ? done : before))
        }
        yield* jobRun.stopAll(how, `The edge worker ends this task with ${signal}: ${why}.`)
      })

      const empty = lifecycle.until((state) => isEnding(state) && state.jobs === 0)
      const byTime = Effect.gen(function* () {
        if (drainTimeout === undefined) return yield* Effect.never
        yield* Effect.sleep(drainTimeout)
        const grace = Duration.toSeconds(drainKillGrace)
        yield* stop(
          "term",
          `the drain timeout of ${Duration.toSeconds(drainTimeout)} s is over; SIGKILL follows in ${grace} s`
        )
        yield* Effect.sleep(drainKillGrace)
        yield* stop("kill", `the drain's kill grace of ${grace} s is over`)
        return yield* Effect.never
      })

      const told = Effect.andThen(reports.delivered, jobRun.logsDelivered)
      return Drain.of({
        stop,
        harm: Ref.get(harm),
        deadlines: Effect.raceFirst(byTime, empty).pipe(Effect.asVoid),
        deliver: Effect.gen(function* () {
          yield* Effect.timeoutOption(told, deliveryLimit)
          return { reports: yield* reports.waiting, logBytes: yield* jobRun.logBytesWaiting }
        })
      })
    })
  )
}
