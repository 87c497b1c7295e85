/** An outage beyond Airflow's rules: what the site has given up ends, and its log says why; nothing else does. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { monotonicOfClock } from "../../src/platform/MonotonicClock.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { down, type Operation, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { GaveUp } from "../../src/worker/GaveUp.ts"
import { JobRun } from "../../src/worker/JobRun.ts"
import { SiteClock } from "../../src/worker/SiteClock.ts"
import { SiteHealth } from "../../src/worker/SiteHealth.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, type Options, settle, within, withWorker } from "./harness.ts"

const operations: ReadonlyArray<Operation> = ["heartbeat", "fetch", "report", "log", "register"]

const site = (is: "away" | "back") =>
  Effect.flatMap(TestCentral, (central) =>
    Effect.forEach(operations, (operation) =>
      central.fault(operation, is === "away" ? { refuse: down } : undefined)
    )
  )

/** A job whose token ends `seconds` after the epoch, at which the test clock begins. */
const jobUntil = (task: string, seconds: number | null) => {
  const job = testJob(task)
  const payload = Buffer.from(JSON.stringify({ exp: seconds })).toString("base64url")
  const token = seconds === null ? "not-a-jwt" : `e30.${payload}.x`
  return { ...job, command: { ...job.command, token } as never }
}

/** Claims the jobs, and begins the outage when all of them run. */
const outage = (jobs: ReadonlyArray<readonly [string, number | null]>) =>
  Effect.gen(function* () {
    const central = yield* TestCentral
    const runner = yield* TestRunner
    for (const [task, until] of jobs) yield* central.addJob(jobUntil(task, until))
    yield* within(
      "20 seconds",
      runner.until((started) => started.length === jobs.length)
    )
    // Until the next heartbeat has been heard, so that all begin alike.
    yield* advance("5 seconds")
    yield* site("away")
  })

const stops = Effect.flatMap(TestRunner, (runner) =>
  Effect.map(runner.jobs, (jobs) =>
    Object.fromEntries(jobs.map(({ stops, toRun }) => [toRun.claim.job.task_id, stops] as const))
  )
)

const options: Options = {
  concurrency: 8,
  obeys: ["kill"],
  settings: { taskInstanceHeartbeatTimeout: Duration.seconds(300), drainKillGrace: Duration.seconds(30) }
}

/** Watches jobs that nothing ends, at a site whose health the test decides: what they are told. */
const watched = Effect.fnUntraced(function* (
  settings: Options["settings"] = {},
  ids: ReadonlyArray<string> = ["a"],
  stop: (id: string) => Effect.Effect<void> = () => Effect.void
) {
  const heard: Array<string> = []
  const health: { lastHeartbeat: number | null; problem: string | null } = { lastHeartbeat: 0, problem: null }
  const claims = ids.map((id) => ({ id, job: testJob(id), claimedAt: 0, expires: 0 }))
  const gaveUp = GaveUp.layer.pipe(
    Layer.provide([
      Layer.mock(JobRun, {
        running: Effect.succeed(claims),
        stopOne: ({ id }, how) =>
          Effect.andThen(
            Effect.sync(() => void heard.push(how)),
            stop(id)
          )
      }),
      Layer.mock(SiteHealth, { get: Effect.sync(() => ({ ...health })) }),
      SiteClock.layer,
      Layer.succeed(EdgeConfig, testSettings({ ...options.settings, ...settings })),
      monotonicOfClock
    ])
  )
  yield* Effect.forkChild(Effect.flatMap(GaveUp, ({ run }) => run).pipe(Effect.provide(gaveUp)))
  yield* settle
  return { heard, health }
})

describe("GaveUp", () => {
  it.effect("after the limit asks, after the grace kills those whose token has ended long ago", () =>
    withWorker(
      options,
      Effect.gen(function* () {
        yield* outage([
          ["old", 10],
          ["late", 250],
          ["good", 7200],
          ["unknown", null]
        ])
        yield* advance("285 seconds")
        assert.deepStrictEqual(yield* stops, { old: [], late: [], good: [], unknown: [] })
        yield* advance("35 seconds")
        assert.deepStrictEqual(yield* stops, { old: ["term"], late: [], good: [], unknown: [] })
        yield* advance("40 seconds")
        assert.deepStrictEqual((yield* stops)["old"], ["term", "kill"])
        yield* advance("1 hour")
        assert.deepStrictEqual(yield* stops, {
          old: ["term", "kill"],
          late: ["term", "kill"],
          good: [],
          unknown: []
        })
        // Over the Edge API the job ends `failed` as soon as the site hears, and its log says why.
        yield* site("back")
        const central = yield* TestCentral
        const { jobs } = yield* within(
          "2 minutes",
          central.until(
            ({ jobs }) =>
              [...jobs.values()].filter(({ state }) => state === "failed").length === 2 &&
              [...jobs.values()].filter(({ log }) => log.includes("Error executing job")).length === 2
          )
        )
        const logs = new Map([...jobs.values()].map(({ job, log }) => [job.task_id, log]))
        for (const task of ["old", "late"]) {
          assert.match(
            logs.get(task) ?? "",
            /The site was away for more than 300 s; it has given this task up\. The edge worker ends it with SIGTERM\.[\s\S]*SIGKILL/
          )
        }
        assert.deepStrictEqual([logs.get("good"), logs.get("unknown")], ["", ""])
      })
    )
  )

  it.effect("no job is touched in an hour of heartbeats, whatever its token says", () =>
    withWorker(
      options,
      Effect.gen(function* () {
        yield* outage([["old", 10]])
        yield* site("back")
        yield* advance("1 hour")
        assert.deepStrictEqual(yield* stops, { old: [] })
      })
    )
  )

  it.effect("an outage that ends in time, and a second one: each is measured by itself", () =>
    withWorker(
      options,
      Effect.gen(function* () {
        yield* outage([["old", 10]])
        yield* advance("280 seconds")
        yield* site("back")
        yield* advance("1 minute")
        yield* site("away")
        // The last heartbeat may have been up to 30 s before.
        yield* advance("265 seconds")
        assert.deepStrictEqual(yield* stops, { old: [] })
        assert.isNotNull((yield* (yield* Worker).status).site_problem)
      })
    )
  )

  it.effect("a job that was asked to end is not killed where the site is back", () =>
    withWorker(
      options,
      Effect.gen(function* () {
        yield* outage([["old", 10]])
        yield* within(
          "6 minutes",
          Effect.flatMap(TestRunner, (runner) => runner.until(([job]) => job?.stops.length === 1))
        )
        yield* site("back")
        yield* advance("10 minutes")
        assert.deepStrictEqual(yield* stops, { old: ["term"] })
      })
    )
  )

  it.effect("a second outage asks again before it kills", () =>
    Effect.gen(function* () {
      const { heard, health } = yield* watched()
      health.problem = "away"
      yield* TestClock.adjust("310 seconds")
      assert.deepStrictEqual(heard, ["term"])
      Object.assign(health, { lastHeartbeat: 1, problem: null })
      yield* TestClock.adjust("25 seconds")
      health.problem = "away"
      yield* TestClock.adjust("285 seconds")
      assert.deepStrictEqual(heard, ["term", "term"])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(heard, ["term", "term", "kill"])
    })
  )

  it.effect("heartbeats that are rarer than the limit end nothing, nor does the first that fails", () =>
    Effect.gen(function* () {
      const { heard, health } = yield* watched({ heartbeatInterval: Duration.minutes(10) })
      yield* TestClock.adjust("10 minutes")
      health.lastHeartbeat = 600_000
      yield* TestClock.adjust("10 minutes")
      health.problem = "away"
      yield* TestClock.adjust("595 seconds")
      assert.deepStrictEqual(heard, [])
      yield* TestClock.adjust("15 seconds")
      assert.deepStrictEqual(heard, ["term"])
    })
  )

  it.effect("a site without a problem has given nothing up, however long its last answer is ago", () =>
    Effect.gen(function* () {
      const { heard } = yield* watched()
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(heard, [])
    })
  )

  it.effect("a job whose stop hangs, or breaks, keeps none of the others from being stopped", () => {
    const errors: Array<string> = []
    const log = Logger.layer([
      Logger.make(({ logLevel, message }) => {
        if (logLevel === "Error") errors.push(String(message).replace(/,.*/s, ""))
      })
    ])
    return Effect.gen(function* () {
      const stop = (id: string) =>
        id === "hangs" ? Effect.never : id === "breaks" ? Effect.die(new Error("a bug")) : Effect.void
      const { heard, health } = yield* watched({}, ["hangs", "breaks", "third"], stop)
      health.problem = "away"
      yield* TestClock.adjust("310 seconds")
      assert.deepStrictEqual(heard, ["term", "term", "term"])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(heard.slice(3), ["kill", "kill", "kill"])
      assert.deepStrictEqual(
        errors,
        ["SIGTERM", "SIGKILL"].map((signal) => `dag.breaks run=run try=1 could not be sent ${signal}`)
      )
    }).pipe(Effect.provide(log))
  })

  it.effect("a process that even a kill does not end is killed once, not for ever", () =>
    Effect.gen(function* () {
      const { heard, health } = yield* watched()
      health.lastHeartbeat = null
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(heard, ["term", "kill"])
    })
  )
})
