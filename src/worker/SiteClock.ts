/** SiteClock: what time it is on the site, whose clock counts for every token; the machine's may be in 1970. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MonotonicClock } from "../platform/MonotonicClock.ts"

/** An estimate that an answer contradicts by this much or more is replaced; by less, it is corrected step by step. */
const jump = 2000

/** The only form in which HTTP servers may write a date (RFC 9110, IMF-fixdate). */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** A `Date` header in epoch milliseconds, at the beginning of its second; undefined where it is none. */
export const parseDate = (header: string | undefined): number | undefined => {
  const millis = header !== undefined && httpDate.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(millis) ? undefined : millis
}

/** The site's time. */
export class SiteClock extends Context.Service<
  SiteClock,
  {
    /**
     * Epoch milliseconds of the site: learned from its answers and carried on by the monotonic clock; before anything
     * is learned, the machine's own.
     */
    readonly now: Effect.Effect<number>
    /** Learns from the `Date` of an answer; both times are the monotonic clock's. What is no date teaches nothing. */
    readonly observe: (
      dateHeader: string | undefined,
      sentAt: number,
      receivedAt: number
    ) => Effect.Effect<void>
    /** What was learned turned out to be wrong: back to the machine's own time. */
    readonly forget: Effect.Effect<void>
  }
>()("edge-worker/worker/SiteClock") {
  static readonly layer = Layer.effect(
    SiteClock,
    Effect.gen(function* () {
      const monotonic = yield* MonotonicClock
      /** The site's time less the monotonic clock's. */
      let offset: number | undefined
      return SiteClock.of({
        now: Effect.suspend(() => {
          const known = offset
          return known === undefined ? Clock.currentTimeMillis : Effect.map(monotonic, (now) => now + known)
        }),
        observe: (dateHeader, sentAt, receivedAt) =>
          Effect.sync(() => {
            const date = parseDate(dateHeader)
            if (date === undefined) return
            // The answer was written between the two times, in the second that the header counts.
            const [least, most] = [date - receivedAt, date + 1000 - sentAt]
            const middle = (least + most) / 2
            if (offset === undefined) {
              offset = middle
              return
            }
            const contradiction = Math.max(least - offset, offset - most, 0)
            if (contradiction >= jump) offset = middle
            else offset += (offset < least ? contradiction : -contradiction) / 2
          }),
        forget: Effect.sync(() => {
          offset = undefined
        })
      })
    })
  )
}
