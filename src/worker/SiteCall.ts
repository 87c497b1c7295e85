/** SiteCall: one request to the site, from sending it to an answer in hand or a reason why there is none. */
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import { isHttpClientError } from "effect/http/HttpClientError"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import { MaxBodySize } from "effect/http/HttpIncomingMessage"
import * as Schema from "effect/Schema"
import { SiteUnavailable } from "./EdgeError.ts"
import { type Answer, type Asked, broken, detail, unavailable } from "./SiteAnswer.ts"
import { failed, timedOut } from "./SiteFailure.ts"

/** How long one request may take before it counts as lost. The socket is closed then. */
export const requestTimeout: Duration.Input = "60 seconds"

/** The largest answer that is read; a larger one is cut off with its connection. */
const maxAnswer = ByteSize.megabytes(64)

/** The site as far as an error has to speak of it. */
export type Site = Pick<Asked, "site" | "leewayMillis">

/** What an answer's status and own words mean for one operation; `undefined` for an outage like any other. */
export type Refusals<E> = (status: number, detail: string) => E | undefined

/**
 * Sends a request and waits for its whole answer, at most `requestTimeout`, also where the caller must not be
 * interrupted: the fibers of a timeout's race always can be, and an interrupted request closes its socket.
 */
export const whole = (
  site: Site,
  operation: string,
  send: Effect.Effect<HttpClientResponse, unknown>
): Effect.Effect<readonly [Answer, Asked], SiteUnavailable> =>
  send.pipe(
    Effect.flatMap((response) =>
      Effect.map(
        response.text,
        (body): Answer => ({ status: response.status, headers: response.headers, body })
      )
    ),
    // No headers of ours but those of the API: gateways log and count them, and the site reads none.
    Effect.provideService(HttpClient.TracerPropagationEnabled, false),
    Effect.provideService(MaxBodySize, maxAnswer),
    Effect.timeoutOrElse({ duration: requestTimeout, orElse: () => Effect.undefined }),
    Effect.result,
    Effect.flatMap((result) =>
      Effect.flatMap(Clock.currentTimeMillis, (nowMillis) => {
        const asked: Asked = { ...site, operation, nowMillis }
        if (result._tag === "Failure") {
          return Effect.fail(
            isHttpClientError(result.failure)
              ? failed(result.failure, asked)
              : new SiteUnavailable({
                  operation,
                  reason: "the request cannot be written as JSON",
                  ambiguous: false
                })
          )
        }
        return result.success === undefined
          ? Effect.fail(timedOut(asked, Duration.toSeconds(requestTimeout)))
          : Effect.succeed([result.success, asked] as const)
      })
    )
  )

/** Reads an answer of 2xx with `read`, which throws where it is not what the API promises. */
export const read = <A, E>(
  [answer, asked]: readonly [Answer, Asked],
  refusals: Refusals<E>,
  read: (body: string) => A
): Effect.Effect<A, E | SiteUnavailable> => {
  if (answer.status >= 200 && answer.status < 300) {
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
