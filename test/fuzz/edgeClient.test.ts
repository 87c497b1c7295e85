/** The client against a site that answers nonsense: each call ends in time, properly or with its typed error. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import * as HttpTransport from "../../src/platform/HttpTransport.ts"
import { TokenSigner } from "../../src/platform/TokenSigner.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { httpServer } from "../platform/localServer.ts"
import { holdsNone, timeLimit, tried } from "./fuzz.ts"
import { bytesOf, type HostileAnswer, hostileAnswer } from "./hostileAnswers.ts"
import { type RawAnswer, rawServer } from "./rawServer.ts"

const secret = "the-secret-of-the-site"

const clientOf = (port: number) =>
  EdgeClient.layer.pipe(
    Layer.provide(TokenSigner.layer),
    Layer.provide([
      HttpTransport.layerOptions({ tls: false, env: {} }),
      Layer.succeed(
        EdgeConfig,
        testSettings({
          apiUrl: new URL(`http://127.0.0.1:${port}/edge_worker/v1/rpcapi`),
          jwtSecret: Redacted.make(secret),
          jwtLeeway: Duration.seconds(10)
        })
      ),
      Layer.succeed(WorkerIdentity, { name: "edge-1", queues: null, team: null, concurrency: 1 })
    ])
  )

const key = { dag_id: "d", task_id: "t", run_id: "r", try_number: 1, map_index: -1 }
const body = { state: "idle", jobs_active: 0, queues: null, sysinfo: {} } as const

const calls = {
  register: (client: EdgeClient["Service"]) => client.register(body as never),
  heartbeat: (client: EdgeClient["Service"]) => client.setState(body as never),
  fetch: (client: EdgeClient["Service"]) => client.fetch({ queues: null, free_concurrency: 2 }),
  report: (client: EdgeClient["Service"]) => client.reportJob(key, null, "running"),
  push: (client: EdgeClient["Service"]) =>
    client.pushLog(key, { log_chunk_time: "2026-01-01T00:00:00Z", log_chunk_data: "line\n" }),
  version: (client: EdgeClient["Service"]) => client.siteVersion
} satisfies Record<string, (client: EdgeClient["Service"]) => Effect.Effect<unknown, unknown>>
const names = fc.constantFrom(...(Object.keys(calls) as ReadonlyArray<keyof typeof calls>))

const typed = ["SiteUnavailable", "VersionRejected", "WorkerConflict", "WorkerNotFound"]

describe("a site that answers nonsense", () => {
  it.effect(
    "gets no call to fail in another way than by its own error, and neither token nor secret out",
    () => {
      const lines: Array<string> = []
      return Effect.gen(function* () {
        const tokens = new Set<string>()
        const ended = { well: 0, badly: 0 }
        const elsewhere = { asked: 0 }
        const other = yield* rawServer(() => {
          elsewhere.asked += 1
          return { pieces: [Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull")], ending: "hang" }
        })
        let answer: HostileAnswer | undefined
        const site = yield* rawServer((request): RawAnswer => {
          if (request.authorization !== "") tokens.add(request.authorization)
          if (answer === undefined) throw new Error("a request came before its answer was made up")
          return bytesOf(answer, request, `http://127.0.0.1:${other.port}`)
        })
        const client = Context.get(yield* Layer.build(clientOf(site.port)), EdgeClient)
        const inputs = fc.record({ name: names, hostile: hostileAnswer })
        yield* tried(1500, inputs, ({ hostile, name }) =>
          Effect.gen(function* () {
            answer = hostile
            lines.length = 0
            tokens.clear()
            const call: Effect.Effect<unknown, unknown> = calls[name](client)
            const fiber = yield* Effect.forkChild(call, { startImmediately: true })
            while (true) {
              const hung = yield* Effect.raceFirst(
                Effect.as(Fiber.await(fiber), false),
                Effect.as(Queue.take(site.hung), true)
              )
              if (!hung) break
              yield* TestClock.adjust("60 seconds")
            }
            yield* Queue.clear(site.hung)
            const exit = yield* Fiber.await(fiber)
            const told = [...lines]
            if (exit._tag === "Success") ended.well += 1
            else {
              ended.badly += 1
              const [reason, ...more] = exit.cause.reasons
              assert.deepStrictEqual(more, [])
              assert.isTrue(reason !== undefined && Cause.isFailReason(reason), Cause.pretty(exit.cause))
              if (reason === undefined || !Cause.isFailReason(reason)) return
              const { error } = reason
              assert.isTrue(error instanceof Error && "_tag" in error && typed.includes(String(error._tag)))
              if (!(error instanceof Error)) return
              assert.isBelow(error.message.length, 2500)
              told.push(error.message, String(error), JSON.stringify(error), error.stack ?? "")
              if ("retryAfterMillis" in error && error.retryAfterMillis !== undefined)
                assert.isAtMost(Number(error.retryAfterMillis), 3_600_000)
            }
            holdsNone(told.join("\n"), [secret, ...tokens])
            for (const line of lines) assert.isBelow(line.length, 3000)
            assert.strictEqual(elsewhere.asked, 0)
          })
        )
        // Both happen often, or this shows nothing.
        assert.isAbove(ended.well, 15)
        assert.isAbove(ended.badly, 100)
      }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])))
    },
    timeLimit
  )

  // Reading a text of small JSON values takes a hundred times its size in memory, and nothing else runs meanwhile.
  it.live("has its answer cut off after a few megabytes", () =>
    Effect.gen(function* () {
      let sent = 0
      let closed = Promise.resolve()
      const chunk = Buffer.from("0,".repeat(32_768))
      const { port } = yield* httpServer((_request, response) => {
        closed = new Promise((done) => void response.on("close", done))
        response.writeHead(200, { "content-type": "application/json" }).write("[")
        const more = () => {
          while (!response.destroyed && sent < 200_000_000) {
            sent += chunk.length
            if (!response.write(chunk)) return
          }
          response.end("0]")
        }
        response.on("drain", more)
        more()
      })
      const client = Context.get(yield* Layer.build(clientOf(port)), EdgeClient)
      for (const name of ["fetch", "heartbeat", "report"] as const) {
        sent = 0
        const call: Effect.Effect<unknown, unknown> = calls[name](client)
        const error = yield* Effect.flip(call)
        assert.include(String(error), "broke off, or is too large")
        yield* Effect.promise(() => closed)
        // What lies in the buffers of the sockets counts too.
        assert.isBelow(sent, 24_000_000)
      }
    })
  )

  it.live.each([
    ["a detail", JSON.stringify({ detail: "eyJ".repeat(60_000) })],
    ["a title", `<html><title>${"eyJ".repeat(60_000)}</title>`],
    ["many titles", "<html>".concat("<title>".repeat(100_000))],
    ["blanks", `<html><title>${" ".repeat(1_000_000)}x</title>`]
  ] as const)("does not keep the worker busy with %s", ([, text]) =>
    Effect.gen(function* () {
      const { port } = yield* httpServer((_request, response) => response.writeHead(500).end(text))
      const client = Context.get(yield* Layer.build(clientOf(port)), EdgeClient)
      const before = process.cpuUsage()
      yield* Effect.flip(client.fetch({ queues: null, free_concurrency: 1 }))
      const { user } = process.cpuUsage(before)
      assert.isBelow(user / 1e6, 4)
    })
  )
})
