/** Fetching: never more than the free slots, one ask in flight, ambiguous answers, and the pace. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type { WorkerQueuesBody } from "../../src/protocol/EdgeApi.ts"
import { type Central, down, lost, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, within, withWorker } from "./harness.ts"

const asks = (central: Central) =>
  central.calls.filter((call) => call.operation === "fetch").map((call) => call.body as WorkerQueuesBody)

const many = (count: number, slots = 1) =>
  Effect.gen(function* () {
    const central = yield* TestCentral
    for (let i = 0; i < count; i++) yield* central.addJob(testJob(`t${i}`, { concurrency_slots: slots }))
  })

describe("JobFetch", () => {
  it.effect("a slow fetch never over-commits", () =>
    withWorker(
      { concurrency: 2 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* central.fault("fetch", { wait: Effect.sleep("12 seconds") })
        yield* many(6)
        yield* advance("2 minutes")
        assert.strictEqual((yield* runner.jobs).length, 2)
        assert.deepStrictEqual(asks(yield* central.get).at(-1)?.free_concurrency, 1)
      })
    )
  )

  it.effect("a job that claims to need no slot holds one all the same", () =>
    withWorker(
      { concurrency: 2 },
      Effect.gen(function* () {
        const runner = yield* TestRunner
        yield* many(5, 0)
        yield* advance("30 seconds")
        assert.strictEqual((yield* runner.jobs).length, 2)
        assert.strictEqual((yield* (yield* Worker).status).free_concurrency, 0)
      })
    )
  )

  it.effect("a job holds its concurrency_slots, and the next ask says what is free", () =>
    withWorker(
      { concurrency: 4 },
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* many(2, 3)
        const [job] = yield* within(
          "10 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
        yield* advance("20 seconds")
        assert.strictEqual((yield* runner.jobs).length, 1)
        assert.strictEqual(asks(yield* central.get).at(-1)?.free_concurrency, 1)
        assert.strictEqual((yield* worker.status).free_concurrency, 1)
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* within(
          "2 seconds",
          runner.until((jobs) => jobs.length === 2)
        )
      })
    )
  )

  it.effect("a job that needs more slots than were asked for goes back, and no slot is lost", () =>
    withWorker(
      { concurrency: 2 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* central.fault("fetch", { oversize: true })
        yield* central.addJob(testJob("large", { concurrency_slots: 3 }))
        yield* within(
          "10 seconds",
          central.until(({ jobs }) => [...jobs.values()].some(({ reported }) => reported.includes("queued")))
        )
        assert.deepStrictEqual(yield* runner.jobs, [])
        yield* central.fault("fetch", undefined)
        yield* many(2)
        yield* within(
          "1 minute",
          runner.until((jobs) => jobs.length === 2)
        )
      })
    )
  )

  it.effect(
    "a task whose token has ended in the queue is not started: the site queues the same try anew",
    () =>
      withWorker(
        {},
        Effect.gen(function* () {
          const central = yield* TestCentral
          const runner = yield* TestRunner
          yield* advance("1 minute")
          const token = (seconds: number) => `h.${btoa(JSON.stringify({ exp: seconds }))}.s`
          const { command } = testJob("late")
          const add = (name: string, changes: object) => {
            const job = testJob(name)
            return central.addJob({ ...job, command: { ...job.command, ...changes } as typeof command })
          }
          yield* add("late", { token: token(30) })
          yield* add("fresh", { token: token(3600) })
          yield* add("callback", { type: "ExecuteCallback", token: token(30) })
          yield* advance("20 seconds")
          const began = (yield* runner.jobs).map(({ toRun }) => toRun.claim.job.task_id)
          assert.deepStrictEqual(began, ["fresh", "callback"])
          const reports = (yield* central.get).calls.filter(({ operation }) => operation === "report")
          assert.notInclude(JSON.stringify(reports), "late")
        })
      )
  )

  it.effect("asks with the site's queues, the team and the task instance ids", () =>
    withWorker(
      { queues: null },
      Effect.gen(function* () {
        const central = yield* TestCentral
        yield* advance("5 seconds")
        assert.deepStrictEqual(asks(yield* central.get)[0], {
          queues: null,
          free_concurrency: 2,
          team_name: null,
          supports_task_instance_uuid: true
        })
        yield* central.editWorker((stored) => ({ ...stored, queues: ["a", "b"] }))
        yield* advance("40 seconds")
        assert.deepStrictEqual(asks(yield* central.get).at(-1)?.queues, ["a", "b"])
      })
    )
  )

  it.effect("fills all slots without waiting between the jobs", () =>
    withWorker(
      { concurrency: 8 },
      Effect.gen(function* () {
        const runner = yield* TestRunner
        yield* advance("10 seconds")
        yield* many(8)
        yield* within(
          "2 seconds",
          runner.until((jobs) => jobs.length === 8)
        )
      })
    )
  )

  it.effect("a lowered concurrency leaves running jobs alone and takes no more until they fit", () =>
    withWorker(
      { concurrency: 3 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* many(6)
        const jobs = yield* within(
          "10 seconds",
          runner.until((started) => started.length === 3)
        )
        yield* central.editWorker((stored) => ({ ...stored, concurrency: 1 }))
        yield* advance("35 seconds")
        for (const job of jobs.slice(0, 2)) yield* job.end({ _tag: "Succeeded" })
        yield* advance("20 seconds")
        assert.strictEqual((yield* runner.jobs).length, 3)
        yield* jobs[2]?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* within(
          "3 seconds",
          runner.until((started) => started.length === 4)
        )
      })
    )
  )

  /** What the log says of asks whose answer was lost. */
  const warnings: Array<string> = []
  const warned = Logger.layer([
    Logger.make(({ message }) => {
      if (String(message).startsWith("a job may have been claimed")) warnings.push(String(message))
    })
  ])

  it.effect("an answer that was lost is not asked for again at once, and the slots come back", () =>
    withWorker(
      { concurrency: 1 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* many(2)
        yield* central.fault("fetch", { lose: lost })
        const before = asks(yield* central.get).length
        yield* within(
          "10 seconds",
          central.until((c) => asks(c).length > before)
        )
        yield* central.fault("fetch", undefined)
        const [job] = yield* within(
          "5 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
        // The first job is stranded on the site until it gives it away; ours is the other one.
        assert.strictEqual(job?.toRun.claim.job.task_id, "t1")
        assert.lengthOf(warnings.splice(0), 1)
      })
    ).pipe(Effect.provide(warned))
  )

  it.effect("an outage of the fetch ends nothing: jobs come when the site is back", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* central.fault("fetch", { refuse: down })
        yield* many(1)
        yield* advance("1 hour")
        const during = asks(yield* central.get).length
        assert.isAtMost(during, 100)
        assert.deepStrictEqual(warnings, [], "nobody was there to claim one")
        yield* central.fault("fetch", undefined)
        yield* within(
          "91 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
      })
    ).pipe(Effect.provide(warned))
  )

  it.effect("a bug in the loop is logged, the loop starts anew, and no slot is lost", () =>
    withWorker(
      { concurrency: 1 },
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* central.fault("fetch", { wait: Effect.die(new Error("a bug")) })
        yield* advance("30 seconds")
        yield* central.fault("fetch", undefined)
        yield* many(1)
        yield* within(
          "10 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
        assert.strictEqual((yield* worker.status).free_concurrency, 0)
      })
    )
  )

  it.effect("an idle worker asks less often than edge3's fixed 5 s, a busy one within about a second", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* advance("5 minutes")
        const before = asks(yield* central.get).length
        yield* advance("5 minutes")
        const idle = asks(yield* central.get).length - before
        assert.isAtMost(idle, 60)
        assert.isAtLeast(idle, 48)
        yield* many(1)
        const [job] = yield* within(
          "7 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        const busy = asks(yield* central.get).length
        yield* advance("20 seconds")
        assert.isAtLeast(asks(yield* central.get).length - busy, 14)
      })
    )
  )
})
