/** executionAnswer: what an answer of the Execution API means, and what it means when there is none. */
import { type HttpClientError, isHttpClientError } from "effect/http/HttpClientError"
import { beforeSending, seen } from "../../platform/connectionProblem.ts"
import * as Json from "../../protocol/Json.ts"
import { type ExecutionError, ExecutionRefused, ExecutionUnavailable, field } from "./ExecutionError.ts"

/** An HTTP answer as it came. */
export interface Answer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/** What is needed to explain it. */
export interface Context {
  readonly operation: string
  /** The API's address, without credentials. */
  readonly site: string
  /** A HEAD was asked: its answers have no words. */
  readonly wordless?: boolean
}

/** The description of the error that stands for an answer that did not come in time. */
export const noAnswer = "no answer in time"

/** Foreign text for a message: one line, no token in it, not too long. */
const quoted = (text: string, most = 500): string =>
  text
    .slice(0, 4 * most)
    .replace(/eyJ[\w.-]+/g, "<token>")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, most)

const parsed = (body: string): unknown => {
  try {
    return Json.parse(body)
  } catch {
    return undefined
  }
}

/** FastAPI's `detail`: a text, an object with a `message`, or a list of what is wrong with the request. */
const inWords = (detail: unknown): string => {
  if (typeof detail === "string") return quoted(detail)
  if (Array.isArray(detail))
    return quoted(
      detail
        .slice(0, 20)
        .map((one) => {
          const at = field(one, "loc")
          return `${Array.isArray(at) ? at.join(".") : ""}: ${String(field(one, "msg"))}`
        })
        .join("; ")
    )
  const message = field(detail, "message")
  const state = field(detail, "previous_state") ?? field(detail, "current_state")
  const text = typeof message === "string" ? message : (Json.stringify(detail) ?? "")
  return quoted(`${text}${typeof state === "string" ? ` (its state is ${state})` : ""}`)
}

const causes: Readonly<Record<number, string>> = {
  401: "the site does not take the task's token",
  403: "the site does not take the task's token",
  407: "the proxy wants credentials",
  413: "the request is larger than a gateway allows",
  429: "the site asks for fewer requests",
  503: "the site is overloaded or in maintenance"
}

/** An answer that is no success. */
export const failure = (answer: Answer, { operation, site, wordless = false }: Context): ExecutionError => {
  const { status } = answer
  const body = parsed(answer.body)
  const detail = field(body, "detail") ?? field(body, "message")
  const isRedirect = status >= 300 && status < 400
  const said =
    detail === undefined
      ? isRedirect
        ? "a redirect is not followed, as it would hand the token to another address"
        : "a gateway's answer, not the site's"
      : `the site says: ${inWords(detail)}`
  const reason = [`HTTP ${status} from ${site}`, causes[status], said].filter(Boolean).join(": ")
  // A route that is not there, in FastAPI's words: what answers is no Execution API, or not yet.
  const isNoRoute = detail === "Not Found" || detail === "Method Not Allowed"
  const isOwn = (detail !== undefined && !isNoRoute) || (wordless && status === 404)
  const isDecision = status >= 400 && status < 500 && status !== 407 && status !== 429 && isOwn
  return isDecision
    ? new ExecutionRefused({ operation, status, reason, body: body ?? null })
    : new ExecutionUnavailable({ operation, status, reason, body: body ?? null })
}

/** A success whose body is not what the API promises. */
export const broken = ({ status }: Answer, { operation, site }: Context, problem: string) =>
  new ExecutionUnavailable({
    operation,
    status,
    reason: `HTTP ${status} from ${site}, but ${problem}`,
    body: null
  })

/** An answer that is too large to be read has no use, however often it is asked for. */
export const tooLarge = (
  { status }: { readonly status: number },
  { operation, site }: Context,
  most: number
) =>
  new ExecutionRefused({
    operation,
    status,
    reason: `the answer of ${site} is larger than ${most} bytes, which is the most that is read`,
    body: null
  })

const withoutAnswer = (error: HttpClientError, { operation, site }: Context): ExecutionError => {
  const host = URL.canParse(site) ? new URL(site).host : site
  const { reason } = error
  const make = (reason: string) => new ExecutionUnavailable({ operation, status: null, reason, body: null })
  if (reason._tag === "InvalidUrlError" || reason._tag === "EncodeError") return unwritable(operation)
  if (reason._tag === "TransportError" && reason.description === noAnswer)
    return make(`no answer from ${site} in time`)
  const what = seen("cause" in reason ? reason.cause : undefined)
  const early =
    reason._tag === "TransportError"
      ? beforeSending(what, host, "[core] execution_api_server_url")
      : undefined
  if (early !== undefined) return make(early)
  const code = what.code === "" ? "" : ` (${what.code})`
  if (what.code.startsWith("HPE_")) return make(`what answers at ${host} does not speak HTTP${code}`)
  return make(
    reason._tag === "TransportError"
      ? `the connection to ${host} broke before the answer came${code}`
      : `the answer from ${host} broke off, or is too large${code}`
  )
}

/** The request has something in it that the API has no place for, such as a task instance id that is none. */
const unwritable = (operation: string, why = "it is not what the API describes") =>
  new ExecutionRefused({
    operation,
    status: null,
    reason: `the request cannot be written: ${quoted(why)}`,
    body: null
  })

/** No answer came, for whatever reason. */
export const notAnswered = (error: unknown, context: Context): ExecutionError =>
  isHttpClientError(error)
    ? withoutAnswer(error, context)
    : unwritable(context.operation, error instanceof Error ? error.message : undefined)
