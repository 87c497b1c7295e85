/** Recovery: what a worker that was killed has promised, its successor on the same journal keeps. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { JournalEntry } from "../../src/platform/JournalStore.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { down, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { advance, within } from "./harness.ts"
import { begin, first, log, logged, oneRunning, oneRunningOn, own, test } from "./lives.ts"

describe("Recovery", () => {
  test(
    "a worker that starts keeps the folders of what is not settled, and says what it has found",
    Effect.gen(function* () {
      const { job, journal, kill } = yield* oneRunning
      const id = (yield* journal.openClaims)[0]?.claim.id ?? ""
      const disk = yield* kill
      const sweeps: Array<ReadonlyArray<string>> = []
      const [next, lines] = yield* logged(begin(disk, { sweeps }))
      assert.deepStrictEqual(sweeps, [[id]])
      const found = (all: ReadonlyArray<string>) => all.filter((line) => line.startsWith("goes on with what"))
      assert.lengthOf(found(lines), 1)
      yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
      yield* advance("10 seconds")
      const [, after] = yield* logged(Effect.flatMap(next.kill, (settled) => begin(settled, { sweeps })))
      assert.deepStrictEqual(sweeps, [[id], []])
      assert.lengthOf(found(after), 0)
    })
  )

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
    "a log folder that cannot be made does not keep the worker from starting: the claim stays open",
    Effect.gen(function* () {
      const disk = new Map<string, JournalEntry>()
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        // As an older edge-worker wrote them: without the path of the log.
        for (const id of ["runs", "ended"]) {
          const claim = { id, job: testJob(id), claimedAt: 0, expires: null }
          yield* journal.claimed(claim)
          if (id === "ended") yield* journal.settled(claim, "success")
        }
      }).pipe(Effect.provide(own(disk)))
      const noLogFolders = Effect.succeed("no space left")
      const [next, lines] = yield* logged(begin(disk, { noLogFolders }))
      yield* within("5 seconds", next.worker.registered)
      assert.lengthOf(
        lines.filter((line) => line.includes("could not be settled")),
        2
      )
      assert.lengthOf(yield* next.journal.openClaims, 2)
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
      yield* advance("10 seconds")
      assert.deepStrictEqual(first(yield* central.get)?.reported, ["running", "success"])
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
      const next = yield* begin(disk, { logs: "/elsewhere" })
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
})
