/** runAsync: an async function as an effect that is over only when the function is. */
import * as Effect from "effect/Effect"

/**
 * Interrupting it aborts the signal and then waits until the promise has settled: the function's own `finally` is its
 * finalizer. What it returns after that does not count.
 */
export const runAsync = <A>(run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, unknown> =>
  Effect.callback<A, unknown>((resume) => {
    const controller = new AbortController()
    // `then` would let a function that throws before its first await escape
    const promise = (async () => run(controller.signal))()
    const settled = promise.then(
      (value) => resume(Effect.succeed(value)),
      (error: unknown) => resume(Effect.fail(error))
    )
    return Effect.suspend(() => {
      controller.abort(new Error("the task was cancelled"))
      return Effect.promise(() => settled)
    })
  })
