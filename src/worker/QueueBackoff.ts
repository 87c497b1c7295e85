/** QueueBackoff: what the worker asks for after it was given a task that it cannot run: not that task again, at once. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { MonotonicClock } from "../platform/MonotonicClock.ts"
import { type Claim, display, queueOf } from "../protocol/Job.ts"

/** How long a queue is left out at first, and at most. */
const [first, longest] = [Duration.toMillis("30 seconds"), Duration.toMillis("5 minutes")]
/** How often the same task comes here before it is failed. */
const RETURNS = 3
/** How long a task is remembered that came and went. */
const memory = Duration.toMillis("1 hour")

interface LeftOut {
  readonly until: number
  /** How long for, before jitter. */
  readonly millis: number
}

/** Remembers which tasks were not known here, and which queues they came from. */
export class QueueBackoff extends Context.Service<
  QueueBackoff,
  {
    /** A task that nothing here can run: whether it goes back for another worker, or is failed. */
    readonly unknown: (claim: Claim) => Effect.Effect<"hand back" | "fail">
    /**
     * A job of this queue was begun: its next unknown task counts as the first one. A queue that is left out stays so: the
     * job was fetched before, and the unknown task would be back at once.
     */
    readonly begun: (claim: Claim) => Effect.Effect<void>
    /** What of the worker's queues may be asked for now (`null`: all there are); undefined where nothing may. */
    readonly mayAsk: (
      queues: ReadonlyArray<string> | null
    ) => Effect.Effect<{ readonly queues: ReadonlyArray<string> | null } | undefined>
  }
>()("edge-worker/worker/QueueBackoff") {
  static readonly layer = Layer.effect(
    QueueBackoff,
    Effect.gen(function* () {
      const { jobPollInterval, unknownTask } = yield* EdgeConfig
      const monotonic = yield* MonotonicClock
      const seen = new Map<string, { times: number; at: number }>()
      const leftOut = new Map<string, LeftOut>()
      /** A worker of every queue cannot leave one out: the others get their chance while it asks for none at all. */
      const pauseOfAll = 2 * Duration.toMillis(jobPollInterval)
      let allUntil = 0

      const timesSeen = (claim: Claim, now: number) => {
        for (const [key, { at }] of seen) if (now - at > memory) seen.delete(key)
        const key = display(claim.job)
        const times = (seen.get(key)?.times ?? 0) + 1
        seen.set(key, { times, at: now })
        if (times === RETURNS) seen.delete(key)
        return times
      }

      return QueueBackoff.of({
        unknown: Effect.fnUntraced(function* (claim) {
          if (unknownTask === "fail") return "fail"
          const now = yield* monotonic
          if (timesSeen(claim, now) === RETURNS) return "fail"
          const queue = queueOf(claim.job)
          const before = leftOut.get(queue)
          // What was fetched before the first one was known to be unknown is no further reason.
          if (before === undefined || now >= before.until) {
            const millis = Math.min(longest, before === undefined ? first : before.millis * 2)
            const jitter = 0.9 + (yield* Random.next) / 5
            leftOut.set(queue, { millis, until: now + millis * jitter })
          }
          allUntil = now + pauseOfAll
          return "hand back"
        }),
        begun: Effect.fnUntraced(function* (claim) {
          const queue = queueOf(claim.job)
          if ((yield* monotonic) >= (leftOut.get(queue)?.until ?? 0)) leftOut.delete(queue)
        }),
        mayAsk: Effect.fnUntraced(function* (queues) {
          const now = yield* monotonic
          if (queues === null) return now < allUntil ? undefined : { queues }
          const left = queues.filter((queue) => now >= (leftOut.get(queue)?.until ?? 0))
          // The site takes an empty list for every queue.
          return left.length === 0 && queues.length > 0 ? undefined : { queues: left }
        })
      })
    })
  )
}
