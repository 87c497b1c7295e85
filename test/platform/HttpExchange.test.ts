/** The exchange over real sockets, alike where each request is a span and where none is. */
import { Buffer } from "node:buffer"
import { once } from "node:events"
import type { RequestListener } from "node:http"
import { describe, expect, it } from "@effect/vitest"
import * as ByteSize from "effect/ByteSize"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { MaxBodySize } from "effect/http/HttpIncomingMessage"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import { textAtHand } from "../../src/platform/HttpExchange.ts"
import * as HttpTransport from "../../src/platform/HttpTransport.ts"
import { httpServer } from "./localServer.ts"

const body = (request: Parameters<RequestListener>[0]) =>
  new Promise<string>((done) => {
    const parts: Array<Buffer> = []
    request
      .on("data", (part) => parts.push(part))
      .on("end", () => done(Buffer.concat(parts).toString()))
      .on("error", () => done("broken"))
  })

/** Says what it was sent. */
const echo: RequestListener = async (request, response) => {
  const text = `${request.method} ${request.url} ${request.headers["content-type"]} ${await body(request)}`
  response.setHeader("content-length", Buffer.byteLength(text))
  response.end(text)
}

const reasonOf = (error: unknown) =>
  HttpClientError.isHttpClientError(error) ? error.reason._tag : String(error)

const suite = (name: string, traced: boolean) => {
  const to = <A, E>(
    listener: RequestListener,
    use: (url: string) => Effect.Effect<A, E, HttpClient.HttpClient>
  ) =>
    Effect.gen(function* () {
      const server = yield* httpServer(listener)
      return yield* use(`http://127.0.0.1:${server.port}`)
    }).pipe(
      Effect.provide(HttpTransport.layerOptions({ tls: false, env: {} })),
      Effect.provideService(References.TracerEnabled, traced)
    )

  describe(name, () => {
    it.live("sends text, bytes, nothing and a stream", () =>
      to(echo, (url) =>
        Effect.gen(function* () {
          const post = HttpClientRequest.post(`${url}/a?b=c%2Fd#e`)
          const text = (request: HttpClientRequest.HttpClientRequest) =>
            Effect.flatMap(HttpClient.execute(request), (answer) => answer.text)
          const bytes = new TextEncoder().encode("Grüße")
          expect(yield* text(HttpClientRequest.bodyText(post, "Grüße", "text/plain"))).toBe(
            "POST /a?b=c%2Fd text/plain Grüße"
          )
          expect(yield* text(HttpClientRequest.bodyUint8Array(post, bytes, "x/y"))).toBe(
            "POST /a?b=c%2Fd x/y Grüße"
          )
          expect(yield* text(post)).toBe("POST /a?b=c%2Fd undefined ")
          expect(
            yield* text(HttpClientRequest.bodyStream(post, Stream.make(bytes), { contentType: "x/z" }))
          ).toBe("POST /a?b=c%2Fd x/z Grüße")
        })
      )
    )

    it.live("gives status, headers and cookies; the body as often as it is asked for", () =>
      to(
        (_request, response) => {
          response.writeHead(418, { "content-length": 9, "x-y": "z", "set-cookie": "a=b" }).end('{"a": 1}\n')
        },
        (url) =>
          Effect.gen(function* () {
            const answer = yield* HttpClient.get(url)
            expect([answer.status, answer.headers["x-y"], answer.url]).toEqual([418, "z", `${url}/`])
            expect(Object.keys(answer.cookies.cookies)).toEqual(["a"])
            expect(yield* answer.json).toEqual({ a: 1 })
            expect(yield* answer.text).toBe('{"a": 1}\n')
            expect((yield* answer.arrayBuffer).byteLength).toBe(9)
            expect(JSON.parse(JSON.stringify(answer))).toMatchObject({ status: 418 })
          })
      )
    )

    it.live("reads a large body, one without a length, an empty one and that of a HEAD", () => {
      const large = "ü".repeat(200_000)
      return to(
        (request, response) => {
          if (request.url === "/large") response.setHeader("content-length", Buffer.byteLength(large))
          if (request.url === "/head") response.setHeader("content-length", 7)
          if (request.url === "/none") response.statusCode = 204
          response.end(request.url === "/head" || request.url === "/none" ? undefined : large)
        },
        (url) =>
          Effect.gen(function* () {
            for (const path of ["large", "chunked"])
              expect(yield* Effect.flatMap(HttpClient.get(`${url}/${path}`), ({ text }) => text)).toBe(large)
            for (const answer of [
              yield* HttpClient.get(`${url}/none`),
              yield* HttpClient.head(`${url}/head`)
            ])
              expect(yield* answer.text).toBe("")
          })
      )
    })

    it.live("a body larger than is taken fails", () =>
      to(
        (_request, response) => response.end("x".repeat(100_000)),
        (url) =>
          HttpClient.get(url).pipe(
            Effect.flatMap(({ text }) => text),
            Effect.provideService(MaxBodySize, ByteSize.bytes(50_000)),
            Effect.flip,
            Effect.map((error) => expect(reasonOf(error)).toBe("DecodeError"))
          )
      )
    )

    it.live.each([
      ["before the answer", 0, "TransportError"],
      ["in a small body", 100, "DecodeError"],
      ["in a large body", 100_000, "DecodeError"]
    ] as const)("a connection that breaks %s", ([, length, reason]) =>
      to(
        (_request, response) => {
          const end = () => void response.socket?.destroy()
          if (length === 0) end()
          else response.writeHead(200, { "content-length": length }).write("half", end)
        },
        (url) =>
          HttpClient.get(url).pipe(
            Effect.flatMap(({ text }) => text),
            Effect.flip,
            Effect.map((error) => expect(reasonOf(error)).toBe(reason))
          )
      )
    )

    it.live.each([
      ["before the answer", undefined],
      ["in a small body", 100],
      ["in a large body", 100_000]
    ] as const)("interrupted %s, it closes the connection", ([, length]) =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<void>()
        yield* to(
          async (request, response) => {
            once(request.socket, "close").then(() => Effect.runSync(Deferred.succeed(closed, undefined)))
            if (length !== undefined) response.writeHead(200, { "content-length": length }).write("half")
            Effect.runSync(Deferred.succeed(asked, undefined))
          },
          (url) =>
            Effect.gen(function* () {
              const running = yield* Effect.forkChild(Effect.flatMap(HttpClient.get(url), ({ text }) => text))
              yield* Deferred.await(asked)
              yield* Fiber.interrupt(running)
              yield* Deferred.await(closed)
            })
        )
      })
    )

    it.live("what is no URL is said so", () =>
      to(echo, () =>
        Effect.map(Effect.flip(HttpClient.get("http://[")), (error) =>
          expect(reasonOf(error)).toBe("InvalidUrlError")
        )
      )
    )
  })
}

suite("untraced", false)
suite("traced", true)

it.live("a connection is used again, but not one that has brought a 500", () => {
  const ports: Array<number | undefined> = []
  const listener: RequestListener = (request, response) => {
    ports.push(request.socket.remotePort)
    response.statusCode = Number(request.url?.slice(1))
    response.end("so it is")
  }
  return Effect.gen(function* () {
    const { port } = yield* httpServer(listener)
    for (const status of [200, 404, 500, 503, 200])
      expect(yield* (yield* HttpClient.get(`http://127.0.0.1:${port}/${status}`)).text).toBe("so it is")
    const [first, second] = [ports[0], ports[3]]
    expect(ports).toEqual([first, first, first, second, second])
    expect(second).not.toBe(first)
  }).pipe(Effect.provide(HttpTransport.layerOptions({ tls: false, env: {} })))
})

describe("a body at hand", () => {
  const answerOf = (length: number) =>
    Effect.gen(function* () {
      const server = yield* httpServer((_request, response) => {
        response.writeHead(200, { "content-length": length }).end("x".repeat(length))
      })
      const answer = yield* HttpClient.get(`http://127.0.0.1:${server.port}`)
      return { answer, text: yield* answer.text }
    }).pipe(
      Effect.provide(HttpTransport.layerOptions({ tls: false, env: {} })),
      Effect.provideService(References.TracerEnabled, false)
    )

  it.live("is that of a small answer", () =>
    Effect.map(answerOf(16_384), ({ answer, text }) => expect(textAtHand(answer)).toBe(text))
  )
  it.live("is not that of a larger one", () =>
    Effect.map(answerOf(16_385), ({ answer, text }) => {
      expect(textAtHand(answer)).toBeUndefined()
      expect(text.length).toBe(16_385)
    })
  )
})
