/** The worker's status, as `status` prints it: each field, idle, at work and at its end. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { down, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, layer, within, withWorker } from "./harness.ts"

const status = Effect.flatMap(Worker, (worker) => worker.status)
const idle = {
  job_count: 0,
  jobs: [],
  state: "idle" as const,
  maintenance: false,
  maintenance_comments: null,
  drain: false,
  worker_name: "worker-1",
  pid: 0,
  queues: ["a", "b"],
  concurrency: 3,
  free_concurrency: 3,
  site_problem: null,
  reports_waiting: 0,
  log_bytes_waiting: 0
}

describe("WorkerStatus", () => {
  it.effect("of a worker that the site has not taken yet", () =>
    Effect.gen(function* () {
      yield* (yield* TestCentral).fault("register", { refuse: down })
      yield* advance("1 second")
      assert.deepStrictEqual(yield* status, { ...idle, state: "starting", last_heartbeat: null })
    }).pipe(Effect.scoped, Effect.provide(layer({ queues: ["a", "b"], concurrency: 3 })))
  )

  it.effect("of a worker that waits, works, is cut off, in maintenance, and ends", () =>
    withWorker(
      { queues: ["a", "b"], concurrency: 3 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const worker = yield* Worker
        const now = Effect.map(Clock.currentTimeMillis, (millis) =>
          DateTime.formatIso(DateTime.makeUnsafe(millis))
        )
        assert.deepStrictEqual(yield* status, { ...idle, last_heartbeat: yield* now })

        yield* central.addJob(testJob("a", { queue: "a", concurrency_slots: 2 }))
        yield* within(
          "10 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
        yield* within(
          "5 seconds",
          central.until((c) => [...c.jobs.values()][0]?.state === "running")
        )
        for (const operation of ["heartbeat", "report", "log"] as const) {
          yield* central.fault(operation, { refuse: down })
        }
        yield* (yield* MemoryFileTail).append("/logs/dag_id=dag/task_id=a/attempt=1.log", "a line\n")
        const before = (yield* status).last_heartbeat
        yield* worker.enterMaintenance("cleaning")
        yield* advance("10 seconds")
        const working = {
          ...idle,
          job_count: 1,
          jobs: [["dag", "a", "run", 1, -1]],
          state: "maintenance pending",
          maintenance: true,
          maintenance_comments: "cleaning",
          free_concurrency: 1,
          last_heartbeat: before,
          site_problem: down.message,
          log_bytes_waiting: 7
        }
        assert.deepStrictEqual<unknown>(yield* status, working)

        yield* worker.drain("SIGTERM")
        assert.deepStrictEqual<unknown>(yield* status, { ...working, state: "terminating", drain: true })
        const [job] = yield* runner.jobs
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* advance("1 second")
        assert.deepStrictEqual<unknown>(yield* status, {
          ...working,
          job_count: 0,
          jobs: [],
          state: "offline maintenance",
          drain: true,
          free_concurrency: 3,
          reports_waiting: 1
        })
      })
    )
  )
})
