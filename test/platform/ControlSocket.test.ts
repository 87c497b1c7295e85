import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createConnection } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { ask } from "../../src/platform/ControlClient.ts"
import { type ControlHandler, ControlSocket } from "../../src/platform/ControlSocket.ts"
import { StateFolder } from "../../src/platform/StateFolder.ts"
import type { WorkerStatus } from "../../src/protocol/Control.ts"

const status: WorkerStatus = {
  job_count: 1,
  jobs: [["dag", "täsk", "run", 1, -1]],
  state: "running",
  maintenance: false,
  maintenance_comments: null,
  drain: false,
  worker_name: "one",
  pid: 1,
  queues: null,
  concurrency: 8,
  free_concurrency: 7,
  last_heartbeat: null,
  site_problem: null,
  reports_waiting: 0,
  log_bytes_waiting: 0
}

const unexpected = Effect.die(new Error("Unexpected call"))

const path = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ),
  (folder) => join(folder, "control.sock")
)

const layer = (socketPath: string, handler: ControlHandler) =>
  ControlSocket.layer(handler).pipe(
    Layer.provide(
      Layer.succeed(StateFolder, {
        path: "",
        jobs: "",
        socketPath,
        predecessor: Option.none(),
        nameBefore: "none",
        provedFor: 0,
        askName: Effect.void,
        holdName: Effect.void,
        freeName: Effect.void,
        removeJobFolder: () => Effect.void,
        sweep: () => Effect.void,
        jobFolder: () => unexpected
      })
    )
  )

/** What comes back for the raw text; empty where the connection is closed without an answer. */
const raw = (socketPath: string, text: string) =>
  Effect.promise(async () => {
    const socket = createConnection(socketPath).setEncoding("utf8")
    let answer = ""
    socket.on("data", (chunk: string) => {
      answer += chunk
    })
    socket.on("error", () => {})
    socket.end(text)
    await once(socket, "close")
    return answer
  })

describe("ControlSocket", () => {
  it.live("carries the request and answers with the status", () =>
    Effect.gen(function* () {
      const socket = yield* path
      const requests: Array<unknown> = []
      // a socket that a dead worker left
      writeFileSync(socket, "")
      const handler: ControlHandler = (request) =>
        Effect.as(
          Effect.sync(() => requests.push(request)),
          status
        )
      yield* Effect.gen(function* () {
        assert.strictEqual(statSync(socket).mode & 0o777, 0o600)
        const request = { op: "maintenance", on: true, comments: "new\ndisk" } as const
        assert.deepStrictEqual(yield* ask(socket, request), status)
        assert.deepStrictEqual(requests, [request])
      }).pipe(Effect.provide(layer(socket, handler)))
      assert.isFalse(existsSync(socket))
    })
  )

  it.live("says why a request is not carried out, and goes on", () =>
    Effect.gen(function* () {
      const socket = yield* path
      yield* Effect.gen(function* () {
        for (const text of ["nonsense\n", "{}\n", '{"op":"dance"}\n']) {
          assert.match(yield* raw(socket, text), /^\{"error":"the request was not understood/)
        }
        assert.strictEqual(yield* raw(socket, "no line end"), "")
        assert.strictEqual(yield* raw(socket, "x".repeat(100_000)), "")
        assert.include((yield* Effect.flip(ask(socket, { op: "stop" }))).message, "Unexpected call")
        assert.deepStrictEqual(yield* ask(socket, { op: "status" }), status)
      }).pipe(
        Effect.provide(
          layer(socket, (request) => (request.op === "status" ? Effect.succeed(status) : unexpected))
        )
      )
    })
  )

  it.live("a request that ends the worker is still answered", () =>
    Effect.gen(function* () {
      const socket = yield* path
      const scope = yield* Scope.make()
      const handler: ControlHandler = () =>
        Effect.as(Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true }), status)
      yield* Layer.buildWithScope(layer(socket, handler), scope)
      assert.deepStrictEqual(yield* ask(socket, { op: "stop" }), status)
    })
  )

  it.live("nobody there is told apart from no answer", () =>
    Effect.gen(function* () {
      const socket = yield* path
      assert.strictEqual((yield* Effect.flip(ask(socket, { op: "status" })))._tag, "NobodyListens")
      const error = yield* Effect.flip(ask(socket, { op: "status" })).pipe(
        Effect.provide(layer(socket, () => Effect.succeed({ ...status, job_count: 0.5 })))
      )
      assert.strictEqual(error._tag, "NoAnswer")
    })
  )
})
