/** MonotonicClock: milliseconds that only grow, whatever somebody does to the machine's date. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * Milliseconds since some moment of this process, for measuring only; a test gives its own. (Effect's
 * `Clock.currentTimeNanos` follows the date on Node.) The time that the machine sleeps is not counted.
 */
export const MonotonicClock = Context.Reference<Effect.Effect<number>>(
  "edge-worker/platform/MonotonicClock",
  {
    defaultValue: () => Effect.sync(() => performance.now())
  }
)

/** Effect's clock in its place, for tests: the test clock then moves both. */
export const monotonicOfClock = Layer.succeed(MonotonicClock, Clock.currentTimeMillis)
