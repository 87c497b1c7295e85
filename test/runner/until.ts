/** until: waits for a milestone of another process, by looking again and again. */
import * as Effect from "effect/Effect"

/** Waits until `look` gives a value. The test's own timeout ends a wait in vain. */
export const until = <A>(look: () => A | undefined): Effect.Effect<A> =>
  Effect.gen(function* () {
    while (true) {
      const seen = look()
      if (seen !== undefined) return seen
      yield* Effect.sleep("10 millis")
    }
  })
