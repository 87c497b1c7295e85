/** Signals: the signals that this process receives, as a stream in their order; none is lost, none ends the process. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/** What a worker understands. SIGUSR1 is Node's own (its inspector): the launcher switches that off. */
export const workerSignals = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const
export type WorkerSignal = (typeof workerSignals)[number]

/** Signals are taken from the moment that the layer is built; who comes later still sees the earlier ones. */
export class Signals extends Context.Service<
  Signals,
  {
    /** Every signal, once: for one reader. */
    readonly stream: Stream.Stream<WorkerSignal>
  }
>()("edge-worker/platform/Signals") {
  static readonly layer: Layer.Layer<Signals> = Layer.effect(
    Signals,
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<WorkerSignal>()
      const listeners = workerSignals.map(
        (signal) => [signal, () => Queue.offerUnsafe(queue, signal)] as const
      )
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          for (const [signal, listener] of listeners) process.on(signal, listener)
        }),
        () =>
          Effect.sync(() => {
            for (const [signal, listener] of listeners) process.off(signal, listener)
          })
      )
      return Signals.of({ stream: Stream.fromQueue(queue) })
    })
  )

  /** Signals from a queue, for tests. */
  static readonly layerFrom = (queue: Queue.Dequeue<WorkerSignal>): Layer.Layer<Signals> =>
    Layer.succeed(Signals, Signals.of({ stream: Stream.fromQueue(queue) }))
}
