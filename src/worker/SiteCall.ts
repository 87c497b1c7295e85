/** SiteCall: one request to the site, from sending it to an answer in hand or a reason why there is none. */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import { isHttpClientError } from "effect/http/HttpClientError"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import { MaxBodySize } from "effect/http/HttpIncomingMessage"
import * as Schema from "effect/Schema"
import { within } from "../platform/within.ts"
import { SiteUnavailable } from "./EdgeError.ts"
import { type Answer, type Asked, ahead, broken, detail, unavailable } from "./SiteAnswer.ts"
import type { SiteClock } from "./SiteClock.ts"
import { failed, timedOut } from "./SiteFailure.ts"

/** How long one request may take before it counts as lost. The socket is closed then. */
export const requestTimeout: Duration.Input = "60 seconds"

/** The largest answer that is read (its JSON may take a hundred times as much); a larger one is cut off. */
const maxAnswer = ByteSize.megabytes(4)

/** The site as far as an error has to speak of it, and its time. */
export interface Site extends Pick<Asked, "site" | "leewayMillis"> {
  readonly clock: SiteClock["Service"]
  /** The monotonic clock, in milliseconds. */
  readonly monotonic: Effect.Effect<number>
}

/** What an answer's status and own words mean for one operation; `undefined` for an outage like any other. */
export type Refusals<E> = (status: number, detail: string) => E | undefined

/**
 * Sends a request and waits for its whole answer, at most `requestTimeout`, also where the caller must not be
 * interrupted: what has a time limit always can be, and an interrupted request closes its socket.
 */
export const whole = Effect.fnUntraced(function* (
  { clock, leewayMillis, site }: Site,
  operation: string,
  send: Effect.Effect<HttpClientResponse, unknown>
): Effect.fn.Return<readonly [Answer, Asked], SiteUnavailable> {
  const sentMillis = yield* clock.now
  const result = yield* send.pipe(
    Effect.flatMap((response) =>
      Effect.map(
        response.text,
        (body): Answer => ({ status: response.status, headers: response.headers, body })
      )
    ),
    // No headers of ours but those of the API: gateways log and count them, and the site reads none.
    Effect.provideService(HttpClient.TracerPropagationEnabled, false),
    Effect.provideService(MaxBodySize, maxAnswer),
    within(Duration.toMillis(requestTimeout), () => Effect.undefined),
    Effect.result
  )
  const asked: Asked = { site, leewayMillis, operation, sentMillis, nowMillis: yield* clock.now }
  if (result._tag === "Failure") {
    return yield* isHttpClientError(result.failure)
      ? failed(result.failure, asked)
      : new SiteUnavailable({
          operation,
          reason: "the request cannot be written as JSON",
          ambiguous: false
        })
  }
  if (result.success === undefined) return yield* timedOut(asked, Duration.toSeconds(requestTimeout))
  return [result.success, asked]
})

/**
 * A request with a token, signed with the site's time. A refusal whose `Date` is not the time that we signed with
 * teaches the time, and the request is sent once more: the site has done nothing yet. An answer in the site's favour
 * proves our time, and a `Date` that contradicts it by more than the leeway is a gateway's with a clock of its own.
 */
export const signed = Effect.fnUntraced(function* (
  site: Site,
  operation: string,
  send: Effect.Effect<HttpClientResponse, unknown>
): Effect.fn.Return<readonly [Answer, Asked], SiteUnavailable> {
  const timed = Effect.gen(function* () {
    const sentAt = yield* site.monotonic
    const [answer, asked] = yield* whole(site, operation, send)
    const receivedAt = yield* site.monotonic
    return { answer, asked, learn: site.clock.observe(answer.headers["date"], sentAt, receivedAt) }
  })
  const first = yield* timed
  const skew = ahead(first.answer, first.asked)
  const isOff = Math.abs(skew) > site.leewayMillis
  if (isAccepted(first.answer) && !isOff) yield* first.learn
  if (!isRefused(first.answer) || !isOff) return [first.answer, first.asked]
  yield* first.learn
  const second = yield* timed
  if (isRefused(second.answer)) yield* site.clock.forget
  else {
    const seconds = Math.abs(skew) / 1000
    yield* Effect.logWarning(
      `this machine's clock was ${seconds} s ${skew > 0 ? "ahead of" : "behind"} the site's: synchronise it. ` +
        "Requests are signed with the site's time"
    )
  }
  return [second.answer, second.asked]
})

const isAccepted = ({ status }: Answer) => status >= 200 && status < 300
const isRefused = ({ status }: Answer) => status === 401 || status === 403

/** Reads an answer of 2xx with `read`, which throws where it is not what the API promises. */
export const read = <A, E>(
  [answer, asked]: readonly [Answer, Asked],
  refusals: Refusals<E>,
  read: (body: string) => A
): Effect.Effect<A, E | SiteUnavailable> => {
  if (isAccepted(answer)) {
    return Effect.try({
      try: () => read(answer.body),
      catch: (cause) =>
        broken(
          answer,
          asked,
          cause instanceof SyntaxError
            ? "its body is not JSON"
            : `its body is not what the Edge API of edge3 5.1.0 promises: ${Schema.isSchemaError(cause) ? cause.message : String(cause)}`
        )
    })
  }
  const own = detail(answer)
  const known = own === undefined ? undefined : refusals(answer.status, own)
  return Effect.fail(known ?? unavailable(answer, asked))
}
