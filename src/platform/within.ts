/** within: a time limit that costs little: each request has one, and nearly none is ever reached. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** The clock that fibers have unless they are given another one. */
const machine = Context.get(Context.empty(), Clock.Clock)

/**
 * As `Effect.timeoutOrElse`, also in that what is limited can always be interrupted. By the machine's clock it is one timer
 * and one fiber instead of three fibers; by any other clock, as in tests, it is `Effect.timeoutOrElse` itself.
 */
export const within =
  <B, E2, R2>(millis: number, orElse: () => Effect.Effect<B, E2, R2>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A | B, E | E2, R | R2> =>
    Effect.contextWith((context: Context.Context<R | R2>) => {
      if (Context.get(context, Clock.Clock) !== machine)
        return Effect.timeoutOrElse(self, { duration: millis, orElse })
      return Effect.callback<A | B, E | E2, R | R2>((resume) => {
        const limited = Effect.runForkWith(context)(self)
        const timer = setTimeout(
          () => resume(Effect.andThen(Fiber.interrupt(limited), Effect.suspend(orElse))),
          millis
        )
        limited.addObserver((exit) => {
          clearTimeout(timer)
          resume(exit)
        })
        return Effect.suspend(() => {
          clearTimeout(timer)
          return Fiber.interrupt(limited)
        })
      })
    })
