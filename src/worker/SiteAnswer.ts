/** SiteAnswer: what an answer that is no success means, in words and as an error. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { SiteUnavailable } from "./EdgeError.ts"
import { parseDate } from "./SiteClock.ts"

/** An HTTP answer as it came. */
export interface Answer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/** What is needed to explain an answer. */
export interface Asked {
  /** "heartbeat", "fetch", … */
  readonly operation: string
  /** The API's folder, without credentials. */
  readonly site: string
  /** The site's time, as far as we know it, when the request was sent and when its answer was there. */
  readonly sentMillis: number
  readonly nowMillis: number
  /** `[api_auth] jwt_leeway`: the site bears a clock that is so far off. */
  readonly leewayMillis: number
}

const Detail = Schema.fromJsonString(
  Schema.Struct({
    detail: Schema.Union([
      Schema.String,
      // FastAPI's 422; its `input` would repeat what was sent and is left out.
      Schema.Array(
        Schema.Struct({ loc: Schema.Array(Schema.Union([Schema.String, Schema.Finite])), msg: Schema.String })
      )
    ])
  })
)
const decodeDetail = Schema.decodeUnknownOption(Detail)

/** Foreign text for a message: one line, no token in it, not too long. */
const quoted = (text: string, most = 300): string =>
  text
    // All that may belong to one, also where it was cut short; and a pattern that never looks back.
    .replace(/eyJ[\w.-]+/g, "<token>")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, most)

/** FastAPI's `{"detail": …}` as one line; `undefined` where the body is something else. */
export const detail = (answer: Answer): string | undefined =>
  Option.match(decodeDetail(answer.body), {
    onNone: () => undefined,
    onSome: ({ detail }) =>
      typeof detail === "string"
        ? quoted(detail, 1000)
        : quoted(detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; "), 1000)
  })

/** "a gateway answered with HTML" and its title; empty where the body is not HTML. */
const page = (answer: Answer): string => {
  const html = /html/.test(answer.headers["content-type"] ?? "") || /^\s*<(!doctype|html)/i.test(answer.body)
  if (!html) return ""
  const title = /<title>([^<]*)<\/title>/i.exec(answer.body)?.[1]
  return `a gateway answered with HTML${title ? ` ("${quoted(title, 80)}")` : ""}`
}

/** A `Retry-After` beyond this is a mistake of a gateway: a worker that it sent away for a year would be lost. */
const longestRetryAfter = 3_600_000

/** `Retry-After` in milliseconds from now on; a date is compared with the answer's own `Date`, else with our clock. */
export const retryAfter = (answer: Answer, nowMillis: number): number | undefined => {
  const value = answer.headers["retry-after"]?.trim() ?? ""
  const until = parseDate(value)
  if (/^\d+$/.test(value)) return Math.min(longestRetryAfter, Number(value) * 1000)
  if (until === undefined) return undefined
  const now = parseDate(answer.headers["date"]) ?? nowMillis
  return Math.min(longestRetryAfter, Math.max(0, until - now))
}

/** How far our idea of the site's time is ahead of its answer, in whole seconds of milliseconds; 0 where it does not tell. */
export const ahead = (
  answer: Answer,
  { nowMillis, sentMillis }: Pick<Asked, "nowMillis" | "sentMillis">
): number => {
  const theirs = parseDate(answer.headers["date"])
  if (theirs === undefined) return 0
  const by = sentMillis > theirs ? sentMillis - theirs : Math.min(0, nowMillis - theirs)
  // The header counts whole seconds.
  return Math.trunc(by / 1000) * 1000
}

const refused = (answer: Answer, asked: Asked): string => {
  // The request was sent a second time with the time of the first answer.
  const apart = Math.abs(ahead(answer, asked))
  if (apart > asked.leewayMillis) {
    return `its answers are ${apart / 1000} s apart in what time it is: synchronise the clocks of the site's machines`
  }
  return page(answer) === ""
    ? "[api_auth] jwt_secret differs from the site's, or jwt_leeway or jwt_issuer does"
    : "the site is in maintenance, or the gateway does not let this machine in"
}

const redirect = (answer: Answer): string => {
  const location = answer.headers["location"] ?? ""
  const target = URL.canParse(location) ? new URL(location) : undefined
  const to = quoted(
    target === undefined ? location.replace(/[?#].*$/, "") : `${target.origin}${target.pathname}`
  )
  return `it redirects to ${to || "nowhere"}, which is not followed: it would hand our token to another address. Set [edge] api_url to the address that answers itself`
}

/** The likely cause of a status, and what to do. */
const cause = (answer: Answer, asked: Asked): string | undefined => {
  const { status } = answer
  if (status >= 300 && status < 400) return redirect(answer)
  switch (status) {
    case 401:
    case 403:
      return refused(answer, asked)
    case 404:
    case 405:
      return `there is no Edge API at ${asked.site}: set [edge] api_enabled on the site, or correct [edge] api_url here`
    case 407:
      return "the proxy wants credentials: set HTTP_PROXY or HTTPS_PROXY to http://user:password@host:port"
    case 413:
      return "the request is larger than a gateway allows"
    case 429:
      return "the site asks for fewer requests"
    case 503:
      return "the site is overloaded or in maintenance"
    default:
      return undefined
  }
}

/** An answer that is no success, as an outage. */
export const unavailable = (answer: Answer, asked: Asked): SiteUnavailable => {
  const { status } = answer
  const own = detail(answer)
  const success = status >= 200 && status < 300
  const parts = [
    cause(answer, asked),
    page(answer) || undefined,
    own === undefined ? undefined : `the site says: ${own}`
  ]
  const told = parts.filter((part) => part !== undefined).join("; ")
  return new SiteUnavailable({
    operation: asked.operation,
    reason: `HTTP ${status} from ${asked.site}${told === "" ? "" : `: ${told}`}`,
    status,
    fromSite: own !== undefined,
    // A refusal did nothing; a failure on the way or behind it may have.
    ambiguous: success || status >= 500,
    retryAfterMillis: status === 429 || status === 503 ? retryAfter(answer, asked.nowMillis) : undefined
  })
}

/** A success whose body is not what the API promises. */
export const broken = (answer: Answer, asked: Asked, what: string): SiteUnavailable =>
  new SiteUnavailable({
    operation: asked.operation,
    reason: `HTTP ${answer.status} from ${asked.site}, but ${page(answer) || what}`,
    status: answer.status,
    fromSite: false,
    ambiguous: true
  })
