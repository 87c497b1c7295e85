/** The client over a real socket: its limits, its waits, and what it says of a site that does not behave. */

import type { IncomingMessage, ServerResponse } from "node:http"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { EdgeConfig, type EdgeSettings } from "../../../src/config/EdgeConfig.ts"
import * as HttpTransport from "../../../src/platform/HttpTransport.ts"
import {
  type ExecutionClient,
  ExecutionClients,
  type Request
} from "../../../src/runner/attempt/ExecutionClient.ts"
import { heartbeatRules, patienceOf, waitAfter } from "../../../src/runner/attempt/executionPatience.ts"
import { answered, noted } from "../../../src/runner/attempt/requests/reply.ts"
import { testSettings } from "../../../src/testing/settings.ts"
import { httpServer } from "../../platform/localServer.ts"
import { token } from "./fakeSite.ts"

const quick = {
  // Set by the operator, so that no outage policy makes it more.
  executionApiPatience: { execution_api_retries: "3" },
  executionApiRetries: 3,
  executionApiRetryWaitMin: Duration.zero,
  executionApiRetryWaitMax: Duration.millis(20),
  executionApiTimeout: Duration.millis(300)
}

/** A client against a server that does `listener`. */
const against = <A, E>(
  listener: (request: IncomingMessage, response: ServerResponse, n: number) => void,
  use: (client: ExecutionClient) => Effect.Effect<A, E>,
  settings: Partial<EdgeSettings> = quick
) =>
  Effect.gen(function* () {
    let n = 0
    const { port } = yield* httpServer((request, response) => listener(request, response, ++n))
    const layer = ExecutionClients.layer.pipe(
      Layer.provide([
        HttpTransport.layerOptions({ tls: false, env: {} }),
        Layer.succeed(
          EdgeConfig,
          testSettings({ executionApiUrl: `http://127.0.0.1:${port}/execution/`, ...settings })
        )
      ])
    )
    return yield* Effect.flatMap(ExecutionClients, ({ open }) =>
      Effect.flatMap(open({ token: token(600) }), use)
    ).pipe(Effect.provide(layer))
  })

const variable: Request<unknown> = {
  operation: "GetVariable",
  send: ({ variables }) => variables.get({ params: { variable_key: "a b" }, responseMode: "response-only" }),
  read: answered("VariableResult", ["key", "value"])
}

describe("ExecutionClient", () => {
  it.live("asks over one kept connection, with the newest token", () => {
    const seen: Array<unknown> = []
    const sockets = new Set<unknown>()
    return against(
      (request, response, n) => {
        sockets.add(request.socket)
        seen.push([request.url, request.headers.authorization, request.headers["airflow-api-version"]])
        response.setHeader("refreshed-api-token", token(600 + n, `n${n}`))
        response.end('{"key":"k","value":null}')
      },
      (client) =>
        Effect.gen(function* () {
          for (let n = 0; n < 3; n++) yield* client.ask(variable)
          const bearer = (text: string) => ["/execution/variables/a%20b", `Bearer ${text}`, "2026-06-30"]
          expect(seen).toEqual([bearer(token(600)), bearer(token(601, "n1")), bearer(token(602, "n2"))])
          expect(sockets.size).toBe(1)
        })
    )
  })

  it.live("does not go back to an older token that an earlier answer brings late", () =>
    against(
      (_, response, n) => {
        response.setHeader("refreshed-api-token", n === 3 ? "no\ttoken" : token(n === 1 ? 900 : 60, `n${n}`))
        response.end('{"key":"k","value":null}')
      },
      (client) =>
        Effect.gen(function* () {
          yield* client.ask(variable)
          const ends = yield* client.tokenEnds
          yield* client.ask(variable)
          yield* client.ask(variable)
          expect(yield* client.tokenEnds).toBe(ends)
        })
    )
  )

  it.live.each([
    [
      "resets the connection",
      (response: ServerResponse) => response.socket?.destroy(),
      /broke before the answer came \(ECONNRESET\)/
    ],
    ["says nothing", () => undefined, /no answer from http:\/\/127\.0\.0\.1:\d+\/execution\/ in time/],
    [
      "speaks no HTTP",
      (response: ServerResponse) => response.socket?.end("220 smtp ready\r\n"),
      /does not speak HTTP \(HPE_/
    ],
    [
      "stops in the middle",
      (response: ServerResponse) => {
        response.writeHead(200, { "content-length": "100" })
        response.write("{")
        setImmediate(() => response.socket?.destroy())
      },
      /the answer from 127\.0\.0\.1:\d+ broke off/
    ],
    [
      "answers with a page",
      (response: ServerResponse) => response.end("<html>"),
      /HTTP 200 .* but its body is not JSON/
    ],
    [
      "answers with other JSON",
      (response: ServerResponse) => response.end('{"key":1}'),
      /not what the Execution API promises/
    ],
    [
      "is out of order",
      (response: ServerResponse) => response.writeHead(502).end("<html>"),
      /HTTP 502 .* a gateway's answer/
    ]
  ] as const)("tries again where the site %s, then says so", ([, answer, reason]) => {
    let asked = 0
    return against(
      (_, response) => {
        asked += 1
        answer(response)
      },
      (client) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(client.ask(variable))
          expect(error._tag).toBe("ExecutionUnavailable")
          expect(error.reason).toMatch(reason)
          expect(asked).toBe(3)
        })
    )
  })

  it.live("asks once where the site has decided", () => {
    let asked = 0
    return against(
      (_, response) => {
        asked += 1
        response.writeHead(422).end(
          JSON.stringify({
            detail: [
              { loc: ["path", "key"], msg: `eyJhbGciOi is too ${"long ".repeat(500)}`, input: "secret" }
            ]
          })
        )
      },
      (client) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(client.ask(variable))
          expect(error._tag).toBe("ExecutionRefused")
          expect(error.reason).toMatch(/^HTTP 422 from .*: the site says: path\.key: <token> is too long/)
          expect(error.reason.length).toBeLessThan(700)
          expect(error.message).not.toMatch(/secret|eyJ/)
          expect(asked).toBe(1)
        })
    )
  })

  it.live("does not read what would fill the memory", () => {
    let asked = 0
    return against(
      (_, response) => {
        asked += 1
        response.writeHead(200, { "content-length": String(2 ** 31) }).write("[")
      },
      (client) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(client.ask(variable))
          expect([error._tag, asked]).toEqual(["ExecutionRefused", 1])
          expect(error.reason).toMatch(/is larger than \d+ bytes/)
        })
    )
  })

  it.live("leaves connections for what cannot wait, however much tasks ask at once", () => {
    let open = 0
    const held: Array<ServerResponse> = []
    let most = 0
    return against(
      (request, response) => {
        if (request.url?.endsWith("/now")) {
          // Heard while all that was allowed at once is held back.
          most = open
          for (const each of held.splice(0)) each.end('{"key":"k","value":null}')
          response.end('{"key":"k","value":null}')
          return
        }
        open += 1
        if (most > 0) response.end('{"key":"k","value":null}')
        else held.push(response)
      },
      (client) =>
        Effect.gen(function* () {
          const all = yield* Effect.forkChild(
            Effect.all(
              Array.from({ length: 20 }, () => client.ask(variable)),
              { concurrency: "unbounded" }
            )
          )
          while (open < 8) yield* Effect.promise(() => new Promise((next) => setImmediate(next)))
          yield* client.once({
            ...variable,
            send: ({ variables }) =>
              variables.get({ params: { variable_key: "now" }, responseMode: "response-only" })
          })
          yield* Fiber.join(all)
          expect([most, open]).toEqual([8, 20])
        }),
      { ...quick, executionApiTimeout: Duration.seconds(20) }
    )
  })

  it.live("gives a large value the time that a slow line needs", () =>
    against(
      (request, response) => {
        let size = 0
        request.on("data", (chunk: Buffer) => {
          size += chunk.length
        })
        // Longer than the limit of a small request.
        request.on("end", () => setTimeout(() => response.writeHead(201).end(String(size)), 500))
      },
      (client) =>
        Effect.gen(function* () {
          const payload = "x".repeat(64 * 1_000)
          const params = { dag_id: "d", run_id: "r", task_id: "t", key: "k" }
          yield* client.once({
            operation: "SetXCom",
            send: ({ xcoms }) => xcoms.set({ params, query: {}, payload, responseMode: "response-only" }),
            read: noted
          })
        })
    )
  )
})

describe("patience", () => {
  it("is what Python's supervisors get", () => {
    expect(patienceOf(testSettings())).toEqual({
      attempts: 33,
      waitMin: 1_000,
      waitMax: 20_000,
      timeout: 5_000
    })
    const own = testSettings({ outageTolerance: Duration.zero })
    expect(patienceOf(own)).toEqual({ attempts: 5, waitMin: 1_000, waitMax: 90_000, timeout: 5_000 })
    expect(heartbeatRules(testSettings())).toEqual({ everyMillis: 5_000, failed: 3, silentMillis: 300_000 })
    expect(heartbeatRules(own)).toEqual({ everyMillis: 5_000, failed: 3, silentMillis: 28_500 })
  })

  it("waits from its least to the power of two, at most its most", () => {
    const patience = patienceOf(testSettings({ outageTolerance: Duration.zero }))
    const spans = [1, 2, 3, 8, 20].map((n) => [waitAfter(patience, n, 0), waitAfter(patience, n, 1)])
    expect(spans).toEqual([
      [1_000, 1_000],
      [1_000, 2_000],
      [1_000, 4_000],
      [1_000, 90_000],
      [1_000, 90_000]
    ])
  })
})
