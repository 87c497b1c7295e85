/** Recovery: what a worker that was killed has promised, its successor on the same journal keeps. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import type { JournalEntry } from "../../src/platform/JournalStore.ts"
import { JournalStore } from "../../src/platform/JournalStore.ts"
import { monotonicOfClock } from "../../src/platform/MonotonicClock.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { type Central, down, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { SiteUnavailable } from "../../src/worker/EdgeError.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { LogPush } from "../../src/worker/LogPush.ts"
import { Settlement } from "../../src/worker/Settlement.ts"
import { known, Versions } from "../../src/worker/Versions.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, settle, within } from "./harness.ts"

const log = "/logs/dag_id=dag/task_id=a/attempt=1.log"
const retention = Duration.hours(2)
const first = (central: Central) => [...central.jobs.values()][0]

/** All that outlives a worker: the site, the machine's processes, its files. */
const world = Layer.mergeAll(
  TestCentral.layer,
  TestRunner.layer(),
  MemoryPlatform.layer({ nameBefore: "dead" })
).pipe(
  Layer.provideMerge(MemoryFileTail.layer),
  Layer.provideMerge([
    Layer.succeed(EdgeConfig, testSettings({ logRetention: retention })),
    monotonicOfClock,
    Layer.succeed(WorkerIdentity, { name: "worker-1", queues: ["default"], team: null, concurrency: 2 })
  ])
)

/** What lives and dies with a worker; `disk` is what the next one reads. */
const own = (disk: Map<string, JournalEntry>) =>
  Layer.mergeAll(LogPush.layer, Versions.layer(Effect.succeed({ ...known, python: "3.11.7" }))).pipe(
    Layer.provideMerge(Layer.fresh(Journal.layer)),
    Layer.provide(JournalStore.layerMemory(disk))
  )

/** The effect's log lines, and those of the fibers that it has begun. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  return Effect.map(
    Effect.provide(effect, Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])),
    (value) => [value, lines] as const
  )
}

/** Starts a worker; `kill` ends it, with the disk as it was at that moment. */
const begin = Effect.fnUntraced(function* (disk: Map<string, JournalEntry>, logs = "/logs") {
  const scope = yield* Scope.make()
  const machine = MemoryPlatform.layer({ nameBefore: "dead", logs })
  const { journal, worker } = yield* Effect.all({ worker: Worker, journal: Journal }).pipe(
    Effect.provide(
      yield* Layer.buildWithScope(
        Layer.provideMerge(Worker.layer, own(disk)).pipe(Layer.provide(machine)),
        scope
      )
    )
  )
  yield* settle
  const kill = Effect.suspend(() => {
    const then = new Map(disk)
    return Effect.as(Scope.close(scope, Exit.void), then)
  })
  return { worker, journal, kill }
})

const test = <E>(
  title: string,
  body: Effect.Effect<void, E, Layer.Success<typeof world> | Effect.Services<ReturnType<typeof begin>>>
) => it.effect(title, () => Effect.provide(body, world))

/** A worker with one running job whose log is told so far. */
const oneRunningOn = Effect.fnUntraced(function* (disk: Map<string, JournalEntry>) {
  const central = yield* TestCentral
  const runner = yield* TestRunner
  const files = yield* MemoryFileTail
  const started = yield* begin(disk)
  yield* within("5 seconds", started.worker.registered)
  yield* central.addJob(testJob("a"))
  const [job] = yield* within(
    "10 seconds",
    runner.until((jobs) => jobs.length === 1)
  )
  yield* files.append(log, "one\n")
  yield* within(
    "10 seconds",
    central.until((c) => first(c)?.log === "one\n" && first(c)?.state === "running")
  )
  yield* settle
  return { ...started, job }
})
const oneRunning = Effect.suspend(() => oneRunningOn(new Map()))

describe("Recovery", () => {
  test(
    "a running job is found again: its log goes on where it was, its real end is told once",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const runner = yield* TestRunner
      const files = yield* MemoryFileTail
      const disk = yield* (yield* oneRunning).kill
      yield* files.append(log, "two\n")
      yield* advance("10 seconds")
      assert.strictEqual(first(yield* central.get)?.log, "one\n")
      const { journal, worker } = yield* begin(disk)
      yield* within("5 seconds", worker.registered)
      assert.strictEqual((yield* worker.status).job_count, 1)
      const [job] = yield* runner.jobs
      yield* job?.end({ _tag: "Failed", reason: "exited with code 3", stderr: "" }) ?? Effect.void
      const after = yield* within(
        "10 seconds",
        central.until((c) => first(c)?.state === "failed")
      )
      assert.deepStrictEqual(first(after)?.reported, ["running", "failed"])
      yield* advance("2 seconds")
      const told = first(yield* central.get)?.log ?? ""
      assert.isTrue(told.startsWith("one\ntwo\n"), told)
      assert.strictEqual(told.split("one").length, 2)
      assert.strictEqual((yield* runner.jobs).length, 1)
      assert.deepStrictEqual([yield* journal.openClaims, yield* journal.reports], [[], []])
    })
  )

  test(
    "a worker that is interrupted leaves the claim of a job that runs to the next",
    Effect.gen(function* () {
      const runner = yield* TestRunner
      const disk = new Map<string, JournalEntry>()
      yield* (yield* oneRunningOn(disk)).kill
      yield* advance("10 seconds")
      const claims = [...disk.values()].filter(({ kind }) => kind === "claim")
      assert.deepStrictEqual(
        claims.map(({ value }) => JSON.parse(value).ended ?? false),
        [false]
      )
      assert.deepStrictEqual(
        (yield* runner.jobs).map(({ alive, stops }) => [alive, stops]),
        [[true, []]]
      )
    })
  )

  test(
    "a job whose process the dead worker had not noted is told as running, and its end",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const { job, kill } = yield* oneRunning
      const disk = new Map(
        [...(yield* kill)].map(([key, entry]) => {
          const { handle: _, ...claim } = JSON.parse(entry.value)
          return [key, entry.kind === "claim" ? { ...entry, value: JSON.stringify(claim) } : entry] as const
        })
      )
      const { journal, worker } = yield* begin(disk)
      yield* within("5 seconds", worker.registered)
      yield* within(
        "10 seconds",
        central.until((c) => first(c)?.reported.length === 2)
      )
      assert.isDefined((yield* journal.openClaims)[0]?.handle)
      yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
      const after = yield* within(
        "10 seconds",
        central.until((c) => first(c)?.state === "success")
      )
      assert.deepStrictEqual(first(after)?.reported, ["running", "running", "success"])
    })
  )

  test(
    "an end that no worker saw is told by the next, before it registers",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const { job, kill } = yield* oneRunning
      const disk = yield* kill
      yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
      yield* central.fault("register", { refuse: down })
      yield* begin(disk)
      yield* within(
        "10 seconds",
        central.until((c) => first(c)?.state === "success")
      )
    })
  )

  test(
    "a claim whose job was never started is handed back",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const job = testJob("a")
      const claim = { id: "c-1", job, claimedAt: 0, expires: null }
      const disk = new Map<string, JournalEntry>()
      yield* central.addJob(job)
      yield* Effect.flatMap(Journal, (journal) => journal.claimed(claim)).pipe(Effect.provide(own(disk)))
      yield* central.fault("fetch", { refuse: down })
      yield* begin(disk)
      const after = yield* within(
        "10 seconds",
        central.until((c) => (first(c)?.reported.length ?? 0) > 0)
      )
      assert.deepStrictEqual(first(after)?.reported, ["queued"])
    })
  )

  test(
    "reports and a log that the site has not heard survive a kill in an outage",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const files = yield* MemoryFileTail
      const { job, journal, kill } = yield* oneRunning
      yield* central.fault("report", { refuse: down })
      yield* central.fault("log", { refuse: down })
      yield* files.append(log, "last\n")
      yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
      yield* advance("5 seconds")
      assert.strictEqual((yield* journal.reports).length, 1)
      const disk = yield* kill
      yield* central.fault("report", undefined)
      yield* central.fault("log", undefined)
      const next = yield* begin(disk)
      yield* within(
        "10 seconds",
        central.until((c) => first(c)?.state === "success" && first(c)?.log === "one\nlast\n")
      )
      yield* settle
      assert.deepStrictEqual([yield* next.journal.openClaims, yield* next.journal.reports], [[], []])
    })
  )

  test(
    "a log goes on where it was, although the log folder is another one now",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const files = yield* MemoryFileTail
      const { job, kill } = yield* oneRunning
      const disk = yield* kill
      yield* files.append(log, "two\n")
      const next = yield* begin(disk, "/elsewhere")
      yield* within(
        "10 seconds",
        central.until((c) => first(c)?.log === "one\ntwo\n")
      )
      yield* job?.end({ _tag: "Failed", reason: "exited with code 3", stderr: "" }) ?? Effect.void
      yield* within(
        "10 seconds",
        central.until((c) => first(c)?.log.includes("exited with code 3") === true)
      )
      yield* advance("2 seconds")
      assert.deepStrictEqual(yield* next.journal.openClaims, [])
    })
  )

  for (const [what, end] of [
    ["is told when it is there, and so is why its job failed", true],
    ["of a job that had ended is told when it is there", false]
  ] as const) {
    test(
      `a log that is away when the next worker starts ${what}`,
      Effect.gen(function* () {
        const central = yield* TestCentral
        const files = yield* MemoryFileTail
        const { job, kill } = yield* oneRunning
        yield* central.fault("log", { refuse: down })
        yield* files.append(log, "two\n")
        if (!end) yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* advance("2 seconds")
        const disk = yield* kill
        yield* central.fault("log", undefined)
        const found = yield* files.unmount(log)
        const [next, lines] = yield* logged(begin(disk))
        if (end) yield* job?.end({ _tag: "Failed", reason: "exited with code 3", stderr: "" }) ?? Effect.void
        yield* within(
          "10 seconds",
          central.until((c) => first(c)?.state === (end ? "failed" : "success"))
        )
        yield* advance("1 hour")
        assert.strictEqual((yield* next.journal.openClaims).length, 1)
        assert.strictEqual((yield* next.worker.status).log_bytes_waiting, 1)
        assert.strictEqual(lines.filter((line) => line.includes("is away")).length, 1)
        yield* found
        yield* within(
          "10 seconds",
          central.until((c) => {
            const told = first(c)?.log ?? ""
            return told.startsWith("one\ntwo\n") && (!end || told.includes("exited with code 3"))
          })
        )
        yield* advance("2 seconds")
        assert.deepStrictEqual(yield* next.journal.openClaims, [])
      })
    )
  }

  test(
    "a log of which the site has nothing yet is waited for too, and no longer than log_retention",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const files = yield* MemoryFileTail
      const runner = yield* TestRunner
      const { kill, worker } = yield* begin(new Map())
      yield* within("5 seconds", worker.registered)
      yield* central.fault("log", { refuse: down })
      yield* central.addJob(testJob("a"))
      const [job] = yield* within(
        "10 seconds",
        runner.until((jobs) => jobs.length === 1)
      )
      yield* files.append(log, "one\n")
      yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
      yield* advance("5 seconds")
      const disk = yield* kill
      yield* central.fault("log", undefined)
      yield* files.vanish(log)
      const next = yield* begin(disk)
      yield* advance("119 minutes")
      assert.strictEqual((yield* next.journal.openClaims).length, 1)
      yield* advance("2 minutes")
      assert.deepStrictEqual(yield* next.journal.openClaims, [])
      assert.strictEqual((yield* next.worker.status).log_bytes_waiting, 0)
    })
  )

  test(
    "a log that was never there is told: nothing is waited for",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const runner = yield* TestRunner
      const { kill, worker } = yield* begin(new Map())
      yield* within("5 seconds", worker.registered)
      yield* central.addJob(testJob("a"))
      const [job] = yield* within(
        "10 seconds",
        runner.until((jobs) => jobs.length === 1)
      )
      const disk = yield* kill
      const next = yield* begin(disk)
      yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
      yield* advance("10 seconds")
      assert.deepStrictEqual(yield* next.journal.openClaims, [])
    })
  )

  test(
    "settle tells everything without a worker, and frees the name",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const disk = yield* (yield* oneRunning).kill
      const settled = yield* within(
        "20 seconds",
        Effect.flatMap(Settlement, (settlement) => settlement.run({ kill: true })).pipe(
          Effect.provide(Layer.provideMerge(Settlement.layer, own(disk)))
        )
      )
      assert.deepStrictEqual(settled, {
        open: 1,
        logs: 0,
        reports: 0,
        reportsLeft: 0,
        logBytesLeft: 0,
        logsLeft: [],
        nameFreed: true
      })
      const { worker, ...after } = yield* central.get
      assert.deepStrictEqual(first({ worker, ...after })?.reported, ["running", "failed"])
      assert.include(first({ worker, ...after })?.log, "settle --kill")
      assert.strictEqual(worker?.state, "offline")
    })
  )

  for (const [what, status] of [
    ["refuses", 500],
    ["does not take", undefined]
  ] as const) {
    test(
      `settle says which log the site ${what}, and leaves it to the next worker`,
      Effect.gen(function* () {
        const central = yield* TestCentral
        const disk = yield* (yield* oneRunning).kill
        const refuse = new SiteUnavailable({ operation: "log", reason: "no", status, ambiguous: false })
        yield* central.fault("log", { refuse })
        const settled = yield* within(
          "60 seconds",
          Effect.flatMap(Settlement, (settlement) => settlement.run({ kill: true })).pipe(
            Effect.provide(Layer.provideMerge(Settlement.layer, own(disk)))
          )
        )
        assert.strictEqual(settled.reportsLeft, 0)
        const [left, ...more] = settled.logsLeft
        assert.deepStrictEqual(more, [])
        assert.deepInclude(left, { file: log, refused: status === 500, bytes: settled.logBytesLeft })
        assert.isAbove(settled.logBytesLeft, 0)
        assert.strictEqual(left?.job.task_id, "a")
        assert.isTrue([...disk.values()].some(({ kind }) => kind === "claim"))
      })
    )
  }
})
