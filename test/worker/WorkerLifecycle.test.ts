/** WorkerLifecycle: one writer; what changes the worker's kind of state is a line in the log. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import { WorkerLifecycle } from "../../src/worker/WorkerLifecycle.ts"
import { settle } from "./harness.ts"

describe("WorkerLifecycle", () => {
  it.effect("says in the log what the worker is now, and why it ends; a job is no news", () => {
    const lines: Array<unknown> = []
    const log = Logger.layer([
      Logger.make(({ fiber, message }) => {
        lines.push([String(message), fiber.getRef(References.CurrentLogAnnotations)])
      })
    ])
    return Effect.gen(function* () {
      const { get, send } = yield* WorkerLifecycle
      yield* send({ _tag: "Registered" })
      assert.deepStrictEqual(yield* send({ _tag: "JobTaken" }), {
        _tag: "Active",
        jobs: 1,
        maintenance: null
      })
      yield* send({ _tag: "MaintenanceOn", comments: "cleaning" })
      yield* send({ _tag: "Drain", reason: "SIGTERM" })
      yield* send({ _tag: "JobGone" })
      yield* send({ _tag: "Emptied" })
      assert.strictEqual((yield* get)._tag, "Offline")
      assert.deepStrictEqual(lines, [
        ["worker is active", { state: "idle", jobs: 0 }],
        ["worker is maintenance", { state: "maintenance pending", jobs: 1 }],
        ["worker is draining: SIGTERM", { state: "terminating", jobs: 1 }],
        ["worker is offline", { state: "offline maintenance", jobs: 0 }]
      ])
    }).pipe(Effect.provide([WorkerLifecycle.layer, log]))
  })

  it.effect("a wait ends at once where the state fits, else with the first one that does", () =>
    Effect.gen(function* () {
      const { send, until } = yield* WorkerLifecycle
      assert.strictEqual((yield* until(({ jobs }) => jobs === 0))._tag, "Starting")
      const waiting = yield* Effect.forkChild(until(({ jobs }) => jobs === 2))
      yield* send({ _tag: "JobTaken" })
      yield* settle
      assert.isUndefined(waiting.pollUnsafe())
      yield* send({ _tag: "JobTaken" })
      assert.strictEqual((yield* Fiber.join(waiting)).jobs, 2)
    }).pipe(Effect.provide(WorkerLifecycle.layer))
  )

  it.effect("tells the state that is, then each that differs", () =>
    Effect.gen(function* () {
      const { changes, send } = yield* WorkerLifecycle
      const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(changes, 3)))
      yield* settle
      yield* send({ _tag: "JobTaken" })
      yield* send({ _tag: "JobGone" })
      assert.deepStrictEqual(
        (yield* Fiber.join(seen)).map(({ jobs }) => jobs),
        [0, 1, 0]
      )
    }).pipe(Effect.provide(WorkerLifecycle.layer))
  )
})
