/** HttpExchange: effect's HttpClient over node:http(s) for a worker's many small requests, at as little CPU as it takes. */
import type { Agent, ClientRequest, IncomingMessage } from "node:http"
import type { Agent as TlsAgent } from "node:https"
import { Readable } from "node:stream"
import { NodeHttpIncomingMessage } from "@effect/platform-node/NodeHttpIncomingMessage"
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as HttpClient from "effect/http/HttpClient"
import * as Failure from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as Url from "effect/http/Url"
import * as Option from "effect/Option"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import * as References from "effect/References"
import * as Result from "effect/Result"

/** The connections of a client. */
export interface Agents {
  readonly http: Agent
  readonly https: TlsAgent
}

/** An answer with a `content-length` up to this many bytes is given when it is whole: most come in one packet. */
const wholeBytes = 16 * 1024

const decoder = new TextDecoder()

/** An answer: its body is at hand, or still in the socket. */
class Answer
  extends NodeHttpIncomingMessage<Failure.HttpClientError>
  implements HttpClientResponse.HttpClientResponse, Pipeable
{
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest
  readonly url: string
  readonly #whole: Buffer | undefined

  /** The text of a body that is at hand. */
  static textOf(response: HttpClientResponse.HttpClientResponse): string | undefined {
    const whole = response instanceof Answer ? response.#whole : undefined
    return whole === undefined ? undefined : decoder.decode(whole)
  }

  constructor(request: HttpClientRequest, message: IncomingMessage, url: string, whole: Buffer | undefined) {
    super(message, (cause) => decodeError(request, this, cause))
    this.request = request
    this.url = url
    this.#whole = whole
  }

  get status() {
    return this.source.statusCode ?? 0
  }

  protected override get bodySource() {
    return this.#whole === undefined ? this.source : Readable.from([this.#whole])
  }

  override get text() {
    return this.#whole === undefined ? super.text : Effect.succeed(decoder.decode(this.#whole))
  }

  get cookies() {
    return Cookies.fromSetCookie(this.source.headers["set-cookie"] ?? [])
  }

  get formData(): Effect.Effect<never, Failure.HttpClientError> {
    return Effect.fail(decodeError(this.request, this, new Error("a form is not read")))
  }

  get upgrade(): Effect.Effect<never, Failure.HttpClientError> {
    return Effect.fail(decodeError(this.request, this, new Error("no connection is handed over")))
  }

  toJSON() {
    const { request, status } = this
    return HttpIncomingMessage.inspect(this, {
      _id: "HttpClientResponse",
      request: request.toJSON(),
      status
    })
  }

  pipe() {
    // biome-ignore lint/complexity/noArguments: it is what pipeArguments takes
    return pipeArguments(this, arguments)
  }
}

/** The body of an answer that was given whole: to be had without waiting, and so without a time limit. */
export const textAtHand = Answer.textOf

const decodeError = (
  request: HttpClientRequest,
  response: HttpClientResponse.HttpClientResponse,
  cause: unknown
) => new Failure.HttpClientError({ reason: new Failure.DecodeError({ request, response, cause }) })

/** An answer that nobody reads to its end must not keep its connection for ever. */
const unread = new FinalizationRegistry((message: IncomingMessage) => message.destroy())

const start = (agents: Agents, request: HttpClientRequest, url: URL): ClientRequest => {
  const { headers, method } = request
  return url.protocol === "https:"
    ? process.getBuiltinModule("node:https").request(url, { agent: agents.https, method, headers })
    : process.getBuiltinModule("node:http").request(url, { agent: agents.http, method, headers })
}

/** The bytes of the body; not a number where nobody says so. */
const lengthOf = ({ method }: HttpClientRequest, { headers, statusCode }: IncomingMessage): number =>
  method === "HEAD" || statusCode === 204 ? 0 : Number(headers["content-length"] ?? Number.NaN)

/** Sends a body that is at hand; the connection is closed where this is interrupted before the answer. */
const exchange = (
  agents: Agents,
  request: HttpClientRequest,
  url: URL,
  signal?: AbortSignal
): Effect.Effect<HttpClientResponse.HttpClientResponse, Failure.HttpClientError> =>
  Effect.callback((resume) => {
    const sent = start(agents, request, url)
    const href = url.href.split("#")[0] ?? ""
    // Stays on the request: what goes wrong after the answer has begun must not be an error that nobody hears.
    sent.on("error", (cause) =>
      resume(
        Effect.fail(new Failure.HttpClientError({ reason: new Failure.TransportError({ request, cause }) }))
      )
    )
    sent.once("response", (message) => {
      // uvicorn closes the connection right after the 500 of an error that nobody caught, but does not say so before: a
      // request that took it again would get no answer.
      if (message.statusCode === 500) sent.shouldKeepAlive = false
      const give = (whole?: Buffer) => {
        const answer = new Answer(request, message, href, whole)
        if (whole === undefined) unread.register(answer, message)
        resume(Effect.succeed(answer))
      }
      if (!(lengthOf(request, message) <= wholeBytes)) return give()
      const parts: Array<Buffer> = []
      message.on("data", (part: Buffer) => parts.push(part))
      let problem: unknown
      message.on("error", (cause) => {
        problem = cause
      })
      // Not at "end": the agent has its connection back only after that, and a caller's next request would open another.
      message.once("close", () => {
        if (message.complete) return give(parts.length === 1 ? parts[0] : Buffer.concat(parts))
        const answer = new Answer(request, message, href, undefined)
        resume(Effect.fail(decodeError(request, answer, problem ?? new Error("the connection was closed"))))
      })
    })
    signal?.addEventListener("abort", () => sent.destroy(), { once: true })
    const { body } = request
    sent.end(body._tag === "Uint8Array" || body._tag === "Raw" ? body.body : undefined)
    return Effect.sync(() => sent.destroy())
  })

/** A client that follows no redirect. `full` sends what is no text or bytes: streams and forms. */
export const make = (agents: Agents, full: HttpClient.HttpClient): HttpClient.HttpClient => {
  const isAtHand = ({ body }: HttpClientRequest) => body._tag !== "Stream" && body._tag !== "FormData"
  const traced = HttpClient.make((request, url, signal) => exchange(agents, request, url, signal))
  const direct = (request: HttpClientRequest) => {
    const url = Url.make(request.url, request.urlParams, Option.getOrUndefined(request.hash))
    if (Result.isSuccess(url)) return exchange(agents, request, url.success)
    const reason = new Failure.InvalidUrlError({ request, cause: url.failure })
    return Effect.fail(new Failure.HttpClientError({ reason }))
  }
  const send = (request: HttpClientRequest) => {
    if (!isAtHand(request)) return full.execute(request)
    return Effect.withFiber<HttpClientResponse.HttpClientResponse, Failure.HttpClientError>((fiber) =>
      fiber.getRef(References.TracerEnabled) ? traced.execute(request) : direct(request)
    )
  }
  return HttpClient.makeWith<Failure.HttpClientError, never, Failure.HttpClientError, never>(
    (request) => Effect.flatMap(request, send),
    Effect.succeed
  )
}
