/** The worker from registration to goodbye, under the test clock. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { WorkerStateBody } from "../../src/protocol/EdgeApi.ts"
import { down, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { VersionRejected } from "../../src/worker/EdgeError.ts"
import { RegistrationRefused } from "../../src/worker/Registration.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, layer, oneRuns, oneStarts, settle, within, withWorker } from "./harness.ts"

describe("Worker", () => {
  it.effect("registers, heartbeats and says goodbye", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        yield* within(
          "5 seconds",
          central.until((c) => c.worker?.state === "idle")
        )
        yield* worker.drain("test")
        const end = yield* within("5 seconds", worker.ended)
        assert.deepStrictEqual(end, {
          reason: "test",
          rejected: undefined,
          tasks: "finished",
          reportsLeft: 0,
          logBytesLeft: 0
        })
        const { worker: stored } = yield* central.get
        assert.strictEqual(stored?.state, "offline")
        assert.strictEqual(stored?.body.sysinfo.status, 0)
      })
    )
  )

  it.effect("runs a job and reports running, then success", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        const job = yield* oneRuns
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        const after = yield* within(
          "5 seconds",
          central.until((c) => [...c.jobs.values()].every((j) => j.state === "success"))
        )
        assert.deepStrictEqual(
          [...after.jobs.values()].map((j) => j.reported),
          [["running", "success"]]
        )
      })
    )
  )

  it.effect("a drain lets tasks finish and goes offline", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const job = yield* oneStarts
        yield* worker.drain("SIGTERM")
        yield* central.addJob(testJob("b"))
        yield* within(
          "5 seconds",
          central.until((c) => c.worker?.state === "terminating")
        )
        yield* advance("10 minutes")
        assert.strictEqual((yield* runner.jobs).length, 1)
        const ended = yield* Effect.forkChild(worker.ended)
        yield* settle
        assert.isUndefined(ended.pollUnsafe())
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        const end = yield* within("35 seconds", Fiber.join(ended))
        assert.strictEqual(end.tasks, "finished")
        assert.strictEqual((yield* central.get).worker?.state, "offline")
      })
    )
  )

  /** The states that the site was told, from now on; each waits at the gate. */
  const slowSite = Effect.gen(function* () {
    const central = yield* TestCentral
    const gate = yield* Deferred.make<void>()
    yield* central.fault("heartbeat", { wait: Deferred.await(gate) })
    const before = (yield* central.get).calls.length
    const states = Effect.map(central.get, ({ calls }) =>
      calls
        .slice(before)
        .flatMap(({ body, operation }) =>
          operation === "heartbeat" ? [(body as WorkerStateBody).state] : []
        )
    )
    return { gate, states }
  })

  it.effect("says goodbye after the heartbeat that is under way, which the site may take up late", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const { gate, states } = yield* slowSite
        yield* worker.enterMaintenance("told at once")
        yield* settle
        yield* worker.drain("SIGTERM")
        yield* advance("4 seconds")
        assert.deepStrictEqual(yield* states, ["maintenance mode"])
        yield* Deferred.succeed(gate, undefined)
        yield* within("1 second", worker.ended)
        assert.deepStrictEqual(yield* states, ["maintenance mode", "offline maintenance"])
        assert.strictEqual((yield* (yield* TestCentral).get).worker?.state, "offline maintenance")
      })
    )
  )

  it.effect("says goodbye although a heartbeat is never answered", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const { states } = yield* slowSite
        yield* worker.enterMaintenance("told at once")
        yield* settle
        yield* worker.drain("SIGTERM")
        yield* advance("6 seconds")
        assert.deepStrictEqual(yield* states, ["maintenance mode", "offline maintenance"])
        yield* within("10 seconds", worker.ended)
      })
    )
  )

  it.effect("enters and leaves maintenance as it is asked to", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        yield* worker.enterMaintenance("cleaning")
        const { worker: stored } = yield* within(
          "1 second",
          central.until((c) => c.worker?.state === "maintenance mode")
        )
        assert.strictEqual(stored?.comments, "cleaning")
        yield* worker.leaveMaintenance
        yield* within(
          "1 second",
          central.until((c) => c.worker?.state === "idle")
        )
      })
    )
  )

  it.effect("that was never taken says no goodbye: the name may be another worker's", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const central = yield* TestCentral
      yield* central.fault("register", { refuse: down })
      yield* advance("1 second")
      yield* worker.drain("SIGTERM")
      const end = yield* within("1 second", worker.ended)
      assert.strictEqual(end.reason, "SIGTERM")
      assert.deepStrictEqual(
        [...new Set((yield* central.get).calls.map(({ operation }) => operation))],
        ["register"]
      )
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("that is refused tells whoever waits for its registration, and for its end", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const central = yield* TestCentral
      yield* central.fault("register", { refuse: new VersionRejected({ detail: "too old" }) })
      const waiting = Effect.all([Effect.flip(worker.registered), Effect.flip(worker.ended)])
      const [registered, ended] = yield* within("1 minute", waiting)
      assert.instanceOf(registered, RegistrationRefused)
      assert.strictEqual(registered, ended)
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("ends although the site never hears its goodbye, after 10 s, with its name held", () => {
    const nameNotes: Array<"asked" | "held" | "freed"> = []
    return withWorker(
      { nameNotes },
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        yield* advance("1 second")
        yield* central.fault("heartbeat", { refuse: down })
        yield* worker.drain("SIGTERM")
        yield* advance("9 seconds")
        const ended = yield* Effect.forkChild(worker.ended)
        yield* settle
        assert.isUndefined(ended.pollUnsafe())
        yield* within("2 seconds", Fiber.join(ended))
        assert.notInclude(nameNotes, "freed")
      })
    )
  })
})
