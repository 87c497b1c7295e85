/** SiteAsk: one request to the site's web server, from sending it to its status and body, or a reason why there is none. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import { type HttpClientError, isHttpClientError } from "effect/http/HttpClientError"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import { MaxBodySize } from "effect/http/HttpIncomingMessage"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { beforeSending, seen } from "../platform/connectionProblem.ts"
import { managementFailed } from "./ManagementError.ts"

/** An HTTP answer as it came. */
export interface Answer {
  readonly status: number
  readonly location: string | undefined
  readonly body: string
}

/** A site may have some ten thousand jobs on record; beyond that its answer is cut off. */
const maxAnswer = ByteSize.megabytes(64)
const seconds = 60
/** What names the address. */
export const setting = "[edge_worker] management_url (or [edge] api_url)"

/** An address fit for a message: without a password and without what follows `?`. */
export const shown = (url: URL): string => `${url.origin}${url.pathname}`

const unanswered = (error: HttpClientError, url: URL): string => {
  const { reason } = error
  const what = seen("cause" in reason ? reason.cause : undefined)
  const early = reason._tag === "TransportError" ? beforeSending(what, url.host, setting) : undefined
  if (early !== undefined) return early
  const code = what.code === "" ? "" : ` (${what.code})`
  return `the connection to ${url.host} broke before its whole answer came${code}; ask the site what was done: edge-worker list-workers`
}

/** Sends it and waits for the whole answer; an interruption closes its socket. */
export const ask = (
  url: URL,
  send: Effect.Effect<HttpClientResponse, unknown, HttpClient.HttpClient>
): Effect.Effect<Answer, ReturnType<typeof managementFailed>, HttpClient.HttpClient> =>
  send.pipe(
    Effect.flatMap((response) =>
      Effect.map(
        response.text,
        (body): Answer => ({ status: response.status, location: response.headers["location"], body })
      )
    ),
    // No headers of ours but those of the API: gateways log and count them, and the site reads none.
    Effect.provideService(HttpClient.TracerPropagationEnabled, false),
    Effect.provideService(MaxBodySize, maxAnswer),
    Effect.mapError((error) =>
      managementFailed(
        "unreachable",
        isHttpClientError(error)
          ? unanswered(error, url)
          : "the request cannot be written: check names and texts"
      )
    ),
    Effect.timeoutOrElse({
      duration: `${seconds} seconds`,
      orElse: () =>
        Effect.fail(managementFailed("unreachable", `no answer from ${shown(url)} within ${seconds} s`))
    })
  )

const decodeDetail = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      detail: Schema.Union([
        Schema.String,
        // FastAPI's 422; its `input` would repeat what was sent, a password too, and is left out.
        Schema.Array(
          Schema.Struct({
            loc: Schema.Array(Schema.Union([Schema.String, Schema.Finite])),
            msg: Schema.String
          })
        )
      ])
    })
  )
)

/** The site's own words, `{"detail": …}`, as one line; `undefined` where the body is something else. */
export const detail = ({ body }: Answer): string | undefined =>
  Option.getOrUndefined(
    Option.map(decodeDetail(body), ({ detail }) =>
      (typeof detail === "string"
        ? detail
        : detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; ")
      )
        .replace(/eyJ[\w.-]+/g, "<token>")
        .replace(/\s+/g, " ")
        // what a terminal would obey
        .replace(/[\p{Cc}\p{Cf}]/gu, "\ufffd")
        .trim()
        .slice(0, 1000)
    )
  )

/** What an answer means that neither the API nor its rules explain. */
export const unexpected = (answer: Answer, url: URL) => {
  const { location, status } = answer
  const at = shown(url)
  const own = detail(answer)
  const says = own === undefined ? "" : `; the site says: ${own}`
  if (status >= 300 && status < 400) {
    const to =
      location !== undefined && URL.canParse(location, url.href) ? shown(new URL(location, url)) : "elsewhere"
    return managementFailed(
      "unreachable",
      `${at} redirects to ${to}, which is not followed: it would hand the credential to another address. Set ${setting} to the address that answers itself`
    )
  }
  if (status === 404 || status === 405) {
    return managementFailed(
      "unreachable",
      `there is no management API at ${at} (HTTP ${status}): correct ${setting}, or let the site load the edge3 provider ([edge] api_enabled)${says}`
    )
  }
  const server =
    status >= 500 ? "; look at the log of its API server, and ask edge-worker list-workers what was done" : ""
  return managementFailed("unreachable", `HTTP ${status} from ${at}${says}${server}`)
}
