/** fakeSite: an Execution API that answers what a test says, without a network: under the test clock. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import { HttpClientError, TransportError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"

/** A request as the site sees it. */
export interface Asked {
  readonly method: string
  /** Below the API's folder, decoded. */
  readonly path: string
  readonly query: ReadonlyArray<readonly [string, string]>
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/** An answer; or none: the connection breaks, or nothing ever comes. */
export type Answer =
  | {
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  | "reset"
  | "silence"

/** FastAPI's refusal. */
export const refusal = (status: number, detail: unknown): Answer => ({
  status,
  body: JSON.stringify({ detail })
})

const bodyOf = (request: HttpClientRequest): string => {
  const { body } = request
  if (body._tag === "Uint8Array") return new TextDecoder().decode(body.body)
  return body._tag === "Raw" && typeof body.body === "string" ? body.body : ""
}

const answered = (request: HttpClientRequest, answer: Exclude<Answer, string>) => {
  const { body = "", headers = {}, status } = answer
  const response = HttpClientResponse.fromWeb(request, new Response(null, { status, headers }))
  // Not through a stream: the answer is there at once, also for the test clock.
  return Object.defineProperty(response, "text", { value: Effect.succeed(body) })
}

/** Every request is kept in `asked`. */
export const fakeSite = (answer: (asked: Asked, n: number) => Answer) => {
  const asked: Array<Asked> = []
  const client = HttpClient.make((request, url) =>
    Effect.suspend(() => {
      const path = decodeURIComponent(url.pathname.replace(/^\/execution/, ""))
      const one = {
        method: request.method,
        path,
        query: [...url.searchParams.entries()],
        headers: request.headers,
        body: bodyOf(request)
      }
      asked.push(one)
      const found = answer(one, asked.length)
      if (found === "silence") return Effect.never
      if (found !== "reset") return Effect.succeed(answered(request, found))
      const cause = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" })
      return Effect.fail(new HttpClientError({ reason: new TransportError({ request, cause }) }))
    })
  )
  return { asked, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

/** An unsigned token of a life in seconds; `name` tells tokens apart. */
export const token = (life: number, name = "t"): string =>
  `e30.${Buffer.from(JSON.stringify({ iat: 0, exp: life, jti: name })).toString("base64url")}.x`
