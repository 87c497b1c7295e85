/** The life of a job at the embedded central: who may say what of it, and what becomes of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { StaleHolder } from "../../src/central/JobRules.ts"
import { Jobs } from "../../src/central/Jobs.ts"
import type { Repository } from "../../src/central/Repository.ts"
import { Workers } from "../../src/central/Workers.ts"
import { CentralConfig } from "../../src/config/CentralConfig.ts"
import type { JobState } from "../../src/protocol/EdgeApi.ts"
import { testCentralSettings } from "../../src/testing/centralSettings.ts"
import { claim, jobsLayer, key, report, stateOf, submission } from "./jobsHarness.ts"
import { sysinfo } from "./served.ts"

const submit = Effect.fnUntraced(function* (changes: Parameters<typeof submission>[0] = {}) {
  const jobs = yield* Jobs
  return yield* jobs.submit(submission(changes), "ada")
})

const test = (name: string, body: Effect.Effect<void, unknown, Jobs | Repository>) =>
  it.effect(name, () => body.pipe(Effect.provide(jobsLayer())))

describe("a submitted job", () => {
  test(
    "reaches a worker as Airflow's own workload, with its conf beside it",
    Effect.gen(function* () {
      yield* submit({ conf: { n: 1 }, slots: 3, priority: 7, queue: "gpu", map_index: 2 })
      const job = yield* claim("w1")
      const id = job.task_instance_id ?? ""
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
      if (job.command.type !== "ExecuteTask") return assert.fail("no task")
      const { dag_version_id, ...ti } = job.command.ti
      assert.match(dag_version_id, /^[0-9a-f]{8}-/)
      assert.deepStrictEqual(
        { ...job, command: { ...job.command, ti } },
        {
          ...key,
          map_index: 2,
          concurrency_slots: 3,
          task_instance_id: id,
          conf: { n: 1 },
          command: {
            type: "ExecuteTask",
            token: `token-of-${id}`,
            dag_rel_path: "dag.py",
            bundle_info: { name: "dags-folder", version: null },
            log_path: "dag_id=dag/run_id=run/task_id=task/map_index=2/attempt=1.log",
            ti: {
              ...key,
              map_index: 2,
              id,
              hostname: null,
              queue: "gpu",
              pool_slots: 3,
              priority_weight: 7,
              context_carrier: {}
            },
            sentry_integration: ""
          }
        }
      )
    })
  )

  test(
    "has a key of its own: a second one of the same key is refused, runs without a name are told apart",
    Effect.gen(function* () {
      yield* submit()
      assert.strictEqual((yield* Effect.flip(submit()))._tag, "JobExists")
      const jobs = yield* Jobs
      const { run_id: _, ...nameless } = submission()
      const first = yield* jobs.submit(nameless, "ada")
      const second = yield* jobs.submit(nameless, "ada")
      assert.deepStrictEqual(
        [first.key.run_id, second.key.run_id],
        ["manual__1970-01-01T00:00:00.000000+00:00", "manual__1970-01-01T00:00:00.000001+00:00"]
      )
    })
  )

  test(
    "of the worker's queues alone is given to it; no queues are all",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* submit({ queue: "gpu" })
      const ask = (queues: ReadonlyArray<string> | null) =>
        jobs.fetch("w1", { free_concurrency: 1, queues }, null)
      assert.isTrue(Option.isNone(yield* ask(["default"])))
      assert.isTrue(Option.isSome(yield* ask([])))
    })
  )
})

describe("a report", () => {
  test(
    "of the holder is accepted, and again; an ended job never changes",
    Effect.gen(function* () {
      yield* submit()
      const job = yield* claim("w1")
      assert.strictEqual(yield* stateOf(key), "restarting")
      for (const state of ["running", "running", "success", "success"] as const) {
        yield* report(job, state)
        assert.strictEqual(yield* stateOf(key), state)
      }
      for (const state of ["running", "failed", "queued", "removed"] as const) {
        assert.instanceOf(yield* Effect.flip(report(job, state)), StaleHolder)
      }
      assert.strictEqual(yield* stateOf(key), "success")
    })
  )

  test(
    "`queued` hands the job back, and says so twice without harm; `running` is too late then",
    Effect.gen(function* () {
      yield* submit()
      const job = yield* claim("w1")
      yield* report(job, "queued")
      yield* report(job, "queued")
      assert.instanceOf(yield* Effect.flip(report(job, "running")), StaleHolder)
      assert.strictEqual(yield* stateOf(key), "queued")
    })
  )

  test(
    "of a former holder is refused in every state",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* submit()
      const former = yield* claim("w1")
      assert.strictEqual(yield* jobs.releaseClaimsOf("w2"), 0)
      assert.strictEqual(yield* jobs.releaseClaimsOf("w1"), 1)
      const holder = yield* claim("w2")
      yield* report(holder, "running")
      for (const state of ["running", "success", "failed", "queued"] as const) {
        assert.instanceOf(yield* Effect.flip(report(former, state)), StaleHolder)
        assert.strictEqual(yield* stateOf(key), "running")
      }
      assert.strictEqual(yield* jobs.releaseClaimsOf("w2"), 0)
      const nobody = jobs.report(key, "success", null)
      assert.instanceOf(yield* Effect.flip(nobody), StaleHolder)
    })
  )

  test(
    "of a job that was purged is accepted, one of a state that no worker reports is not",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* jobs.report(key, "success", "x")
      yield* submit()
      const job = yield* claim("w1")
      for (const state of ["scheduled", "restarting", "deferred"] satisfies ReadonlyArray<JobState>) {
        assert.strictEqual((yield* Effect.flip(report(job, state)))._tag, "NotReportable")
      }
    })
  )
})

describe("cancel", () => {
  test(
    "takes a queued job away at once, and is the same when it is asked for twice",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* submit()
      assert.strictEqual((yield* jobs.cancel(key, "bob")).reason, "cancelled by bob")
      assert.strictEqual((yield* jobs.cancel(key, "eve")).reason, "cancelled by bob")
      assert.strictEqual(yield* Effect.flip(claim("w1")), "no job")
    })
  )

  test(
    "of a job that runs is told to its holder, whatever it reports",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* submit()
      const job = yield* claim("w1")
      yield* report(job, "running")
      yield* jobs.cancel(key, "bob")
      for (const state of ["running", "success", "failed", "removed"] as const) {
        const error = yield* Effect.flip(report(job, state))
        assert.strictEqual(error.message, "this job was cancelled by bob")
      }
      assert.strictEqual(yield* stateOf(key), "removed")
    })
  )

  test(
    "is refused for a job that has ended, and for one that is not there",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      assert.strictEqual((yield* Effect.flip(jobs.cancel(key, "bob")))._tag, "JobUnknown")
      yield* submit()
      yield* report(yield* claim("w1"), "success")
      assert.strictEqual((yield* Effect.flip(jobs.cancel(key, "bob")))._tag, "JobEnded")
    })
  )
})

describe("a worker", () => {
  test(
    "is told for a while what was ended while it had it, and not what it ended itself",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* submit()
      yield* submit({ task_id: "other" })
      const job = yield* claim("w1")
      yield* report(yield* claim("w1"), "failed")
      yield* jobs.cancel(job, "bob")
      assert.deepStrictEqual(yield* jobs.revokedFrom("w1"), [job.task_instance_id ?? ""])
      assert.deepStrictEqual(yield* jobs.revokedFrom("w2"), [])
      yield* TestClock.adjust("11 minutes")
      assert.deepStrictEqual(yield* jobs.revokedFrom("w1"), [])
    })
  )

  test(
    "hears of it in the answer to its heartbeat",
    Effect.gen(function* () {
      const workers = yield* Workers.pipe(
        Effect.provide(Workers.layer),
        Effect.provideService(CentralConfig, testCentralSettings())
      )
      const jobs = yield* Jobs
      const body = { state: "running", jobs_active: 1, sysinfo } as const
      yield* workers.register("w1", { ...body, state: "starting" })
      yield* submit()
      const job = yield* claim("w1")
      assert.notProperty(yield* workers.heartbeat("w1", body), "revoked")
      yield* jobs.cancel(job, "bob")
      assert.deepStrictEqual((yield* workers.heartbeat("w1", body)).revoked, [job.task_instance_id ?? ""])
      assert.notProperty(yield* workers.heartbeat("w1", { ...body, jobs_active: 0 }), "revoked")
    })
  )
})

describe("a log", () => {
  test(
    "is read on from any place, and has ended when the job has and nothing came for a moment",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* submit()
      const job = yield* claim("w1")
      const push = (time: string, text: string) =>
        jobs.pushLog(key, { time, text }, job.task_instance_id ?? null)
      assert.strictEqual(yield* push("t1", "one\n"), "kept")
      assert.strictEqual(yield* push("t1", "one\n"), "kept")
      assert.strictEqual(yield* push("t1", "other"), "taken")
      assert.strictEqual(yield* push("t1", ""), "taken")
      assert.strictEqual(yield* push("t2", "two\n"), "kept")
      const all = yield* jobs.readLog(key, 0)
      assert.deepStrictEqual(all, { text: "one\ntwo\n", next: 8, ended: false, state: "restarting" })
      assert.strictEqual((yield* jobs.readLog(key, 4)).text, "two\n")
      yield* report(job, "success")
      assert.isFalse((yield* jobs.readLog(key, 8)).ended)
      yield* push("t3", "rest")
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* jobs.readLog(key, 8), {
        text: "rest",
        next: 12,
        ended: false,
        state: "success"
      })
      assert.isTrue((yield* jobs.readLog(key, 12)).ended)
    })
  )

  test(
    "does not keep what a former holder says",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* submit()
      const former = yield* claim("w1")
      yield* jobs.releaseClaimsOf("w1")
      yield* claim("w2")
      const push = (id: string | null) => jobs.pushLog(key, { time: "t", text: "x" }, id)
      assert.strictEqual(yield* push(former.task_instance_id ?? null), "ignored")
      assert.strictEqual(yield* push(null), "ignored")
      assert.strictEqual((yield* jobs.readLog(key, 0)).text, "")
    })
  )
})

describe("a raw workload", () => {
  const ti = {
    ...key,
    id: "01900000-0000-7000-8000-000000000000",
    dag_version_id: "01900000-0000-7000-8000-000000000001",
    pool_slots: 2,
    priority_weight: 1
  }
  const workload = {
    type: "ExecuteTask",
    token: "its own",
    dag_rel_path: "d.py",
    bundle_info: { name: "b" },
    log_path: null,
    ti,
    extra: 1
  }

  test(
    "is given to the worker as it is",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* jobs.submitRaw({ workload }, "ada")
      const job = yield* claim("w1")
      assert.deepStrictEqual(job.command as unknown, workload)
      assert.strictEqual(job.task_instance_id, ti.id)
      assert.strictEqual(job.concurrency_slots, 2)
    })
  )

  test(
    "is a task of Airflow and nothing else",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const callback = {
        ...workload,
        type: "ExecuteCallback",
        callback: { id: "c", fetch_method: "import_path", data: {} }
      }
      for (const wrong of [
        callback,
        {},
        null,
        { ...workload, ti: { ...ti, id: "x" } },
        { ...workload, ti: { ...ti, dag_id: "" } }
      ]) {
        const error = yield* Effect.flip(jobs.submitRaw({ workload: wrong }, "ada"))
        assert.strictEqual(error._tag, "WorkloadRefused")
      }
    })
  )
})
