/** StopLadder: what each signal to end does: drain, then terminate the tasks, then kill them, then quit at once. */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import type { Worker } from "../worker/Worker.ts"

type RunningWorker = Worker["Service"]

/** Climbs one step a signal; before there is a worker the first step gives the start up. */
export class StopLadder extends Context.Service<
  StopLadder,
  {
    /** From now on the steps are this worker's. */
    readonly attach: (worker: RunningWorker) => Effect.Effect<void>
    /** The worker, once it is there. */
    readonly worker: Effect.Effect<RunningWorker>
    /** The worker, if it is there already. */
    readonly attached: Effect.Effect<RunningWorker | undefined>
    /** Ends when the start was given up. */
    readonly abandoned: Effect.Effect<void>
    /** A request to end that does not count as a signal. */
    readonly drain: (reason: string) => Effect.Effect<void>
    /** One signal; `atLeast` 2 for SIGQUIT. */
    readonly climb: (signal: string, atLeast: 1 | 2) => Effect.Effect<void>
  }
>()("edge-worker/cli/StopLadder") {
  /** `quit` is the last step: it must end the process. */
  static readonly layer = (quit: Effect.Effect<void>): Layer.Layer<StopLadder> =>
    Layer.effect(
      StopLadder,
      Effect.gen(function* () {
        const arrival = yield* Deferred.make<RunningWorker>()
        const abandoned = yield* Deferred.make<void>()
        const step = yield* Ref.make(0)
        const current = yield* Ref.make<RunningWorker | undefined>(undefined)
        const withWorker = (use: (worker: RunningWorker) => Effect.Effect<void>) =>
          Effect.flatMap(Ref.get(current), (worker) =>
            worker === undefined ? Effect.asVoid(Deferred.succeed(abandoned, undefined)) : use(worker)
          )
        return StopLadder.of({
          attach: (worker) => Effect.andThen(Ref.set(current, worker), Deferred.succeed(arrival, worker)),
          worker: Deferred.await(arrival),
          attached: Ref.get(current),
          abandoned: Deferred.await(abandoned),
          drain: (reason) => withWorker((worker) => worker.drain(reason)),
          climb: Effect.fnUntraced(function* (signal, atLeast) {
            const now = yield* Ref.updateAndGet(step, (before) => Math.max(before + 1, atLeast))
            if (now === 1) {
              yield* Effect.logInfo(`${signal}: running jobs finish first. Once more: SIGTERM to the tasks`)
              return yield* withWorker((worker) => worker.drain(signal))
            }
            if (now === 2) {
              yield* Effect.logWarning(`${signal}: SIGTERM to all tasks. Once more: they are killed`)
              return yield* withWorker((worker) => worker.terminate(signal))
            }
            if (now === 3) {
              yield* Effect.logWarning(
                `${signal}: all tasks are killed. Once more: the worker quits as it is`
              )
              return yield* withWorker((worker) => worker.kill(signal))
            }
            yield* Effect.logError(`${signal}: the worker quits as it is; processes of tasks may be left`)
            yield* quit
          })
        })
      })
    )
}
