/** A site that has cancelled a job, or given it away, refuses its reports: the job stops, and nothing is told for ever. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { SiteUnavailable } from "../../src/worker/EdgeError.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { advance, within, withWorker } from "./harness.ts"

const refused = (fromSite: boolean) =>
  new SiteUnavailable({
    operation: "job report",
    reason: "HTTP 409 from http://site: the site says: this job was cancelled by ada",
    status: 409,
    fromSite,
    ambiguous: false
  })

const started = Effect.flatMap(TestRunner, (runner) =>
  within(
    "20 seconds",
    runner.until((jobs) => jobs.length === 1)
  )
)

const reports = Effect.flatMap(TestCentral, (central) =>
  Effect.map(central.get, ({ calls }) => calls.filter(({ operation }) => operation === "report").length)
)

const settings = { drainKillGrace: Duration.seconds(30) }

describe("NotOurs", () => {
  it.effect("stops the job, first politely, says so once, and keeps no report", () => {
    const warnings: Array<string> = []
    const log = Logger.layer([
      Logger.make(({ logLevel, message }) => {
        if (logLevel === "Warn") warnings.push(String(message))
      })
    ])
    return withWorker(
      { settings, obeys: ["kill"] },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const journal = yield* Journal
        yield* central.fault("report", { refuse: refused(true) })
        yield* central.addJob(testJob("job"))
        yield* started
        yield* advance("5 seconds")
        assert.deepStrictEqual((yield* runner.jobs)[0]?.stops, ["term"])
        assert.deepStrictEqual(yield* journal.reports, [])
        yield* advance("40 seconds")
        assert.deepStrictEqual((yield* runner.jobs)[0]?.stops, ["term", "kill"])
        yield* advance("10 seconds")
        // `running` and, when it had been killed, `failed`: each was asked once.
        assert.strictEqual(yield* reports, 2)
        assert.deepStrictEqual(yield* journal.reports, [])
        assert.deepStrictEqual(yield* journal.openClaims, [])
        assert.deepStrictEqual(
          warnings.filter((line) => line.includes("not this worker's")),
          [`dag.job run=run try=1 is not this worker's any more: ${refused(true).reason}`]
        )
      })
    ).pipe(Effect.provide(log))
  })

  it.effect("stops a job that the site names in its answer to a heartbeat, and no other", () =>
    withWorker(
      { settings, concurrency: 2 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const id = "01900000-0000-7000-8000-00000000000a"
        yield* central.addJob(testJob("one", { task_instance_id: id }))
        yield* central.addJob(testJob("two"))
        yield* within(
          "20 seconds",
          runner.until((jobs) => jobs.length === 2)
        )
        yield* central.editWorker((worker) => ({ ...worker, revoked: [id, "unknown"] }))
        yield* advance("40 seconds")
        const stops = (yield* runner.jobs).map(({ stops, toRun }) => [toRun.claim.job.task_id, stops])
        assert.deepStrictEqual(stops, [
          ["one", ["term"]],
          ["two", []]
        ])
      })
    )
  )

  it.effect("leaves a job alone whose 409 is a gateway's", () =>
    withWorker(
      { settings },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const journal = yield* Journal
        yield* central.fault("report", { refuse: refused(false) })
        yield* central.addJob(testJob("job"))
        yield* started
        yield* advance("2 minutes")
        assert.deepStrictEqual((yield* runner.jobs)[0]?.stops, [])
        assert.strictEqual((yield* journal.reports).length, 1)
        yield* central.fault("report", undefined)
        yield* advance("2 minutes")
        assert.deepStrictEqual(yield* journal.reports, [])
      })
    )
  )
})
