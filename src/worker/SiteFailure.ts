/** SiteFailure: what it means when no answer came: refused, unresolved, untrusted, cut off, timed out. */
import type { HttpClientError } from "effect/http/HttpClientError"
import { beforeSending, seen } from "../platform/connectionProblem.ts"
import { SiteUnavailable } from "./EdgeError.ts"
import type { Asked } from "./SiteAnswer.ts"

/** No proper answer came. */
export const failed = (error: HttpClientError, asked: Asked): SiteUnavailable => {
  const { operation, site } = asked
  const host = new URL(site).host
  const { reason } = error
  const what = seen("cause" in reason ? reason.cause : undefined)
  const make = (reason: string, ambiguous: boolean) => new SiteUnavailable({ operation, reason, ambiguous })
  if (reason._tag === "InvalidUrlError" || reason._tag === "EncodeError") {
    return make(
      `the request to ${site} could not be written: correct [edge] api_url and the worker's name`,
      false
    )
  }
  const early = reason._tag === "TransportError" ? beforeSending(what, host, "[edge] api_url") : undefined
  if (early !== undefined) return make(early, false)
  const code = what.code === "" ? "" : ` (${what.code})`
  if (what.code.startsWith("HPE_")) return make(`what answers at ${host} does not speak HTTP${code}`, true)
  return reason._tag === "TransportError"
    ? make(`the connection to ${host} broke before the answer came${code}`, true)
    : make(`the answer from ${host} broke off, or is too large${code}`, true)
}

/** The request took too long; its socket is closed. */
export const timedOut = ({ operation, site }: Asked, seconds: number): SiteUnavailable =>
  new SiteUnavailable({
    operation,
    reason: `no answer from ${site} within ${seconds} s`,
    ambiguous: true
  })
