/** Heartbeats: outages, orders from the site, comments, versions, and a worker that was removed meanwhile. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { WorkerStateBody } from "../../src/protocol/EdgeApi.ts"
import { type Central, down, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { SiteUnavailable, VersionRejected } from "../../src/worker/EdgeError.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, oneRuns, oneStarts, within, withWorker } from "./harness.ts"

const beats = (central: Central) =>
  central.calls.filter((call) => call.operation === "heartbeat").map((call) => call.body as WorkerStateBody)

describe("Heartbeat", () => {
  it.effect("comes each 27 to 30 s from an idle worker, and no more often", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        yield* within(
          "1 second",
          central.until((c) => beats(c).length === 1)
        )
        yield* advance("10 minutes")
        const sent = beats(yield* central.get).length
        assert.isAtLeast(sent, 20)
        assert.isAtMost(sent, 24)
      })
    )
  )

  it.effect("fails for an hour and comes back: the worker, its job and its reports are there", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const job = yield* oneRuns
        for (const operation of ["heartbeat", "fetch", "report", "log", "register"] as const) {
          yield* central.fault(operation, { refuse: down })
        }
        yield* advance("30 minutes")
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* advance("30 minutes")
        const status = yield* worker.status
        assert.include(status.site_problem, "connection refused")
        assert.strictEqual(status.reports_waiting, 1)
        for (const operation of ["heartbeat", "fetch", "report", "log", "register"] as const) {
          yield* central.fault(operation, undefined)
        }
        yield* within(
          "35 seconds",
          central.until((c) => c.worker?.state === "idle")
        )
        yield* within(
          "10 seconds",
          central.until((c) => [...c.jobs.values()][0]?.state === "success")
        )
        assert.isNull((yield* worker.status).site_problem)
      })
    )
  )

  it.effect("during an hour without the site it asks at most about twice a heartbeat interval", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        yield* central.fault("heartbeat", { refuse: down })
        const before = beats(yield* central.get).length
        yield* advance("1 hour")
        assert.isAtMost(beats(yield* central.get).length - before, 260)
      })
    )
  )

  it.effect("obeys Retry-After", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        yield* within(
          "1 second",
          central.until((c) => beats(c).length === 1)
        )
        const busy = new SiteUnavailable({
          operation: "heartbeat",
          reason: "busy",
          status: 503,
          ambiguous: false,
          retryAfterMillis: 600_000
        })
        yield* central.fault("heartbeat", { refuse: busy })
        yield* within(
          "31 seconds",
          central.until((c) => beats(c).length === 2)
        )
        yield* central.fault("heartbeat", undefined)
        yield* advance("590 seconds")
        assert.strictEqual(beats(yield* central.get).length, 2)
        yield* within(
          "80 seconds",
          central.until((c) => beats(c).length === 3)
        )
      })
    )
  )

  it.effect("maintenance from the site, its comment edited there, and its end there", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const job = yield* oneStarts
        yield* central.editWorker((stored) => ({ ...stored, state: "maintenance request", comments: "disk" }))
        yield* within(
          "35 seconds",
          central.until((c) => c.worker?.state === "maintenance pending")
        )
        yield* central.addJob(testJob("b"))
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* within(
          "5 seconds",
          central.until((c) => c.worker?.state === "maintenance mode")
        )
        yield* advance("2 minutes")
        assert.strictEqual((yield* runner.jobs).length, 1)
        assert.strictEqual((yield* worker.status).maintenance_comments, "disk")
        yield* central.editWorker((stored) => ({ ...stored, comments: "new disk" }))
        yield* advance("31 seconds")
        assert.strictEqual((yield* worker.status).maintenance_comments, "new disk")
        assert.strictEqual((yield* central.get).worker?.comments, "new disk")
        yield* central.editWorker((stored) => ({ ...stored, state: "maintenance exit" }))
        yield* within(
          "60 seconds",
          runner.until((jobs) => jobs.length === 2)
        )
        assert.isFalse((yield* worker.status).maintenance)
      })
    )
  )

  it.effect("maintenance from here is told at once, its comment once, and lifted from here", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        yield* advance("10 seconds")
        yield* worker.enterMaintenance("cleaning")
        yield* within(
          "1 second",
          central.until((c) => c.worker?.state === "maintenance mode")
        )
        yield* advance("3 minutes")
        const carried = beats(yield* central.get).filter((body) => body.maintenance_comments != null)
        assert.deepStrictEqual(
          carried.map((body) => body.maintenance_comments),
          ["cleaning"]
        )
        assert.strictEqual((yield* central.get).worker?.comments, "cleaning")
        yield* worker.leaveMaintenance
        yield* within(
          "1 second",
          central.until((c) => c.worker?.state === "idle")
        )
      })
    )
  )

  it.effect("a comment whose heartbeat was refused is told by the next", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        yield* central.fault("heartbeat", { refuse: down })
        yield* worker.enterMaintenance("cleaning")
        yield* advance("2 minutes")
        yield* central.fault("heartbeat", undefined)
        yield* within(
          "35 seconds",
          central.until((c) => c.worker?.comments === "cleaning")
        )
      })
    )
  )

  it.effect("registers again when an operator removed it; tasks run on and their reports arrive", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const job = yield* oneStarts
        yield* worker.enterMaintenance("cleaning")
        yield* within(
          "5 seconds",
          central.until((c) => c.worker?.comments === "cleaning")
        )
        yield* central.editWorker(() => undefined)
        yield* within(
          "35 seconds",
          central.until((c) => c.worker?.state === "maintenance pending")
        )
        yield* within(
          "5 seconds",
          central.until((c) => c.worker?.comments === "cleaning")
        )
        assert.isTrue(job?.alive)
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* within(
          "5 seconds",
          central.until((c) => [...c.jobs.values()][0]?.state === "success")
        )
      })
    )
  )

  it.effect("a fetch that finds the worker unknown makes it register at once", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        yield* advance("5 seconds")
        yield* central.editWorker(() => undefined)
        yield* within(
          "3 seconds",
          central.until((c) => c.worker !== undefined)
        )
      })
    )
  )

  it.effect("versions rejected while it runs: stops fetching, drains, ends with the site's reason", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const job = yield* oneStarts
        yield* central.fault("heartbeat", { refuse: new VersionRejected({ detail: "too old" }) })
        yield* advance("35 seconds")
        assert.isTrue((yield* worker.status).drain)
        yield* central.addJob(testJob("b"))
        yield* advance("1 minute")
        assert.strictEqual((yield* runner.jobs).length, 1)
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        const end = yield* within("60 seconds", worker.ended)
        assert.strictEqual(end.rejected, "too old")
        assert.strictEqual((yield* central.get).jobs.size, 2)
      })
    )
  )

  it.effect("a shutdown request drains; queues and concurrency follow the site", () =>
    withWorker(
      { concurrency: 2 },
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        yield* central.editWorker((stored) => ({ ...stored, queues: ["gpu"], concurrency: 5 }))
        yield* advance("31 seconds")
        const status = yield* worker.status
        assert.deepStrictEqual(status.queues, ["gpu"])
        assert.strictEqual(status.concurrency, 5)
        yield* central.editWorker((stored) => ({ ...stored, concurrency: -1 }))
        yield* advance("60 seconds")
        assert.strictEqual((yield* worker.status).concurrency, 5)
        yield* central.editWorker((stored) => ({ ...stored, state: "shutdown request" }))
        const end = yield* within("60 seconds", worker.ended)
        assert.strictEqual(end.reason, "shutdown requested by the site")
        assert.strictEqual((yield* central.get).worker?.state, "offline")
      })
    )
  )

  for (const [versions, status] of [
    ["mismatch", 30],
    ["unsaid", 30],
    [undefined, 20]
  ] as const) {
    it.effect(`says status ${status} after an answer whose versions are ${versions ?? "the same"}`, () =>
      withWorker(
        {},
        Effect.gen(function* () {
          const central = yield* TestCentral
          const statuses = Effect.map(central.get, (now) => beats(now).map(({ sysinfo }) => sysinfo.status))
          // Whatever it was before.
          yield* central.fault("heartbeat", versions === undefined ? { versions: "mismatch" } : undefined)
          yield* advance("61 seconds")
          yield* central.fault("heartbeat", versions === undefined ? undefined : { versions })
          yield* advance("61 seconds")
          assert.deepStrictEqual((yield* statuses).slice(-1), [status])
        })
      )
    )
  }
})
