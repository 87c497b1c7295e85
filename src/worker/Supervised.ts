/** Supervised: keeps a loop alive: a bug in one loop is logged and never ends another, nor the worker. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"

/** Starts the loop anew, after a second, where it died of a defect. Its ordinary end is its end. */
export const supervised = <R>(
  name: string,
  loop: Effect.Effect<void, never, R>
): Effect.Effect<void, never, R> =>
  loop.pipe(
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.logError(`the ${name} loop failed and is started anew`, cause).pipe(
            Effect.andThen(Effect.sleep("1 second")),
            Effect.andThen(Effect.suspend(() => supervised(name, loop)))
          )
    )
  )
