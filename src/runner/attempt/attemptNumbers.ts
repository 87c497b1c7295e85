/** attemptNumbers: numbers for attempts that share a process, in the place of its id. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** The largest process id of Linux (`PID_MAX_LIMIT`); the site keeps 32 bits. */
const lastPid = 4_194_304

/** Gives the next number, above every process id; a worker that was started again does not repeat those of the one before. */
export const attemptNumbers: Effect.Effect<() => number> = Effect.map(
  Random.nextIntBetween(1, 2 ** 30),
  (first) => {
    let number = lastPid + first
    return () => ++number
  }
)
