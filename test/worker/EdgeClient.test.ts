/** The client against a site that answers anything: each answer, and each way to get none, is sorted. */
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import { TestClock } from "effect/testing"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import * as HttpTransport from "../../src/platform/HttpTransport.ts"
import { TokenSigner } from "../../src/platform/TokenSigner.ts"
import * as Json from "../../src/protocol/Json.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import type {
  SiteUnavailable,
  VersionRejected,
  WorkerConflict,
  WorkerNotFound
} from "../../src/worker/EdgeError.ts"
import { certify } from "../platform/certificates.ts"
import { httpServer, httpsServer } from "../platform/localServer.ts"

const clientOf = (url: string, name = "edge-1", transport: Partial<HttpTransport.TransportOptions> = {}) =>
  EdgeClient.layer.pipe(
    Layer.provide(TokenSigner.layer),
    Layer.provide([
      HttpTransport.layerOptions({ tls: url.startsWith("https:"), env: {}, ...transport }),
      Layer.succeed(
        EdgeConfig,
        testSettings({
          apiUrl: new URL(url),
          jwtSecret: Redacted.make("the-secret"),
          jwtLeeway: Duration.seconds(10)
        })
      ),
      Layer.succeed(WorkerIdentity, { name, queues: null, team: null, concurrency: 1 })
    ])
  )

const key = {
  dag_id: "d",
  task_id: "t",
  run_id: "manual__2026-01-01T00:00:00+00:00",
  try_number: 1,
  map_index: -1
}
const body = { state: "idle", jobs_active: 0, queues: null, sysinfo: { airflow_version: "3.3.2" } } as const

/** Each call of the wire, under the name that its errors have. */
const calls = {
  register: Effect.flatMap(EdgeClient, (client) => client.register(body)),
  heartbeat: Effect.flatMap(EdgeClient, (client) => client.setState(body)),
  fetch: Effect.flatMap(EdgeClient, (client) => client.fetch({ queues: null, free_concurrency: 2 })),
  "job report": Effect.flatMap(EdgeClient, (client) => client.reportJob(key, null, "running")),
  "log push": Effect.flatMap(EdgeClient, (client) =>
    client.pushLog(key, { log_chunk_time: "2026-01-01T00:00:00Z", log_chunk_data: "line\n" })
  )
}
type Operation = keyof typeof calls
type Failure = VersionRejected | WorkerConflict | WorkerNotFound | SiteUnavailable
const call: Readonly<Record<Operation, Effect.Effect<unknown, Failure, EdgeClient>>> = calls
const operations: ReadonlyArray<Operation> = ["register", "heartbeat", "fetch", "job report", "log push"]

const api = (port: number) => `http://127.0.0.1:${port}/edge_worker/v1/rpcapi`

/** The calls to a server that does `listener`. */
const against = <A, E>(listener: RequestListener, effect: Effect.Effect<A, E, EdgeClient>) =>
  Effect.flatMap(httpServer(listener), ({ port }) => Effect.provide(effect, clientOf(api(port))))

interface Told {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

const tell =
  ({ body = "", headers = {}, status = 200 }: Told) =>
  (_request: IncomingMessage, response: ServerResponse) => {
    const json = typeof body !== "string"
    response.writeHead(status, { ...(json ? { "content-type": "application/json" } : {}), ...headers })
    response.end(json ? JSON.stringify(body) : body)
  }

const html = (title: string) => ({
  headers: { "content-type": "text/html" },
  body: `<html><head><title>${title}</title></head><body>…</body></html>`
})
const seconds = (offset: number) => ({ date: new Date(Date.now() + offset * 1000).toUTCString() })
const outage = (rest: object) => expect.objectContaining({ _tag: "SiteUnavailable", ...rest })
const saying = (...words: ReadonlyArray<string>) =>
  expect.stringMatching(
    new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*"))
  )

describe("answers of the site itself", () => {
  it.live.each<readonly [Operation, Told, unknown]>([
    [
      "register",
      { status: 400, body: { detail: "too old" } },
      expect.objectContaining({ _tag: "VersionRejected", detail: "too old" })
    ],
    [
      "heartbeat",
      { status: 400, body: { detail: "too old" } },
      expect.objectContaining({ _tag: "VersionRejected" })
    ],
    [
      "fetch",
      { status: 400, body: { detail: "bad" } },
      outage({ status: 400, fromSite: true, ambiguous: false })
    ],
    [
      "register",
      { status: 409, body: { detail: "is active" } },
      expect.objectContaining({ _tag: "WorkerConflict", detail: "is active" })
    ],
    [
      "fetch",
      { status: 409, body: { detail: "Upgrade this" } },
      outage({ status: 409, reason: saying("Upgrade this") })
    ],
    [
      "heartbeat",
      { status: 404, body: { detail: "Worker not found" } },
      expect.objectContaining({ _tag: "WorkerNotFound" })
    ],
    [
      "fetch",
      { status: 404, body: { detail: "Worker not found" } },
      expect.objectContaining({ _tag: "WorkerNotFound" })
    ],
    ["log push", { status: 404, body: { detail: "Worker not found" } }, outage({ status: 404 })],
    [
      "heartbeat",
      { status: 404, body: { detail: "Not Found" } },
      outage({ status: 404, fromSite: true, ambiguous: false })
    ],
    [
      "register",
      { status: 404, body: { detail: "Not Found" } },
      outage({
        fromSite: true,
        reason: saying("set [edge] api_enabled on the site, or correct [edge] api_url here")
      })
    ],
    [
      "register",
      { status: 405, body: { detail: "Method Not Allowed" } },
      outage({ reason: saying("api_enabled") })
    ],
    [
      "heartbeat",
      { status: 403, body: { detail: "Forbidden. … error_id=7" } },
      outage({
        fromSite: true,
        ambiguous: false,
        reason: saying("jwt_secret differs from the site's", "error_id=7")
      })
    ],
    [
      "heartbeat",
      { status: 401, body: { detail: "no" } },
      outage({ status: 401, reason: saying("jwt_secret differs") })
    ],
    // Asked again with the site's time and refused again: it is not the clock (see SiteClock.test.ts).
    [
      "heartbeat",
      { status: 403, body: { detail: "no" }, headers: seconds(-100) },
      outage({ reason: saying("jwt_secret differs") })
    ],
    [
      "heartbeat",
      { status: 403, body: { detail: "no" }, headers: seconds(100) },
      outage({ reason: saying("jwt_secret differs") })
    ],
    [
      "heartbeat",
      { status: 403, body: { detail: "no" }, headers: seconds(-9) },
      outage({ reason: saying("jwt_secret differs") })
    ],
    [
      "heartbeat",
      {
        status: 422,
        body: { detail: [{ loc: ["body", "state"], msg: "is wrong", type: "x", input: "secret input" }] }
      },
      outage({
        status: 422,
        fromSite: true,
        ambiguous: false,
        reason: expect.not.stringContaining("secret input")
      })
    ],
    [
      "log push",
      { status: 500, body: "Internal Server Error" },
      outage({ status: 500, fromSite: false, ambiguous: true })
    ]
  ])("%s: %j", ([operation, told, expected]) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(against(tell(told), call[operation]))).toEqual(expected)
    })
  )
})

describe("a report and a log", () => {
  for (const operation of ["job report", "log push"] as const) {
    it.live.each([{ body: "" }, { status: 204 }, { body: "null" }, { body: { any: "thing" } }])(
      `${operation}: is accepted with %j`,
      (told) => Effect.asVoid(against(tell(told), call[operation]))
    )
  }
})

it.live.each(["heartbeat", "fetch"] as const)(
  "%s: an error of the site that speaks of a worker is no forgotten worker",
  (operation) =>
    Effect.gen(function* () {
      const told = { status: 500, body: { detail: "Worker not found" } }
      expect(yield* Effect.flip(against(tell(told), call[operation]))).toEqual(
        outage({ status: 500, fromSite: true })
      )
    })
)

describe("answers of whatever stands before the site, to each call", () => {
  const date = new Date(Date.now() + 3_600_000)
  const table: ReadonlyArray<readonly [string, Told, unknown]> = [
    [
      "a refusal in HTML",
      { status: 403, ...html("Maintenance") },
      outage({
        status: 403,
        fromSite: false,
        ambiguous: false,
        reason: saying("maintenance", 'a gateway answered with HTML ("Maintenance")')
      })
    ],
    [
      "a 400 in HTML",
      { status: 400, ...html("Bad") },
      outage({ status: 400, fromSite: false, ambiguous: false })
    ],
    [
      "a 404 in HTML",
      { status: 404, ...html("Not here") },
      outage({ status: 404, fromSite: false, ambiguous: false })
    ],
    ["a 409 in HTML", { status: 409, ...html("?") }, outage({ status: 409, fromSite: false })],
    [
      "a login page",
      { status: 200, ...html("Log in") },
      outage({
        status: 200,
        fromSite: false,
        ambiguous: true,
        reason: saying('a gateway answered with HTML ("Log in")')
      })
    ],
    [
      "half a JSON text",
      { status: 200, body: '{"state": "id' },
      outage({ status: 200, ambiguous: true, reason: saying("its body is not JSON") })
    ],
    [
      "a redirect",
      { status: 307, headers: { location: "https://elsewhere.test/x?token=y" } },
      outage({
        status: 307,
        ambiguous: false,
        reason: saying("redirects to https://elsewhere.test/x, which is not followed")
      })
    ],
    [
      "a redirect to nowhere",
      { status: 302 },
      outage({ status: 302, reason: saying("redirects to nowhere") })
    ],
    [
      "a proxy without credentials",
      { status: 407 },
      outage({ status: 407, ambiguous: false, reason: saying("the proxy wants credentials") })
    ],
    ["a limit of bytes", { status: 413, ...html("Too large") }, outage({ status: 413, ambiguous: false })],
    [
      "a limit of requests",
      { status: 429, headers: { "retry-after": "7" } },
      outage({ status: 429, ambiguous: false, retryAfterMillis: 7000 })
    ],
    [
      "a limit until a date",
      { status: 429, headers: { "retry-after": date.toUTCString(), ...seconds(3590) } },
      outage({ retryAfterMillis: expect.toSatisfy((millis: number) => millis >= 9000 && millis <= 11_000) })
    ],
    [
      "a limit until a past date",
      { status: 503, headers: { "retry-after": new Date(0).toUTCString() } },
      outage({ retryAfterMillis: 0 })
    ],
    [
      "a limit until some time",
      { status: 503, headers: { "retry-after": "soon" } },
      outage({ status: 503, ambiguous: true, retryAfterMillis: undefined })
    ],
    [
      "a bad gateway",
      { status: 502, ...html("502 Bad Gateway") },
      outage({ status: 502, fromSite: false, ambiguous: true })
    ],
    ["a gateway that waited", { status: 504, ...html("504") }, outage({ status: 504, ambiguous: true })]
  ]
  const rows = table.flatMap(([name, told, expected]) =>
    operations.map((operation) => [name, operation, told, expected] as const)
  )
  it.live.each(rows)("%s: %s", ([, operation, told, expected]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(against(tell(told), call[operation]))
      expect(error).toEqual(expected)
      expect(error).toMatchObject({ operation })
    })
  )

  it.live.each(["register", "heartbeat", "fetch"] as const)(
    "JSON that the API does not promise: %s",
    (operation) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(against(tell({ body: { answer: 42 } }), call[operation]))
        expect(error).toEqual(
          outage({ status: 200, ambiguous: true, reason: saying("not what the Edge API") })
        )
      })
  )
})

describe("no answer", () => {
  it.live("nothing listens", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(Effect.map(httpServer(tell({})), (server) => server.port))
      const error = yield* Effect.flip(Effect.provide(calls.fetch, clientOf(api(port))))
      expect(error).toEqual(
        outage({ ambiguous: false, reason: saying(`nothing listens at 127.0.0.1:${port} (ECONNREFUSED)`) })
      )
    })
  )

  it.live("a certificate that is not trusted", () =>
    Effect.gen(function* () {
      const { cert, key } = certify({ name: "localhost", hosts: ["localhost"] })
      const { port } = yield* httpsServer({ cert, key }, tell({ body: null }))
      const env = { SSL_CERT_FILE: "/dev/null", SSL_CERT_DIR: "/nowhere" }
      const client = clientOf(`https://localhost:${port}/edge_worker/v1/rpcapi`, "edge-1", { env })
      const error = yield* Effect.flip(Effect.provide(calls.fetch, client))
      expect(error).toEqual(
        outage({
          ambiguous: false,
          reason: saying(`the certificate of localhost:${port} is not trusted`, "[api] ssl_ca_file")
        })
      )
    })
  )

  it.live("https spoken to http", () =>
    Effect.gen(function* () {
      const { port } = yield* httpServer(tell({ body: null }))
      const client = clientOf(`https://127.0.0.1:${port}/edge_worker/v1/rpcapi`)
      const error = yield* Effect.flip(Effect.provide(calls.fetch, client))
      expect(error).toEqual(
        outage({ ambiguous: false, reason: saying("should [edge] api_url begin with http://?") })
      )
    })
  )

  it.live("a client certificate is missing", () =>
    Effect.gen(function* () {
      const { cert, key } = certify({ name: "localhost", hosts: ["localhost"] })
      const server = yield* httpsServer({ cert, key, requestCert: true, ca: [cert] }, tell({ body: null }))
      const path = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      writeFileSync(join(path, "ca.pem"), cert)
      const client = clientOf(`https://localhost:${server.port}/edge_worker/v1/rpcapi`, "edge-1", {
        authorities: [["[api] ssl_ca_file", join(path, "ca.pem")]]
      })
      const error = yield* Effect.flip(Effect.provide(calls.fetch, client))
      expect(error).toEqual(
        outage({ ambiguous: false, reason: saying("[api] client_ssl_cert, client_ssl_key") })
      )
    })
  )

  it.live("a proxy that refuses", () =>
    Effect.gen(function* () {
      const { port, server } = yield* httpServer(tell({}))
      server.on("connect", (_request, socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"))
      const env = { HTTPS_PROXY: `http://me:pass-word@127.0.0.1:${port}` }
      const client = clientOf("https://site.test/edge_worker/v1/rpcapi", "edge-1", { env })
      const error = yield* Effect.flip(Effect.provide(calls.fetch, client))
      expect(error).toEqual(
        outage({ ambiguous: false, reason: saying("the proxy opened no tunnel to site.test") })
      )
      expect(JSON.stringify([error, error.message])).not.toContain("pass-word")
    })
  )

  it.live("cut off after the request", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(against((request) => request.socket.destroy(), calls.fetch))
      expect(error).toEqual(
        outage({ ambiguous: true, reason: saying("broke before the answer came (ECONNRESET)") })
      )
    })
  )

  it.live("cut off within the answer", () =>
    Effect.gen(function* () {
      const listener: RequestListener = (request, response) => {
        response.writeHead(200, { "content-length": "100" })
        response.write("{", () => request.socket.destroy())
      }
      const error = yield* Effect.flip(against(listener, calls.fetch))
      expect(error).toEqual(outage({ ambiguous: true, reason: saying("broke off") }))
    })
  )

  it.live("an answer without end", () =>
    Effect.gen(function* () {
      const chunk = Buffer.alloc(1024 * 1024, " ")
      const listener: RequestListener = (_request, response) => {
        const more = () => {
          while (!response.destroyed && response.write(chunk)) {}
        }
        response.on("drain", more)
        more()
      }
      const error = yield* Effect.flip(against(listener, calls.fetch))
      expect(error).toEqual(outage({ ambiguous: true, reason: saying("broke off, or is too large") }))
    })
  )

  it.live("something that is no HTTP", () =>
    Effect.gen(function* () {
      const listener: RequestListener = (request) => request.socket.end("SSH-2.0-OpenSSH\r\n\r\n")
      const error = yield* Effect.flip(against(listener, calls.fetch))
      expect(error).toEqual(outage({ reason: saying("does not speak HTTP") }))
    })
  )

  it.effect.each([
    ["no answer", () => {}],
    ["half an answer", (_request, response) => void response.write("{")]
  ] as ReadonlyArray<readonly [string, RequestListener]>)(
    "%s within 60 s closes the socket, also where nothing may interrupt",
    ([, listener]) =>
      Effect.gen(function* () {
        const { port, server } = yield* httpServer(listener)
        const asked = once(server, "request")
        const fiber = yield* Effect.forkChild(
          Effect.uninterruptible(Effect.flip(Effect.provide(calls.fetch, clientOf(api(port)))))
        )
        const [request] = yield* Effect.promise(() => asked)
        const closed = once(request.socket, "close")
        yield* TestClock.adjust("59 seconds")
        expect(fiber.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust("1 second")
        expect(yield* Fiber.join(fiber)).toEqual(
          outage({ ambiguous: true, reason: saying("no answer from", "within 60 s") })
        )
        yield* Effect.promise(() => closed)
      })
  )

  it.live("an interrupted call closes its socket", () =>
    Effect.gen(function* () {
      const { port, server } = yield* httpServer(() => {})
      const asked = once(server, "request")
      const fiber = yield* Effect.forkChild(Effect.provide(calls.fetch, clientOf(api(port))))
      const [request] = yield* Effect.promise(() => asked)
      const closed = once(request.socket, "close")
      yield* Fiber.interrupt(fiber)
      yield* Effect.promise(() => closed)
    })
  )
})

describe("requests", () => {
  /** Writes down what the site was sent, and answers `null`. */
  const recording = () => {
    const seen: Array<{ method: string; url: string; headers: IncomingMessage["headers"]; body: string }> = []
    const listener: RequestListener = (request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (chunk) => {
        body += chunk
      })
      request.on("end", () => {
        seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body })
        response.writeHead(200, { "content-type": "application/json" }).end("null")
      })
    }
    return { seen, listener }
  }
  const claimsOf = (token: string | undefined): { readonly method: string; readonly jti: string } =>
    JSON.parse(Buffer.from(token?.split(".")[1] ?? "", "base64url").toString())

  it.live("each carries a fresh bare token for its own path, and nothing of our traces", () =>
    Effect.gen(function* () {
      const { listener, seen } = recording()
      yield* against(
        listener,
        Effect.gen(function* () {
          yield* calls.fetch
          yield* calls.fetch
          yield* calls["job report"]
          yield* calls["log push"]
        })
      )
      const run = "manual__2026-01-01T00%3A00%3A00%2B00%3A00"
      expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
        "POST /edge_worker/v1/jobs/fetch/edge-1",
        "POST /edge_worker/v1/jobs/fetch/edge-1",
        `PATCH /edge_worker/v1/jobs/state/d/t/${run}/1/-1/running`,
        `POST /edge_worker/v1/logs/push/d/t/${run}/1/-1`
      ])
      const claims = seen.map(({ headers }) => claimsOf(headers.authorization))
      expect(claims.map(({ method }) => method)).toEqual([
        "jobs/fetch/edge-1",
        "jobs/fetch/edge-1",
        `jobs/state/d/t/${key.run_id}/1/-1/running`,
        `logs/push/d/t/${key.run_id}/1/-1`
      ])
      expect(new Set(claims.map(({ jti }) => jti)).size).toBe(4)
      for (const { headers } of seen) {
        expect(headers.authorization).toMatch(/^eyJ[^ ]+$/)
        expect(Object.keys(headers).filter((name) => /^(b3|x-b3|trace)/.test(name))).toEqual([])
      }
      expect(seen.map((one) => JSON.parse(one.body))).toEqual([
        { queues: null, free_concurrency: 2 },
        { queues: null, free_concurrency: 2 },
        {},
        { log_chunk_time: "2026-01-01T00:00:00Z", log_chunk_data: "line\n" }
      ])
    })
  )

  it.live("go to the folder of api_url, also below a subpath", () =>
    Effect.gen(function* () {
      const { listener, seen } = recording()
      const { port } = yield* httpServer(listener)
      for (const path of [
        "/edge_worker/v1/rpcapi",
        "/sub/path/edge_worker/v1/rpcapi?x#y",
        "/edge_worker/v1/"
      ]) {
        yield* Effect.provide(calls.fetch, clientOf(`http://127.0.0.1:${port}${path}`))
      }
      expect(seen.map(({ url }) => url)).toEqual([
        "/edge_worker/v1/jobs/fetch/edge-1",
        "/sub/path/edge_worker/v1/jobs/fetch/edge-1",
        "/edge_worker/v1/jobs/fetch/edge-1"
      ])
      expect(claimsOf(seen[1]?.headers.authorization).method).toBe("jobs/fetch/edge-1")
    })
  )

  it.live("a task instance's id is told", () =>
    Effect.gen(function* () {
      const { listener, seen } = recording()
      yield* against(
        listener,
        Effect.flatMap(EdgeClient, (client) => client.reportJob(key, "an-id", "success"))
      )
      expect(seen.map((one) => JSON.parse(one.body))).toEqual([{ task_instance_id: "an-id" }])
    })
  )
})

describe("a fetched job", () => {
  const workload = (more = "") =>
    `{"type":"ExecuteTask","token":"t","dag_rel_path":"d.py","bundle_info":{"name":"b","version":null,"more":1.0},"log_path":null,` +
    `"ti":{"id":"i","dag_id":"d","task_id":"t","run_id":"r","try_number":1,"dag_version_id":"v","pool_slots":1,"priority_weight":1${more},` +
    `"context_carrier":{"big":12345678901234567890,"small":1e-400,"__proto__":{"a":1.50}}},"unknown":[1.0,-0]}`
  const job = (command: string) =>
    `{"dag_id":"d","task_id":"t","run_id":"r","map_index":-1,"try_number":1,"command":${command},"concurrency_slots":1,"task_instance_id":"i"}`

  it.live("keeps every key and digit of its workload", () =>
    Effect.gen(function* () {
      const fetched = yield* against(tell({ body: job(workload()) }), calls.fetch)
      const { command, ...rest } = Option.getOrThrow(fetched)
      expect(Json.stringify(command)).toBe(workload())
      expect(rest).toMatchObject({ dag_id: "d", map_index: -1, concurrency_slots: 1, task_instance_id: "i" })
    })
  )

  it.live("is run even where a number that we read is not written as we would", () =>
    Effect.gen(function* () {
      const fetched = yield* against(tell({ body: job(workload(',"map_index":7.0')) }), calls.fetch)
      expect(Option.getOrThrow(fetched).command).toMatchObject({
        ti: { map_index: 7 },
        bundle_info: { more: 1 }
      })
    })
  )

  it.live("may be none", () =>
    Effect.gen(function* () {
      expect(yield* against(tell({ body: "null" }), calls.fetch)).toEqual(Option.none())
    })
  )
})

describe("the site's version", () => {
  const version = Effect.flatMap(EdgeClient, (client) => client.siteVersion)

  it.live("is asked beside the Edge API, without a token", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const { port } = yield* httpServer((request, response) => {
        asked.push(`${request.url} ${request.headers.authorization}`)
        response.end('{"version":"3.3.2","git_version":null}')
      })
      const client = clientOf(`http://127.0.0.1:${port}/sub/edge_worker/v1/rpcapi`)
      expect(yield* Effect.provide(version, client)).toEqual(Option.some("3.3.2"))
      expect(asked).toEqual(["/sub/api/v2/version undefined"])
    })
  )

  it.live.each([{ status: 404, ...html("no") }, { body: "3.3.2" }, { body: { version: 3 } }])(
    "is unknown after %j",
    (told) =>
      Effect.gen(function* () {
        expect(yield* against(tell(told), version)).toEqual(Option.none())
      })
  )
})

describe("secrets", () => {
  it.live("no token and no secret is in an error or a span, even where the other end repeats them", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const echo: RequestListener = (request, response) => {
        const token = request.headers.authorization ?? ""
        const page = request.url?.includes("jobs/fetch") ?? false
        response.writeHead(page ? 502 : 403, { "content-type": page ? "text/html" : "application/json" })
        response.end(
          page ? `<html><title>${token}</title></html>` : JSON.stringify({ detail: `bad: ${token}` })
        )
      }
      for (const operation of operations) {
        const error = yield* Effect.flip(against(echo, call[operation])).pipe(Effect.withTracer(tracer))
        const text = `${error.message} ${JSON.stringify(error)} ${String(error)} ${error.stack}`
        expect(text).not.toMatch(/eyJ|the-secret/)
        expect(text).toContain("<token>")
      }
      expect(spans.length).toBeGreaterThan(operations.length)
      for (const span of spans) {
        const told = JSON.stringify([span.name, [...span.attributes]])
        expect(told).not.toMatch(/eyJ|the-secret|authorization/)
      }
    })
  )

  it.live("credentials in api_url are in no error", () =>
    Effect.gen(function* () {
      const { port } = yield* httpServer(tell({ status: 500 }))
      const client = clientOf(`http://me:pass-word@127.0.0.1:${port}/edge_worker/v1/rpcapi`)
      const error = yield* Effect.flip(Effect.provide(calls.fetch, client))
      expect(JSON.stringify([error, error.message])).not.toContain("pass-word")
    })
  )
})
