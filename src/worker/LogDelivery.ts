/**
 * LogDelivery: brings one chunk of a log to the site: never lost, and doubled only where nobody can know.
 *
 * The site (edge3 5.1.0, `worker_api/routes/logs.py`) appends a chunk's text to its file first and commits a row after,
 * whose primary key holds the chunk's time. So a time that is already there answers 500, and *an empty chunk asks a
 * question without writing a byte* (both tried on Airflow 3.3.2): at the time of a chunk whose fate is unknown it asks
 * whether that chunk was committed; at a new time it asks whether the site works at all.
 *
 * | the chunk, sent at T, is answered | it means | what is done |
 * | --- | --- | --- |
 * | 2xx | accepted | done |
 * | 413 | a gateway's limit, not taken | the caller cuts a smaller one |
 * | 500, and the job has no task instance | the site cannot place it, ever | given up |
 * | 500, for so long that the job must be gone there | `hopeless` | given up |
 * | 500 | not committed; its text may be in the file | wait until the site works (an empty chunk at a new time gets 2xx, however long that takes), then send it again at a new time: one possible double an outage, and no loss |
 * | 500 again although the site works | the site refuses this very text | the same, and the caller cuts a smaller one, so that what may be doubled shrinks |
 * | any other failure that says "not taken" | outage | back off, send again at a new time |
 * | no answer, or one that leaves it open | unknown | wait until the site works, then ask whether T is there (below) |
 *
 * | an empty chunk at T, when the site works, is answered | it means | what is done |
 * | --- | --- | --- |
 * | 2xx | T was not there | send the chunk again at a new time: no double |
 * | 500 three times, and 2xx at a new time between them | T is there, the site works | accepted: no double, no loss |
 * | 500, and the site does not work | perhaps only an outage | wait until the site works, ask again; from now on a 500 is "unknown" |
 * | no answer, or one that leaves it open | T may be this question's own row | the same |
 * | a failure that says "not taken" | nothing was learned | wait until the site works, ask again |
 * | 500 after one of the two rows above | unknown | wait until the site works, then send the chunk again at a new time: a possible double |
 *
 * A time is never used for two chunks with text, and times rise strictly within this process.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { EdgeSettings } from "../config/EdgeConfig.ts"
import type { SiteUnavailable } from "./EdgeError.ts"

/** What became of a chunk. All but `Accepted` leave it to the caller to send the bytes again, or not. */
export type Delivery =
  | { readonly _tag: "Accepted" }
  /** 413 */
  | { readonly _tag: "TooLarge" }
  /** The site works and answered 500 to this text: it may be there or not. */
  | { readonly _tag: "Refused" }
  /** The site cannot place a log of this job, or not any more. */
  | { readonly _tag: "GivenUp" }

/** Never longer between two tries, unless the site asks for it. */
const longestWait = 90_000
/** How often a site works between two 500s to a question before they mean "there": a site may stumble twice. */
const confirmations = 2
/** A `Retry-After` beyond this is a mistake of a gateway. */
const longestRetryAfter = 3_600_000

/**
 * Waits between tries: exponential with full jitter; starts anew after `reset`, and ends early with `siteBack`, but
 * not before a moment that the site has named.
 */
export const makeBackoff = (
  settings: Pick<EdgeSettings, "apiRetryWaitMin" | "apiRetryWaitMax">,
  siteBack: Effect.Effect<void> = Effect.never
) => {
  const least = Duration.toMillis(settings.apiRetryWaitMin)
  const most = Math.max(least, Math.min(longestWait, Duration.toMillis(settings.apiRetryWaitMax)))
  let tries = 0
  return {
    /** Tries since the last success. */
    tries: () => tries,
    reset: () => {
      tries = 0
    },
    wait: (retryAfterMillis = 0) =>
      Effect.gen(function* () {
        tries += 1
        const wait = yield* Random.nextBetween(
          least,
          Math.min(most, Math.max(least, 1) * 2 ** Math.min(tries, 20))
        )
        const asked = Math.min(retryAfterMillis, longestRetryAfter)
        if (asked > wait) yield* Effect.sleep(asked + (yield* Random.nextBetween(0, least)))
        else yield* Effect.raceFirst(Effect.sleep(wait), siteBack)
      })
  }
}
export type Backoff = ReturnType<typeof makeBackoff>

/** Times of chunks: ISO 8601, UTC, microseconds, each later than all before. */
export const makeChunkTimes: Effect.Effect<Effect.Effect<string>> = Effect.sync(() => {
  let last = -1n
  return Effect.map(Clock.currentTimeNanos, (nanos) => {
    const now = nanos / 1000n
    last = now > last ? now : last + 1n
    const millis = new Date(Number(last / 1000n)).toISOString().slice(0, -1)
    return `${millis}${String(last % 1000n).padStart(3, "0")}Z`
  })
})

type Answer = "ok" | "tooLarge" | "error500" | "notTaken" | "unknown"

/** What one log needs to be delivered. */
export interface DeliveryOptions {
  readonly push: (time: string, text: string) => Effect.Effect<void, SiteUnavailable>
  readonly nextTime: Effect.Effect<string>
  readonly backoff: Backoff
  /** False for what is not a task (a callback): the site answers 500 to each of its chunks. */
  readonly hasTaskInstance: boolean
  /** Asked while the site does not work: whether to wait for it no longer. */
  readonly hopeless: Effect.Effect<boolean>
  /** Called before a chunk is sent again that may be in the site's file already. */
  readonly possibleDouble: Effect.Effect<void>
  /** Called for each failure, with the number of tries since the last success. */
  readonly failed: (error: SiteUnavailable, tries: number) => Effect.Effect<void>
}

/** Delivers one chunk by the rules above; it ends only with an answer. */
export const makeDelivery = (options: DeliveryOptions) => {
  const { backoff, nextTime } = options
  let retryAfter = 0
  const send = (time: string, text: string): Effect.Effect<Answer> =>
    options.push(time, text).pipe(
      Effect.map((): Answer => {
        retryAfter = 0
        // Not after a question: where the site refuses one text and nothing else, the waits must grow.
        if (text !== "") backoff.reset()
        return "ok"
      }),
      Effect.catch((error) => {
        retryAfter = error.retryAfterMillis ?? 0
        const answer: Answer =
          error.status === 413
            ? "tooLarge"
            : error.status === 500
              ? "error500"
              : error.ambiguous
                ? "unknown"
                : "notTaken"
        return answer === "tooLarge"
          ? Effect.succeed(answer)
          : Effect.as(options.failed(error, backoff.tries()), answer)
      })
    )
  const siteWorks = Effect.flatMap(nextTime, (time) =>
    Effect.map(send(time, ""), (answer) => answer === "ok")
  )
  const untilSiteWorks = Effect.gen(function* () {
    do {
      if (yield* options.hopeless) return yield* Effect.fail("hopeless" as const)
      yield* Effect.suspend(() => backoff.wait(retryAfter))
    } while (!(yield* siteWorks))
  })
  const ask = Effect.fnUntraced(function* (
    time: string
  ): Effect.fn.Return<"there" | "notThere" | "unknown", "hopeless"> {
    yield* untilSiteWorks
    let confirmed = 0
    let doubtful = false // a 500 proves nothing any more; a 2xx still does
    while (true) {
      const answer = yield* send(time, "")
      if (answer === "ok") return "notThere"
      if (answer === "error500") {
        if (doubtful) return "unknown"
        if (confirmed === confirmations) return "there"
        if (yield* siteWorks) {
          confirmed += 1
          continue
        }
        doubtful = true
      } else if (answer === "unknown") doubtful = true
      yield* untilSiteWorks
    }
  })
  const deliver = Effect.fnUntraced(function* (text: string): Effect.fn.Return<Delivery, "hopeless"> {
    while (true) {
      const time = yield* nextTime
      const answer = yield* send(time, text)
      if (answer === "ok") return { _tag: "Accepted" }
      if (answer === "tooLarge") return { _tag: "TooLarge" }
      if (answer === "error500") {
        if (!options.hasTaskInstance) return { _tag: "GivenUp" }
        yield* untilSiteWorks
        yield* options.possibleDouble
        return { _tag: "Refused" }
      }
      if (answer === "notTaken" || !options.hasTaskInstance) {
        yield* backoff.wait(retryAfter)
        continue
      }
      const fate = yield* ask(time)
      if (fate === "there") return { _tag: "Accepted" }
      if (fate === "notThere") continue
      yield* untilSiteWorks
      yield* options.possibleDouble
    }
  })
  return (text: string): Effect.Effect<Delivery> =>
    Effect.catch(deliver(text), () => Effect.succeed({ _tag: "GivenUp" as const }))
}
