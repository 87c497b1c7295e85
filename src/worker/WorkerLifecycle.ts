/** WorkerLifecycle: the single writer of the worker's state; loops send events and wait for states. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { initial, type Lifecycle, type LifecycleEvent, report, transition } from "../protocol/Lifecycle.ts"
import { until } from "./until.ts"

/** The state of this worker. */
export class WorkerLifecycle extends Context.Service<
  WorkerLifecycle,
  {
    /** Applies the event; returns the state after it. */
    readonly send: (event: LifecycleEvent) => Effect.Effect<Lifecycle>
    readonly get: Effect.Effect<Lifecycle>
    /** The current state first, then each one that differs. */
    readonly changes: Stream.Stream<Lifecycle>
    /** Waits for a state that fits. */
    readonly until: (predicate: (state: Lifecycle) => boolean) => Effect.Effect<Lifecycle>
  }
>()("edge-worker/worker/WorkerLifecycle") {
  static readonly layer = Layer.effect(
    WorkerLifecycle,
    Effect.gen(function* () {
      const ref = yield* SubscriptionRef.make<Lifecycle>(initial)
      const changes = SubscriptionRef.changes(ref)
      const send = Effect.fnUntraced(function* (event: LifecycleEvent) {
        const [before, after] = yield* SubscriptionRef.modify(ref, (state) => {
          const next = transition(state, event)
          return [[state, next] as const, next]
        })
        if (before._tag !== after._tag) {
          const why = after._tag === "Draining" ? `: ${after.reason}` : ""
          yield* Effect.logInfo(`worker is ${after._tag.toLowerCase()}${why}`).pipe(
            Effect.annotateLogs({ state: report(after), jobs: after.jobs })
          )
        }
        return after
      })
      return WorkerLifecycle.of({
        send,
        get: SubscriptionRef.get(ref),
        changes,
        until: (predicate) => until(ref, predicate)
      })
    })
  )
}
