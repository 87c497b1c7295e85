/** The worker from registration to goodbye, under the test clock. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, oneRuns, settle, within, withWorker } from "./harness.ts"

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
        yield* central.addJob(testJob("a"))
        const [job] = yield* within(
          "10 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
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
})
