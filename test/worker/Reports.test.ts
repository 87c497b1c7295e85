/** The outbox: each job's reports in order and once, whatever becomes of the others'. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { JournalStore } from "../../src/platform/JournalStore.ts"
import { KeptLogs } from "../../src/platform/KeptLogs.ts"
import { MonotonicClock } from "../../src/platform/MonotonicClock.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { SiteUnavailable } from "../../src/worker/EdgeError.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { Reports } from "../../src/worker/Reports.ts"
import { SiteClock } from "../../src/worker/SiteClock.ts"
import { SiteHealth } from "../../src/worker/SiteHealth.ts"
import { advance } from "./harness.ts"

/** The site's own words, and no 409: it is an outage like any other. */
const refused = new SiteUnavailable({
  operation: "report",
  reason: "HTTP 500",
  status: 500,
  ambiguous: true,
  fromSite: true
})
const claimOf = (name: string, expires: number | null = null) => ({
  id: name,
  job: testJob(name),
  claimedAt: 0,
  expires
})

/** Runs the outbox against a site that is asked through `answer`; what it was asked, and what the worker warned of. */
const withReports = <A, E>(
  answer: (what: string) => Effect.Effect<void, SiteUnavailable>,
  test: (
    journal: Journal["Service"],
    asked: ReadonlyArray<string>,
    warned: ReadonlyArray<string>,
    reports: Reports["Service"]
  ) => Effect.Effect<A, E, Scope.Scope>
) => {
  const asked: Array<string> = []
  const warned: Array<string> = []
  const client = Layer.mock(EdgeClient, {
    reportJob: (key, _, state) => {
      const what = `${key.task_id} ${state}`
      return Effect.andThen(
        Effect.sync(() => void asked.push(what)),
        answer(what)
      )
    }
  })
  const store = Layer.succeed(JournalStore, {
    left: [],
    write: () => Effect.void,
    replace: () => Effect.void
  })
  const layer = Reports.layer.pipe(
    Layer.provideMerge(Layer.provide(Journal.layer, [store, KeptLogs.layerMemory()])),
    Layer.provide([client, SiteClock.layer, SiteHealth.layer]),
    Layer.provide([
      Layer.succeed(EdgeConfig, testSettings()),
      Layer.succeed(MonotonicClock, Effect.succeed(0))
    ])
  )
  return Effect.gen(function* () {
    const [journal, reports] = [yield* Journal, yield* Reports]
    yield* Effect.forkScoped(reports.run)
    return yield* test(journal, asked, warned, reports)
  }).pipe(
    Effect.scoped,
    Effect.provide(layer),
    Effect.provide(Logger.layer([Logger.make(({ message }) => void warned.push(String(message)))]))
  )
}

describe("Reports", () => {
  it.effect("a job whose report the site refuses holds up no other", () =>
    withReports(
      (what) => (what.startsWith("bad") ? Effect.fail(refused) : Effect.void),
      (journal, asked) =>
        Effect.gen(function* () {
          yield* journal.settled(claimOf("bad"), "failed")
          yield* journal.settled(claimOf("good"), "success")
          yield* advance("1 second")
          assert.deepStrictEqual(
            asked.filter((what) => what.startsWith("good")),
            ["good success"]
          )
          assert.deepStrictEqual(
            (yield* journal.reports).map(({ claimId }) => claimId),
            ["bad"]
          )
        })
    )
  )

  it.effect("a job's reports are told in their order, each once, although others come meanwhile", () =>
    withReports(
      (what) => (what === "slow running" ? Effect.sleep("10 seconds") : Effect.void),
      (journal, asked) =>
        Effect.gen(function* () {
          yield* journal.started(claimOf("slow"), null)
          yield* advance("1 second")
          yield* journal.settled(claimOf("other"), "success")
          yield* journal.settled(claimOf("another"), "success")
          yield* advance("1 second")
          assert.deepStrictEqual(asked, ["slow running", "other success", "another success"])
          yield* journal.settled(claimOf("slow"), "success")
          yield* advance("12 seconds")
          assert.deepStrictEqual(asked.slice(3), ["slow success"])
          assert.deepStrictEqual(yield* journal.reports, [])
        })
    )
  )

  it.effect("a hand-back that has waited until its token's end is dropped with a warning, untold", () => {
    let away = true
    return withReports(
      () => (away ? Effect.fail(refused) : Effect.void),
      (journal, asked, warned) =>
        Effect.gen(function* () {
          yield* journal.settled(claimOf("old", 600_000), "queued")
          yield* journal.settled(claimOf("good", 3_600_000), "queued")
          yield* advance("10 minutes")
          away = false
          const before = asked.length
          yield* advance("2 minutes")
          assert.deepStrictEqual(asked.slice(before), ["good queued"])
          assert.deepStrictEqual(yield* journal.reports, [])
          assert.lengthOf(
            warned.filter((line) => line.includes("old") && line.includes("not handed back any more")),
            1
          )
        })
    )
  })

  it.effect("an end is told, however long ago its claim's token ended", () =>
    withReports(
      () => Effect.void,
      (journal, asked) =>
        Effect.gen(function* () {
          yield* advance("1 hour")
          yield* journal.started(claimOf("old", 600_000), null)
          yield* advance("1 second")
          yield* journal.settled(claimOf("old", 600_000), "failed")
          yield* advance("1 second")
          assert.deepStrictEqual(asked, ["old running", "old failed"])
        })
    )
  )

  it.effect("says how many wait, and when the last of them is told", () => {
    let away = true
    return withReports(
      () => (away ? Effect.fail(refused) : Effect.void),
      (journal, _asked, _warned, reports) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* reports.waiting, 0)
          yield* reports.delivered
          yield* journal.settled(claimOf("one"), "success")
          yield* journal.settled(claimOf("two"), "success")
          const delivered = yield* Effect.forkScoped(reports.delivered)
          yield* advance("1 minute")
          assert.strictEqual(yield* reports.waiting, 2)
          assert.isUndefined(delivered.pollUnsafe())
          away = false
          yield* advance("2 minutes")
          assert.strictEqual(yield* reports.waiting, 0)
          assert.isDefined(delivered.pollUnsafe())
        })
    )
  })

  it.effect("a job that is not this worker's any more is not told again, and holds nothing up", () => {
    const notOurs = new SiteUnavailable({
      operation: "report",
      reason: "it is another's",
      status: 409,
      ambiguous: false,
      fromSite: true
    })
    return withReports(
      (what) => (what === "one running" ? Effect.fail(notOurs) : Effect.void),
      (journal, asked, warned) =>
        Effect.gen(function* () {
          yield* journal.started(claimOf("one"), null)
          yield* advance("1 minute")
          yield* journal.settled(claimOf("one"), "failed")
          yield* advance("1 minute")
          assert.deepStrictEqual(asked, ["one running", "one failed"])
          assert.lengthOf(
            warned.filter((line) => line.includes("is not this worker's any more: it is another's")),
            1
          )
        })
    )
  })

  it.effect("a site that refuses again and again is worth a line now and then", () =>
    withReports(
      () => Effect.fail(refused),
      (journal, asked, warned) =>
        Effect.gen(function* () {
          yield* journal.settled(claimOf("bad"), "failed")
          for (let minutes = 0; asked.length < 25; minutes++) {
            assert.isBelow(minutes, 60)
            yield* advance("1 minute")
          }
          const lines = warned.filter((line) => line.includes("stays in the outbox"))
          assert.lengthOf(lines, Math.ceil(asked.length / 10))
          assert.include(lines[0], "report: HTTP 500")
        })
    )
  )
})
