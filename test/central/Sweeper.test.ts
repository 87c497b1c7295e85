/** The sweeper's rules, each before and after its limit: Airflow's keys and defaults (edge3 5.1.0, `executors/edge_executor.py`). */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { StaleHolder } from "../../src/central/JobRules.ts"
import { Jobs } from "../../src/central/Jobs.ts"
import { Repository } from "../../src/central/Repository.ts"
import { Sweeper } from "../../src/central/Sweeper.ts"
import type { WorkerRecord } from "../../src/central/WorkerRecord.ts"
import { claim, jobsLayer, key, knowWorker, report, stateOf, submission } from "./jobsHarness.ts"

const settings = {
  heartbeatInterval: Duration.seconds(30),
  claimTimeout: Duration.seconds(60),
  taskInstanceHeartbeatTimeout: Duration.seconds(300),
  jobSuccessPurge: Duration.minutes(5),
  jobFailPurge: Duration.minutes(60)
}

const test = (name: string, body: Effect.Effect<void, unknown, Jobs | Repository | Sweeper>) =>
  it.effect(name, () => body.pipe(Effect.provide(jobsLayer(settings))))

/** Moves the clock and looks once. */
const sweepAfter = (duration: Duration.Input) =>
  Effect.andThen(
    TestClock.adjust(duration),
    Sweeper.use(({ sweep }) => sweep)
  )

const workers = Repository.use((repository) => repository.workers({}))

const submit = Jobs.use((jobs) => jobs.submit(submission(), "ada"))

/** A job that a worker has confirmed. */
const running = Effect.gen(function* () {
  yield* submit
  const job = yield* claim("w1")
  yield* report(job, "running")
  return job
})

const taskRun = {
  hostname: "edge-1",
  unixname: "airflow",
  pid: 41,
  startDate: "1970-01-01T00:00:00Z",
  firstStart: "1970-01-01T00:00:00Z",
  reschedules: 1,
  endDate: null,
  wakeAt: 200_000
}

describe("Sweeper", () => {
  test(
    "finds workers silent after five heartbeats, and remembers their maintenance",
    Effect.gen(function* () {
      const sysinfo = { status: 20, status_text: "all is well", version: "1" }
      const states: ReadonlyArray<readonly [WorkerRecord["state"], WorkerRecord["state"]]> = [
        ["idle", "unknown"],
        ["running", "unknown"],
        ["starting", "unknown"],
        ["terminating", "unknown"],
        ["shutdown request", "unknown"],
        ["maintenance exit", "unknown"],
        ["maintenance request", "offline maintenance"],
        ["maintenance pending", "offline maintenance"],
        ["maintenance mode", "offline maintenance"],
        ["offline", "offline"]
      ]
      for (const [state] of states) yield* knowWorker({ name: state, state, sysinfo })
      yield* sweepAfter("150 seconds")
      for (const worker of yield* workers) assert.strictEqual(worker.state, worker.name)
      yield* sweepAfter("1 millis")
      const after = new Map((yield* workers).map((worker) => [worker.name, worker]))
      for (const [state, expected] of states) assert.strictEqual(after.get(state)?.state, expected)
      assert.deepStrictEqual(after.get("idle")?.sysinfo, { status: 0, version: "1" })
      assert.deepStrictEqual(after.get("offline")?.sysinfo, sysinfo)
      assert.strictEqual(after.get("idle")?.lastUpdate, 0)
    })
  )

  test(
    "queues a claim again that is not confirmed in time; who comes late is refused",
    Effect.gen(function* () {
      yield* submit
      const late = yield* claim("w1")
      yield* sweepAfter("60 seconds")
      assert.strictEqual(yield* stateOf(key), "restarting")
      yield* sweepAfter("1 millis")
      assert.strictEqual(yield* stateOf(key), "queued")
      assert.instanceOf(yield* Effect.flip(report(late, "running")), StaleHolder)
      const next = yield* claim("w2")
      assert.instanceOf(yield* Effect.flip(report(late, "success")), StaleHolder)
      yield* report(next, "running")
      yield* knowWorker({ name: "w2", lastUpdate: 60_001, jobsActive: 1 })
      yield* sweepAfter("61 seconds")
      assert.strictEqual(yield* stateOf(key), "running")
    })
  )

  for (const state of ["unknown", "offline", "offline maintenance"] as const) {
    test(
      `fails the job of a worker that is ${state} for too long`,
      Effect.gen(function* () {
        const job = yield* running
        yield* knowWorker({ name: "w1", state, lastUpdate: 100_000, jobsActive: 1 })
        yield* sweepAfter("400 seconds")
        assert.strictEqual(yield* stateOf(key), "running")
        yield* sweepAfter("1 millis")
        const { reason, state: now } = yield* Jobs.use((jobs) => jobs.get(key))
        assert.deepStrictEqual([now, reason], ["failed", "the worker w1 is gone"])
        assert.instanceOf(yield* Effect.flip(report(job, "success")), StaleHolder)
        yield* report(job, "failed")
      })
    )
  }

  for (const [said, state] of [
    ["running", "failed"],
    ["success", "success"],
    ["skipped", "skipped"],
    ["up_for_reschedule", "queued"]
  ] as const)
    test(
      `ends the job of a worker that is gone as its task has said: ${said}`,
      Effect.gen(function* () {
        const job = yield* running
        const taskInstanceId = job.task_instance_id ?? ""
        yield* Repository.use((repository) =>
          repository.changeJobs({}, (row) => ({ ...row, task: { ...taskRun, taskInstanceId, state: said } }))
        )
        yield* knowWorker({ name: "w1", state: "unknown", lastUpdate: 100_000, jobsActive: 1 })
        yield* sweepAfter("400001 millis")
        const { reason, state: now } = yield* Jobs.use((jobs) => jobs.get(key))
        assert.deepStrictEqual([now, reason], [state, said === "running" ? "the worker w1 is gone" : null])
      })
    )

  test(
    "fails the job of a worker that was removed",
    Effect.gen(function* () {
      yield* running
      yield* sweepAfter("300 seconds")
      assert.strictEqual(yield* stateOf(key), "running")
      yield* sweepAfter("1 millis")
      assert.strictEqual(yield* stateOf(key), "failed")
    })
  )

  test(
    "leaves the job of a worker that runs it, however long that takes",
    Effect.gen(function* () {
      yield* running
      for (let hour = 1; hour <= 10; hour++) {
        yield* knowWorker({ name: "w1", state: "running", lastUpdate: hour * 3_600_000, jobsActive: 1 })
        yield* sweepAfter("1 hour")
      }
      assert.strictEqual(yield* stateOf(key), "running")
    })
  )

  test(
    "fails the job of a worker that is there and has run nothing for too long",
    Effect.gen(function* () {
      yield* running
      const beat = (at: number, jobsActive: number) =>
        knowWorker({ name: "w1", state: "idle", lastUpdate: at, jobsActive })
      yield* beat(400_000, 0)
      yield* sweepAfter("400 seconds")
      yield* beat(600_000, 1)
      yield* sweepAfter("200 seconds")
      yield* beat(700_000, 0)
      yield* sweepAfter("100 seconds")
      yield* beat(999_000, 0)
      yield* sweepAfter("299 seconds")
      assert.strictEqual(yield* stateOf(key), "running")
      yield* sweepAfter("1 seconds")
      assert.strictEqual(
        (yield* Jobs.use((jobs) => jobs.get(key))).reason,
        "the worker w1 does not run it any more"
      )
    })
  )

  for (const [end, minutes] of [
    ["success", 5],
    ["failed", 60],
    ["skipped", 60],
    ["removed", 60]
  ] as const) {
    test(
      `forgets a job that ended ${end}, and its log, after ${minutes} minutes`,
      Effect.gen(function* () {
        const job = yield* running
        const jobs = yield* Jobs
        yield* jobs.pushLog(key, { time: "t", text: "old" }, job.task_instance_id ?? null)
        yield* report(job, end)
        yield* sweepAfter(`${minutes} minutes`)
        assert.strictEqual(yield* stateOf(key), end)
        yield* sweepAfter("1 millis")
        assert.strictEqual((yield* Effect.flip(stateOf(key)))._tag, "JobUnknown")
        yield* submit
        assert.strictEqual((yield* jobs.readLog(key, 0)).text, "")
      })
    )
  }

  test(
    "removes a log that came after its job was removed, and what people did long ago",
    Effect.gen(function* () {
      const repository = yield* Repository
      yield* repository.appendLog(key, { time: "t", text: "late" })
      const entry = { user: "ada", action: "shutdown", target: "w1", detail: null }
      yield* repository.addAudit({ ...entry, at: 0 })
      yield* sweepAfter("1 millis")
      assert.strictEqual((yield* repository.readLog(key, 0, 9)).text, "")
      assert.strictEqual((yield* repository.audits(9)).length, 1)
      yield* sweepAfter("90 days")
      assert.strictEqual((yield* repository.audits(9)).length, 0)
    })
  )

  it.effect("keeps for ever what people did where that is wanted", () =>
    Effect.gen(function* () {
      const repository = yield* Repository
      yield* repository.addAudit({ user: "ada", action: "shutdown", target: "w1", detail: null, at: 0 })
      yield* sweepAfter("2000 days")
      assert.strictEqual((yield* repository.audits(9)).length, 1)
    }).pipe(Effect.provide(jobsLayer({ ...settings, auditRetention: Duration.zero })))
  )

  test(
    "looks again and again",
    Effect.gen(function* () {
      const { run } = yield* Sweeper
      yield* Effect.forkChild(run)
      yield* submit
      yield* claim("w1")
      yield* TestClock.adjust("70 seconds")
      assert.strictEqual(yield* stateOf(key), "queued")
    })
  )
})
