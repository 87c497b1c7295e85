/** When the fetch does not ask, what it does with what comes all the same, and what the log has of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { UnknownTask } from "../../src/runner/Runner.ts"
import { type Central, down, lost, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, oneRuns, within, withWorker } from "./harness.ts"

const count = ({ calls }: Central) => calls.filter(({ operation }) => operation === "fetch").length
const asks = Effect.flatMap(TestCentral, (central) => Effect.map(central.get, count))
const reported = ({ jobs }: Central) => [...jobs.values()].map(({ reported }) => reported)
const begun = Effect.flatMap(TestRunner, (runner) =>
  Effect.map(runner.jobs, (jobs) => jobs.map(({ toRun }) => toRun.claim.job.task_id))
)

/** Lets time pass in which the worker must not ask. */
const noAskIn = Effect.fnUntraced(function* (time: "20 seconds" | "1 minute") {
  const before = yield* asks
  yield* advance(time)
  assert.strictEqual(yield* asks, before)
})

const withLog = <A, E, R>(test: (lines: ReadonlyArray<string>) => Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  return Effect.provide(test(lines), Logger.layer([logger]))
}

describe("JobFetch", () => {
  it.effect("a job that comes when maintenance has begun goes back; none is asked for until its end", () =>
    withLog((lines) =>
      withWorker(
        { concurrency: 1 },
        Effect.gen(function* () {
          const central = yield* TestCentral
          const worker = yield* Worker
          yield* central.fault("fetch", { wait: Effect.sleep("12 seconds") })
          yield* central.addJob(testJob("a"))
          yield* advance("8 seconds")
          yield* worker.enterMaintenance("new disk")
          yield* within(
            "20 seconds",
            central.until((now) => reported(now)[0]?.includes("queued") === true)
          )
          assert.include(lines, "handed back dag.a run=run try=1: worker is maintenance")
          yield* noAskIn("1 minute")
          assert.strictEqual((yield* worker.status).free_concurrency, 1)
          yield* worker.leaveMaintenance
          yield* within(
            "20 seconds",
            Effect.flatMap(TestRunner, (runner) => runner.until((jobs) => jobs.length === 1))
          )
        })
      )
    )
  )

  it.effect("a slot that is free again in maintenance is not asked for, and not lost", () =>
    withWorker(
      { concurrency: 1 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const worker = yield* Worker
        const job = yield* oneRuns
        yield* worker.enterMaintenance("new disk")
        yield* advance("5 seconds")
        const before = yield* asks
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* central.addJob(testJob("b"))
        yield* advance("20 seconds")
        assert.strictEqual(yield* asks, before)
        yield* worker.leaveMaintenance
        yield* advance("10 seconds")
        assert.deepStrictEqual(yield* begun, ["a", "b"])
      })
    )
  )

  it.effect(
    "while a hand-back waits to be told nothing is asked for: it would give the next claim away",
    () =>
      withWorker(
        { concurrency: 2 },
        Effect.gen(function* () {
          const central = yield* TestCentral
          yield* central.fault("report", { refuse: down })
          yield* central.fault("fetch", { oversize: true })
          yield* central.addJob(testJob("large", { concurrency_slots: 3 }))
          yield* within(
            "20 seconds",
            central.until(({ calls }) => calls.some(({ operation }) => operation === "report"))
          )
          yield* central.addJob(testJob("small"))
          yield* noAskIn("1 minute")
          yield* central.fault("fetch", undefined)
          yield* central.fault("report", undefined)
          yield* advance("2 minutes")
          assert.deepStrictEqual(yield* begun, ["small"])
          assert.deepStrictEqual(reported(yield* central.get)[0], ["queued"])
        })
      )
  )

  it.effect("a report of another kind that waits stops no fetch", () =>
    withWorker(
      { concurrency: 2 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        yield* central.fault("report", { refuse: down })
        yield* central.addJob(testJob("a"))
        yield* advance("20 seconds")
        yield* central.addJob(testJob("b"))
        yield* advance("20 seconds")
        assert.deepStrictEqual(yield* begun, ["a", "b"])
      })
    )
  )

  it.effect("a full disk: nothing is asked for, and no slot is lost", () => {
    let free = 0
    return withWorker(
      { freeDisk: () => Effect.sync(() => free), concurrency: 2 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const { free_concurrency } = yield* (yield* Worker).status
        assert.strictEqual(free_concurrency, 2)
        yield* noAskIn("1 minute")
        free = 2 ** 50
        for (const id of ["a", "b"]) yield* central.addJob(testJob(id))
        yield* advance("2 minutes")
        assert.deepStrictEqual(yield* begun, ["a", "b"])
      })
    )
  })

  it.effect("the only queue is left out for a while after an unknown task; then the worker asks again", () =>
    withWorker(
      { concurrency: 2 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* runner.refuse(new UnknownTask({ reason: "nobody knows a" }))
        yield* central.addJob(testJob("a"))
        yield* within(
          "10 seconds",
          central.until((now) => reported(now)[0]?.includes("queued") === true)
        )
        yield* runner.refuse(undefined)
        yield* noAskIn("20 seconds")
        for (const id of ["b", "c"]) yield* central.addJob(testJob(id))
        yield* advance("30 seconds")
        assert.lengthOf(yield* begun, 2, "of both slots none is lost")
      })
    )
  )

  it.effect("a worker that the site does not know any more registers again before its next heartbeat", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        yield* advance("2 minutes")
        yield* central.fault("register", { refuse: down })
        yield* central.editWorker(() => undefined)
        const registrations = ({ calls }: Central) =>
          calls.filter(({ operation }) => operation === "register").length
        yield* within(
          "7 seconds",
          central.until((now) => registrations(now) === 2)
        )
        const before = yield* asks
        yield* advance("20 seconds")
        assert.isAtMost((yield* asks) - before, 4)
      })
    )
  )

  it.effect("each outage is one line, and each answer that was lost is counted", () =>
    withLog((lines) =>
      withWorker(
        {},
        Effect.gen(function* () {
          const central = yield* TestCentral
          const outages = () => lines.filter((line) => line === down.message).length
          for (const times of [1, 2]) {
            yield* central.fault("fetch", { refuse: down })
            yield* advance("5 minutes")
            assert.strictEqual(outages(), times)
            yield* central.fault("fetch", undefined)
            yield* advance("5 minutes")
          }
          yield* central.fault("fetch", { lose: lost })
          yield* advance("20 seconds")
          const said = lines.flatMap((line) => /\((-?\d+) such asks so far\)/.exec(line)?.[1] ?? [])
          assert.isAbove(said.length, 1)
          assert.deepStrictEqual(
            said,
            said.map((_, index) => String(index + 1))
          )
        })
      )
    )
  )

  it.effect("jobs of the same moment are claims of their own, with their logs' paths in the journal", () =>
    withWorker(
      { concurrency: 4 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const journal = yield* Journal
        // The log of the unsafe one says that it failed, and its claim stays until that is told.
        yield* central.fault("log", { refuse: down })
        const paths: Record<string, string | null> = {
          a: "a.log",
          b: "b.log",
          unsafe: "../c.log",
          none: null
        }
        for (const id of Object.keys(paths))
          yield* central.addJob(testJob(id, { logPath: paths[id] ?? null }))
        yield* advance("10 seconds")
        const claims = yield* journal.openClaims
        assert.strictEqual(new Set(claims.map(({ claim }) => claim.id)).size, 4)
        assert.deepStrictEqual(
          claims.map(({ claim, log }) => [claim.job.task_id, log]),
          [
            ["a", "/logs/a.log"],
            ["b", "/logs/b.log"],
            ["unsafe", null],
            ["none", null]
          ]
        )
      })
    )
  )

  it.effect("a long job's end is followed by quick asks, however long there was nothing else", () =>
    withWorker(
      { concurrency: 2 },
      Effect.gen(function* () {
        const job = yield* oneRuns
        yield* advance("10 minutes")
        const before = yield* asks
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* advance("1 second")
        assert.isAbove(yield* asks, before, "the next is often ready at once")
        yield* advance("19 seconds")
        assert.isAtLeast((yield* asks) - before, 14)
      })
    )
  )
})
