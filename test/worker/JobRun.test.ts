/** Jobs: what the site is told when they end, fail, cannot start or name an unsafe log; reports in an outage. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { NotStarted, Runner } from "../../src/runner/Runner.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { type Central, down, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { TestWorker } from "../../src/testing/TestWorker.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { SiteUnavailable } from "../../src/worker/EdgeError.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, oneStarts, within, withWorker } from "./harness.ts"

const first = (central: Central) => [...central.jobs.values()][0]
const log = "/logs/dag_id=dag/task_id=a/attempt=1.log"

describe("JobRun", () => {
  it.effect("a failed job is told with its reason and its stderr in the task's log", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        const job = yield* oneStarts
        assert.strictEqual(job?.toRun.logFile, log)
        yield* job?.end({ _tag: "Failed", reason: "exited with code 3", stderr: "Traceback", exitCode: 3 }) ??
          Effect.void
        const after = yield* within(
          "10 seconds",
          central.until((c) => first(c)?.state === "failed" && first(c)?.log !== "")
        )
        assert.include(first(after)?.log, "exited with code 3")
        assert.include(first(after)?.log, "Traceback")
        assert.deepStrictEqual(first(after)?.reported, ["running", "failed"])
      })
    )
  )

  it.effect("a job that somebody else runs is left: its end is not reported, its slot is free again", () =>
    withWorker(
      { concurrency: 1 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const job = yield* oneStarts
        yield* job?.end({ _tag: "Left", reason: "it runs elsewhere" }) ?? Effect.void
        yield* central.addJob(testJob("b"))
        yield* within(
          "10 seconds",
          runner.until((jobs) => jobs.length === 2)
        )
        yield* advance("30 seconds")
        const journal = yield* Journal
        assert.deepStrictEqual(first(yield* central.get)?.reported, ["running"])
        assert.deepStrictEqual(
          (yield* journal.openClaims).map(({ claim }) => claim.job.task_id),
          ["b"]
        )
      })
    )
  )

  it.effect("a job that cannot be started fails with the reason; the slot is free again", () =>
    withWorker(
      { concurrency: 1 },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* runner.refuse("no Python found")
        yield* central.addJob(testJob("a"))
        const after = yield* within(
          "20 seconds",
          central.until((c) => first(c)?.state === "failed" && first(c)?.log !== "")
        )
        assert.include(first(after)?.log, "could not be started: no Python found")
        assert.deepStrictEqual(first(after)?.reported, ["failed"])
        yield* runner.refuse(undefined)
        yield* central.addJob(testJob("b"))
        yield* within(
          "10 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
      })
    )
  )

  for (const what of ["folder", "log folder", "process"] as const) {
    it.effect(
      `a job whose ${what} this machine refuses is handed back, and no job is fetched for a while`,
      () => {
        const enospc = "ENOSPC: no space left on device"
        let full = true
        const refusal = Effect.sync(() => (full ? enospc : undefined))
        return withWorker(
          {
            settings: { heartbeatInterval: Duration.seconds(5) },
            ...(what === "folder" ? { noJobFolders: refusal } : {}),
            ...(what === "log folder" ? { noLogFolders: refusal } : {})
          },
          Effect.gen(function* () {
            const central = yield* TestCentral
            const journal = yield* Journal
            const runner = yield* TestRunner
            const worker = yield* Worker
            if (what === "process") yield* runner.refuse(new NotStarted({ reason: enospc }))
            yield* central.addJob(testJob("a"))
            yield* within(
              "10 seconds",
              central.until((c) => first(c)?.reported.length === 1)
            )
            yield* advance("20 seconds")
            const asked = yield* central.get
            // Told neither as running nor as failed, and not taken again at once.
            assert.deepStrictEqual([first(asked)?.state, first(asked)?.reported], ["queued", ["queued"]])
            assert.strictEqual((yield* worker.status).job_count, 0)
            assert.deepStrictEqual([yield* journal.openClaims, yield* journal.reports], [[], []])
            assert.match(
              String(asked.worker?.body.sysinfo["status_text"]),
              /^Takes no jobs: a job could not be started here: .*ENOSPC/
            )
            yield* advance("1 minute")
            const { reported = [] } = first(yield* central.get) ?? {}
            assert.deepStrictEqual([...new Set(reported)], ["queued"])
            assert.isAtMost(reported.length, 3)
            full = false
            yield* runner.refuse(undefined)
            const [job] = yield* within(
              "36 seconds",
              runner.until((jobs) => jobs.length === 1)
            )
            yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
            yield* within(
              "10 seconds",
              central.until((c) => first(c)?.state === "success")
            )
            yield* advance("30 seconds")
            assert.deepStrictEqual(yield* journal.openClaims, [])
            assert.notMatch(
              String((yield* central.get).worker?.body.sysinfo["status_text"]),
              /^Takes no jobs/
            )
          })
        )
      }
    )
  }

  it.effect("… and dropped where the site may have given it away already", () =>
    withWorker(
      { noJobFolders: Effect.succeed("ENOSPC: no space left on device") },
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const journal = yield* Journal
        const job = testJob("a")
        const token = `e30.${Buffer.from('{"exp":30}').toString("base64url")}.s`
        yield* central.addJob({ ...job, command: { ...job.command, token } })
        yield* within(
          "10 seconds",
          central.until((c) => first(c)?.state === "restarting")
        )
        yield* advance("1 minute")
        assert.deepStrictEqual(first(yield* central.get)?.reported, [])
        assert.deepStrictEqual([yield* journal.openClaims, yield* journal.reports], [[], []])
        assert.strictEqual((yield* worker.status).job_count, 0)
      })
    )
  )

  it.effect("an unsafe log path fails the job with a line that reaches the site", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* central.addJob(testJob("a", { logPath: "../../etc/passwd" }))
        const after = yield* within(
          "20 seconds",
          central.until((c) => first(c)?.state === "failed" && first(c)?.log !== "")
        )
        assert.include(first(after)?.log, "etc/passwd")
        assert.deepStrictEqual(yield* runner.jobs, [])
      })
    )
  )

  it.effect(
    "a refused state report loses nothing: the slot stays held until the process is gone, the end is told",
    () =>
      withWorker(
        { concurrency: 1 },
        Effect.gen(function* () {
          const central = yield* TestCentral
          const runner = yield* TestRunner
          const refuse = new SiteUnavailable({
            operation: "report",
            reason: "404",
            status: 404,
            ambiguous: false
          })
          yield* central.fault("report", { refuse })
          yield* central.addJob(testJob("a"))
          yield* central.addJob(testJob("b"))
          const [job] = yield* within(
            "10 seconds",
            runner.until((jobs) => jobs.length === 1)
          )
          yield* advance("10 minutes")
          assert.strictEqual((yield* runner.jobs).length, 1)
          yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
          // The slot is free at once although the site has not heard of the end.
          yield* within(
            "2 seconds",
            runner.until((jobs) => jobs.length === 2)
          )
          yield* central.fault("report", undefined)
          yield* within(
            "91 seconds",
            central.until((c) => first(c)?.state === "success")
          )
          // `running` was withdrawn: it would have come after the end was known.
          assert.deepStrictEqual(first(yield* central.get)?.reported, ["success"])
        })
      )
  )

  it.effect("a log push that the site refuses loses neither the job nor a byte", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const files = yield* MemoryFileTail
        yield* central.fault("log", { refuse: down })
        const job = yield* oneStarts
        yield* files.append(log, "line 1\n")
        yield* advance("10 minutes")
        assert.strictEqual((yield* worker.status).log_bytes_waiting, 7)
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* within(
          "10 seconds",
          central.until((c) => first(c)?.state === "success")
        )
        yield* central.fault("log", undefined)
        yield* within(
          "91 seconds",
          central.until((c) => first(c)?.log === "line 1\n")
        )
      })
    )
  )

  it.effect("the log of a deleted task instance is given up, but not while the heartbeat fails too", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const files = yield* MemoryFileTail
        const waiting = Effect.map(worker.status, ({ log_bytes_waiting }) => log_bytes_waiting)
        const refuse = new SiteUnavailable({ operation: "log", reason: "500", status: 500, ambiguous: true })
        yield* central.fault("log", { refuse })
        const job = yield* oneStarts
        yield* files.append(log, "line 1\n")
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* within(
          "10 seconds",
          central.until((c) => first(c)?.state === "success")
        )
        assert.deepStrictEqual((yield* worker.status).jobs, [], "what has ended does not run")
        yield* central.fault("heartbeat", { refuse: down })
        yield* advance("20 minutes")
        assert.strictEqual(yield* waiting, 7)
        yield* central.fault("heartbeat", undefined)
        yield* advance("5 minutes")
        assert.strictEqual(yield* waiting, 0)
      })
    )
  )

  it.effect("a bug in a runner fails the job with its words, and frees its slot", () =>
    Effect.gen(function* () {
      const central = yield* TestCentral
      const worker = yield* Worker
      yield* within("5 seconds", worker.registered)
      yield* central.addJob(testJob("a"))
      const after = yield* within(
        "10 seconds",
        central.until((c) => first(c)?.state === "failed" && first(c)?.log !== "")
      )
      assert.include(first(after)?.log, "could not be started: the worker failed: Error: a bug")
      yield* advance("1 second")
      assert.deepInclude(yield* worker.status, { job_count: 0, free_concurrency: 2 })
    }).pipe(
      Effect.scoped,
      Effect.provide(
        TestWorker.layer({
          runner: Layer.succeed(Runner, {
            start: () => Effect.die(new Error("a bug")),
            adopt: () => Effect.die("Unexpected call")
          })
        })
      )
    )
  )

  it.effect("a log line reaches the site within a second", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const files = yield* MemoryFileTail
        yield* central.addJob(testJob("a"))
        yield* within(
          "10 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
        yield* advance("1 minute")
        yield* files.append(log, "hello\n")
        yield* within(
          "1 second",
          central.until((c) => first(c)?.log === "hello\n")
        )
      })
    )
  )

  it.effect("the journal is empty when all is told", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        const journal = yield* Journal
        const job = yield* oneStarts
        assert.strictEqual((yield* journal.openClaims).length, 1)
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* within(
          "10 seconds",
          central.until((c) => first(c)?.state === "success")
        )
        yield* advance("1 second")
        assert.deepStrictEqual([yield* journal.openClaims, yield* journal.reports], [[], []])
      })
    )
  )
})
