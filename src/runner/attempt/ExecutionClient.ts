/** ExecutionClient: one task's calls to the Execution API, with its newest token, tried again as Airflow does it. */
import * as ByteSize from "effect/ByteSize"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import { HttpClientError, TransportError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import { MaxBodySize } from "effect/http/HttpIncomingMessage"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { EdgeConfig } from "../../config/EdgeConfig.ts"
import { textAtHand } from "../../platform/HttpExchange.ts"
import { MonotonicClock } from "../../platform/MonotonicClock.ts"
import { within } from "../../platform/within.ts"
import { ExecutionApi } from "../../protocol/ExecutionApi.ts"
import { ExecutionToken, layerVersion, refreshedToken } from "../../protocol/execution/ExecutionToken.ts"
import { lifeOf } from "../../protocol/TokenExpiry.ts"
import type { ExecutionError } from "./ExecutionError.ts"
import { type Answer, broken, failure, noAnswer, notAnswered, tooLarge } from "./executionAnswer.ts"
import { type Patience, patienceOf, waitAfter } from "./executionPatience.ts"

/** The largest answer that is read; its JSON takes several times as much. */
const maxAnswer = 32 * 1024 * 1024
/** How long the body of an answer may take that has begun. */
const bodyMillis = 60_000
/** A request takes a millisecond more for each of these bytes that it sends: 64 KB a second is a slow line. */
const bytesPerMilli = 64

/** How many requests are under way for all tasks: the pool of connections has room for heartbeats and the worker's own. */
const mostAtOnce = 8

/** Whoever speaks: read by each request when it is sent, so that the newest token is used. */
const Speaker = Context.Reference<{
  readonly headers: () => Readonly<Record<string, string>>
  readonly timeout: number
}>("edge-worker/runner/attempt/Speaker", { defaultValue: () => ({ headers: () => ({}), timeout: 5_000 }) })

const late = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.fail(new HttpClientError({ reason: new TransportError({ request, description: noAnswer }) }))

/** The header of each request, and a limit until its answer begins. */
const layerSpeaker = HttpApiMiddleware.layerClient(ExecutionToken, ({ next, request }) =>
  Effect.gen(function* () {
    const { headers, timeout } = yield* Speaker
    const sent = HttpClientRequest.setHeaders(request, headers())
    const bytes = "contentLength" in sent.body ? (sent.body.contentLength ?? 0) : 0
    return yield* within(timeout + bytes / bytesPerMilli, () => late(sent))(next(sent))
  })
)

const makeCalls = (baseUrl: string) =>
  HttpApiClient.make(ExecutionApi, { baseUrl }).pipe(Effect.provide([layerSpeaker, layerVersion]))

/** The API's operations; ask with `responseMode: "response-only"`. */
export type ExecutionCalls = Effect.Success<ReturnType<typeof makeCalls>>

/** One request. */
export interface Request<A> {
  /** For messages: "run", "GetXCom", … */
  readonly operation: string
  readonly send: (calls: ExecutionCalls) => Effect.Effect<HttpClientResponse, unknown>
  /** Of an answer of 2xx; throws where it is not what the API promises. */
  readonly read: (answer: Answer) => A
}

/** The calls of one task. */
export interface ExecutionClient {
  /** Tries again what had no answer, as often as the settings say. Waits for its turn among those of all tasks. */
  readonly ask: <A>(request: Request<A>) => Effect.Effect<A, ExecutionError>
  /** One attempt, at once. */
  readonly once: <A>(request: Request<A>) => Effect.Effect<A, ExecutionError>
  /** The end of the newest token, by `MonotonicClock`; infinite where it does not say. */
  readonly tokenEnds: Effect.Effect<number>
  readonly patience: Patience
}

/** What makes one task's client. */
export interface Credentials {
  readonly token: string
  /** `ti.context_carrier`: the W3C headers of the span that this task belongs to. */
  readonly carrier?: Readonly<Record<string, unknown>> | null | undefined
}

/** Headers that are W3C's and can be sent at all. */
const traceHeaders = (carrier: Credentials["carrier"]) =>
  Object.fromEntries(
    ["traceparent", "tracestate"].flatMap((name) => {
      const value = carrier?.[name]
      return typeof value === "string" && /^[\x21-\x7e][\x20-\x7e]{0,511}$/.test(value) ? [[name, value]] : []
    })
  )

const isToken = (text: string | undefined): text is string =>
  text !== undefined && /^[\w.~+/=-]{1,16384}$/.test(text)

/** Makes the clients of all tasks, over one pool of connections. */
export class ExecutionClients extends Context.Service<
  ExecutionClients,
  { readonly open: (credentials: Credentials) => Effect.Effect<ExecutionClient> }
>()("edge-worker/runner/attempt/ExecutionClients") {
  /** The transport must not follow redirects. */
  static readonly layer = Layer.effect(
    ExecutionClients,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const url = new URL(config.executionApiUrl)
      const site = `${url.origin}${url.pathname}`
      const http = yield* HttpClient.HttpClient
      // At the first task: it takes a tenth of a worker's start.
      const made = yield* Effect.cached(
        Effect.provideService(
          makeCalls(config.executionApiUrl.replace(/\/+$/, "")),
          HttpClient.HttpClient,
          http
        )
      )
      const patience = patienceOf(config)
      const now = yield* MonotonicClock
      const room = yield* Semaphore.make(mostAtOnce)

      const open = Effect.fnUntraced(function* ({ carrier, token: first }: Credentials) {
        const calls = yield* made
        const trace = traceHeaders(carrier)
        let token = first
        let endsAt = (yield* now) + (lifeOf(first) ?? Number.POSITIVE_INFINITY)
        const speaker = {
          timeout: patience.timeout,
          headers: () => ({
            authorization: `Bearer ${token}`,
            "correlation-id": globalThis.crypto.randomUUID(),
            ...trace
          })
        }
        const adopt = (headers: Answer["headers"], at: number) => {
          const newer = headers[refreshedToken]
          if (!isToken(newer)) return
          const ends = at + (lifeOf(newer) ?? Number.POSITIVE_INFINITY)
          // Answers of requests that were under way together may overtake each other.
          if (token !== first && ends < endsAt) return
          token = newer
          endsAt = ends
        }
        const once = <A>({ operation, read, send }: Request<A>): Effect.Effect<A, ExecutionError> =>
          Effect.gen(function* () {
            const at = yield* now
            const asked = { operation, site }
            const response = yield* Effect.mapError(send(calls), (error) => notAnswered(error, asked))
            adopt(response.headers, at)
            const context = { ...asked, wordless: response.request.method === "HEAD" }
            const length = Number(response.headers["content-length"])
            if (!context.wordless && length > maxAnswer) return yield* tooLarge(response, context, maxAnswer)
            const body =
              textAtHand(response) ??
              (yield* response.text.pipe(
                within(bodyMillis, () => late(response.request)),
                Effect.mapError((error) => notAnswered(error, context))
              ))
            const answer = { status: response.status, headers: response.headers, body }
            if (answer.status < 200 || answer.status > 299) return yield* failure(answer, context)
            return yield* Effect.try({
              try: () => read(answer),
              catch: (cause) =>
                broken(
                  answer,
                  context,
                  cause instanceof SyntaxError
                    ? "its body is not JSON"
                    : `its body is not what the Execution API promises${Schema.isSchemaError(cause) ? `: ${cause.message}` : ""}`
                )
            })
          }).pipe(
            // One id for a request and its answer is enough; gateways count headers.
            Effect.provideService(HttpClient.TracerPropagationEnabled, false),
            Effect.provideService(MaxBodySize, ByteSize.bytes(maxAnswer)),
            Effect.provideService(Speaker, speaker)
          )
        const ask = <A>(request: Request<A>): Effect.Effect<A, ExecutionError> =>
          Effect.gen(function* () {
            for (let attempt = 1; ; attempt++) {
              const result = yield* Effect.result(room.withPermit(once(request)))
              if (result._tag === "Success") return result.success
              if (result.failure._tag === "ExecutionRefused" || attempt >= patience.attempts)
                return yield* result.failure
              yield* Effect.logDebug(`${result.failure.message}; is tried again`)
              yield* Effect.sleep(waitAfter(patience, attempt, yield* Random.next))
            }
          })
        return { ask, once, patience, tokenEnds: Effect.sync(() => endsAt) } satisfies ExecutionClient
      })
      return ExecutionClients.of({ open })
    })
  )
}
