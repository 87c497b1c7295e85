/** Guard: what each request of a person must have before anything is done: an allowed Host, the same Origin, a credential. */
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { CentralSettings } from "../config/CentralConfig.ts"
import { addressBehind } from "../platform/TrustedPeers.ts"
import type { Accounts, Identity, Unauthenticated } from "./Accounts.ts"
import type { RepositoryUnavailable } from "./Repository.ts"

/** 403: whoever asks, it does not come from where it may. */
export class SourceRefused extends Schema.TaggedError<SourceRefused>()("SourceRefused", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** Of the settings, how the central may be called. */
export type Names = Pick<CentralSettings, "host" | "publicUrl" | "tlsCert" | "trustedProxy">

const hostPart = /^(\[[0-9a-f:.]+\]|[^:[\]/@?#\s]+)(?::(\d{1,5}))?$/i
const ipv4 = /^\d{1,3}(?:\.\d{1,3}){3}$/

/**
 * Whether a `Host` can be ours. A page of somebody else's can make its own name lead to us (DNS rebinding), but neither
 * an address nor a name that is ours.
 */
export const isAllowedHost = (host: string | undefined, names: Names): boolean => {
  const name = hostPart.exec(host ?? "")?.[1]?.toLowerCase()
  if (name === undefined) return false
  if (name.startsWith("[") || ipv4.test(name)) return true
  if (name === "localhost" || name.endsWith(".localhost")) return true
  return name === names.host.toLowerCase() || name === names.publicUrl?.hostname.toLowerCase()
}

const isRead = (method: string): boolean => method === "GET" || method === "HEAD" || method === "OPTIONS"

/** Whether a write comes from a page of ours, or from no page at all. */
const isOwnOrigin = ({ headers }: HttpServerRequest, names: Names): boolean | undefined => {
  const { origin } = headers
  const site = headers["sec-fetch-site"]
  if (site !== undefined && site !== "same-origin" && site !== "none") return false
  if (origin === undefined) return site === "same-origin" ? true : undefined
  if (origin === names.publicUrl?.origin) return true
  return URL.canParse(origin) && new URL(origin).host === headers["host"]?.toLowerCase()
}

/** Where a request must come from. `session`: by the cookie, which a browser sends along whoever asked it to. */
export const checkSource = (
  request: HttpServerRequest,
  names: Names,
  session: boolean
): Effect.Effect<void, SourceRefused> => {
  if (!isAllowedHost(request.headers["host"], names)) {
    return Effect.fail(
      new SourceRefused({ reason: "This central is not called by that name: see [edge_central] public_url" })
    )
  }
  const own = isRead(request.method) || isOwnOrigin(request, names)
  return own === true || (own === undefined && !session)
    ? Effect.void
    : Effect.fail(new SourceRefused({ reason: "A change must come from a page of this central" }))
}

/** One a port, as browsers send a cookie to all ports of a name. */
export const cookieName = ({ headers }: HttpServerRequest): string =>
  `edge_central_${hostPart.exec(headers["host"] ?? "")?.[2] ?? "session"}`

const bearer = /^Bearer +(\S+)$/i

/** The token of the `Authorization` header; empty where there is none. */
export const tokenOf = ({ headers }: HttpServerRequest): Redacted.Redacted =>
  Redacted.make(bearer.exec(headers["authorization"] ?? "")?.[1] ?? "")

/** The session of a browser; empty where there is none. */
export const sessionOf = (request: HttpServerRequest): Redacted.Redacted =>
  Redacted.make(request.cookies[cookieName(request)] ?? "")

/** Who asks: by a token, or else by a browser's session. */
export const identify = Effect.fnUntraced(function* (
  request: HttpServerRequest,
  names: Names,
  accounts: Accounts["Service"]
): Effect.fn.Return<Identity, SourceRefused | Unauthenticated | RepositoryUnavailable> {
  const session = sessionOf(request)
  const byToken = request.headers["authorization"] !== undefined || Redacted.value(session) === ""
  yield* checkSource(request, names, !byToken)
  return yield* accounts.authenticate(
    byToken ? { kind: "token", value: tokenOf(request) } : { kind: "session", value: session }
  )
})

/** Where a request came from; `X-Forwarded-For` counts from the proxies alone that are named. */
export const addressOf = (
  { headers, remoteAddress }: HttpServerRequest,
  { trustedProxy }: Pick<Names, "trustedProxy">
): string =>
  addressBehind(
    trustedProxy,
    Option.getOrElse(remoteAddress, () => "unknown"),
    headers["x-forwarded-for"]
  )

const loopback = /^(?:::1|(?:::ffff:)?127(?:\.\d{1,3}){3}|unknown)$/

/** Whether it came from this machine. */
export const isLocal = (request: HttpServerRequest, names: Pick<Names, "trustedProxy">): boolean =>
  loopback.test(addressOf(request, names))

/** Whether the browser keeps a cookie from being sent in clear: what comes from elsewhere comes by TLS (`exposure`). */
export const isSecure = (request: HttpServerRequest, names: Names): boolean =>
  names.tlsCert !== undefined || names.publicUrl?.protocol === "https:" || !isLocal(request, names)

/** Nothing of a page comes from elsewhere, nothing of it runs that is not ours, nobody frames it or keeps it. */
export const protect: (
  response: HttpServerResponse.HttpServerResponse
) => HttpServerResponse.HttpServerResponse = HttpServerResponse.setHeaders({
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  // with no-referrer a browser would send `Origin: null` with our own forms
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "cache-control": "no-store"
})
