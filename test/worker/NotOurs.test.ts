/** A site that has cancelled a job, or given it away, refuses its reports: the job stops, and nothing is told for ever. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { type Claim, keyOf } from "../../src/protocol/Job.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { SiteUnavailable } from "../../src/worker/EdgeError.ts"
import { JobRun } from "../../src/worker/JobRun.ts"
import { Journal, type Report } from "../../src/worker/Journal.ts"
import { NotOurs, layer as notOurs } from "../../src/worker/NotOurs.ts"
import { Settlement } from "../../src/worker/Settlement.ts"
import { advance, within, withWorker } from "./harness.ts"
import { first, oneRunning, own, test } from "./lives.ts"

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

/** The warnings that a job is not this worker's any more. */
const warned = <A, E, R>(test: (warnings: ReadonlyArray<string>) => Effect.Effect<A, E, R>) => {
  const warnings: Array<string> = []
  const log = Logger.layer([
    Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn" && String(message).includes("not this worker's")) warnings.push(String(message))
    })
  ])
  return Effect.provide(test(warnings), log)
}

const settings = { drainKillGrace: Duration.seconds(30) }

describe("NotOurs", () => {
  it.effect("stops the job, first politely, says so once, and keeps no report", () =>
    warned((warnings) =>
      withWorker(
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
          assert.deepStrictEqual(warnings, [
            `dag.job run=run try=1 is not this worker's any more: ${refused(true).reason}`
          ])
        })
      )
    )
  )

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

  it.effect(
    "a job that is being started is stopped as soon as it can be reached; what has ended is let be",
    () =>
      Effect.gen(function* () {
        const claimOf = (id: string): Claim => ({ id, job: testJob(id), claimedAt: 0, expires: null })
        let running: ReadonlyArray<Claim> = []
        let looks = 0
        const heard: Array<string> = []
        const jobs = Layer.mock(JobRun, {
          running: Effect.sync(() => {
            looks += 1
            return running
          }),
          stopOne: ({ id }, how) => Effect.sync(() => void heard.push(`${id} ${how}`))
        })
        yield* Effect.gen(function* () {
          const journal = yield* Journal
          const { refused: refuse } = yield* NotOurs
          const refusedOf = (id: string) => {
            const { job } = claimOf(id)
            const report: Report = {
              claimId: id,
              key: keyOf(job),
              taskInstanceId: null,
              state: "running",
              id: 0,
              expires: null,
              trace: undefined
            }
            return refuse(report, refused(true))
          }
          yield* journal.claimed(claimOf("another"))
          yield* journal.claimed(claimOf("ended"))
          yield* journal.settled(claimOf("ended"), "success")
          yield* refusedOf("ended")
          yield* refusedOf("unknown")
          yield* advance("5 seconds")
          assert.strictEqual(looks, 2)
          yield* journal.claimed(claimOf("begins"))
          yield* refusedOf("begins")
          yield* advance("5 seconds")
          assert.deepStrictEqual(heard, [])
          running = [claimOf("another"), claimOf("begins")]
          yield* advance("1 second")
          assert.deepStrictEqual(heard, ["begins term"])
          yield* advance("30 seconds")
          assert.deepStrictEqual(heard, ["begins term", "begins kill"])
        }).pipe(Effect.provide(Layer.provide(notOurs, jobs)))
      }).pipe(
        Effect.provide(Journal.layer),
        Effect.provide(MemoryPlatform.layer()),
        Effect.provide([MemoryFileTail.layer, Layer.succeed(EdgeConfig, testSettings(settings))])
      )
  )

  test(
    "what `settle` tells may be refused too: it says so, and keeps no report",
    warned((warnings) =>
      Effect.gen(function* () {
        const central = yield* TestCentral
        const disk = yield* (yield* oneRunning).kill
        yield* central.fault("report", { refuse: refused(true) })
        const settled = yield* within(
          "20 seconds",
          Effect.flatMap(Settlement, ({ run }) => run({ kill: true })).pipe(
            Effect.provide(Layer.provideMerge(Settlement.layer, own(disk)))
          )
        )
        assert.strictEqual(settled.reportsLeft, 0)
        assert.deepStrictEqual(first(yield* central.get)?.reported, ["running"])
        assert.deepStrictEqual(warnings, [
          `dag.a run=run try=1 is not this worker's any more: ${refused(true).reason}`
        ])
        yield* (yield* NotOurs).revoked(["an id"])
      })
    )
  )
})
