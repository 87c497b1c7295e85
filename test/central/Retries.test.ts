/** Retries at the embedded central: when a try that has failed is followed by another one, and as which job. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { runState } from "../../src/central/DagRuns.ts"
import { Jobs } from "../../src/central/Jobs.ts"
import type { Repository } from "../../src/central/Repository.ts"
import { Sweeper } from "../../src/central/Sweeper.ts"
import { Tasks } from "../../src/central/Tasks.ts"
import type { TaskStateBody } from "../../src/protocol/execution/TaskStates.ts"
import type { Job } from "../../src/protocol/Job.ts"
import { claim, jobsLayer, key, knowWorker, report, stateOf, submission } from "./jobsHarness.ts"

const settings = { defaultTaskRetryDelay: Duration.seconds(300), jobFailPurge: Duration.minutes(60) }

const layer = Tasks.layer.pipe(Layer.provideMerge(jobsLayer(settings)))

const test = (name: string, body: Effect.Effect<void, unknown, Jobs | Repository | Sweeper | Tasks>) =>
  it.effect(name, () => body.pipe(Effect.provide(layer)))

const tryOf = (try_number: number) => ({ ...key, try_number })

const get = (try_number: number) => Jobs.use((jobs) => jobs.get(tryOf(try_number)))

const submit = (changes: Parameters<typeof submission>[0] = {}) =>
  Jobs.use((jobs) => jobs.submit(submission({ retries: 2, retry_delay: 60, ...changes }), "ada"))

const begin = {
  state: "running",
  hostname: "edge-1",
  unixname: "airflow",
  pid: 41,
  start_date: "1970-01-01T00:00:00Z"
} as const
const end_date = "1970-01-01T00:00:01Z"

/** The next job, whose worker has confirmed it. */
const claimed = Effect.tap(claim("w1"), (job) => report(job, "running"))

/** The next job, whose task runs; with what it was told at its beginning. */
const started = Effect.gen(function* () {
  const job = yield* claimed
  const tasks = yield* Tasks
  return { job, context: yield* tasks.run(job.task_instance_id ?? "", begin) }
})

const says = (job: Job, body: TaskStateBody) =>
  Tasks.use((tasks) => tasks.setState(job.task_instance_id ?? "", body))

const sweepAfter = (duration: Duration.Input) =>
  Effect.andThen(
    TestClock.adjust(duration),
    Sweeper.use(({ sweep }) => sweep)
  )

describe("a job with retries", () => {
  test(
    "whose task asks for another try runs again, as a job of its own, until none is left",
    Effect.gen(function* () {
      yield* submit({ conf: { n: 1 }, queue: "gpu", slots: 2, priority: 7 })
      const ids = new Set<string>()
      for (const attempt of [1, 2, 3]) {
        const { context, job } = yield* started
        ids.add(job.task_instance_id ?? "")
        assert.strictEqual(job.try_number, attempt)
        assert.deepInclude(context, { max_tries: 2, should_retry: attempt < 3 })
        assert.deepInclude(job, { conf: { n: 1 }, concurrency_slots: 2 })
        if (job.command.type !== "ExecuteTask") return assert.fail("no task")
        assert.deepInclude(job.command.ti, { try_number: attempt, queue: "gpu", priority_weight: 7 })
        assert.strictEqual(job.command.ti.id, job.task_instance_id)
        assert.match(job.command.log_path ?? "", new RegExp(`attempt=${attempt}.log$`))
        assert.strictEqual(yield* says(job, { state: "up_for_retry", end_date }), "changed")
        assert.strictEqual(yield* says(job, { state: "up_for_retry", end_date }), "already")
        assert.strictEqual(yield* stateOf(tryOf(attempt)), "running")
        yield* report(job, "success")
        yield* report(job, "success")
        assert.deepInclude(yield* get(attempt), { state: "failed", retried: attempt < 3 })
        if (attempt === 3) break
        assert.deepInclude(yield* get(attempt + 1), {
          state: "up_for_retry",
          retried: false,
          worker: null,
          claims: 0,
          submittedBy: "ada"
        })
        yield* sweepAfter("59999 millis")
        assert.strictEqual(yield* Effect.flip(claim("w1")), "no job")
        yield* sweepAfter("1 millis")
        assert.strictEqual(yield* stateOf(tryOf(attempt + 1)), "queued")
      }
      assert.strictEqual(ids.size, 3)
      assert.strictEqual((yield* Effect.flip(get(4)))._tag, "JobUnknown")
    })
  )

  test(
    "waits as long as its task asks, else as the job says, else as the site does",
    Effect.gen(function* () {
      const waited = Effect.fnUntraced(function* (run_id: string, changes: object, own?: number) {
        yield* Jobs.use((jobs) => jobs.submit({ ...submission({ run_id, retries: 1 }), ...changes }, "ada"))
        const { job } = yield* started
        yield* TestClock.adjust("7 seconds")
        yield* says(job, { state: "up_for_retry", end_date, retry_delay_seconds: own ?? null })
        yield* report(job, "success")
        const { lastUpdate, queuedAt, state } = yield* Jobs.use((jobs) => jobs.get({ ...tryOf(2), run_id }))
        yield* Jobs.use((jobs) => jobs.cancel({ ...tryOf(2), run_id }, "ada"))
        return [state, (queuedAt - lastUpdate) / 1000]
      })
      assert.deepStrictEqual(yield* waited("a", { retry_delay: 60 }, 5.5), ["up_for_retry", 5.5])
      assert.deepStrictEqual(yield* waited("b", { retry_delay: 60 }, 0), ["queued", 0])
      assert.deepStrictEqual(yield* waited("c", { retry_delay: 60 }), ["up_for_retry", 60])
      assert.deepStrictEqual(yield* waited("d", { retry_delay: 0 }), ["queued", 0])
      assert.deepStrictEqual(yield* waited("e", {}), ["up_for_retry", 300])
      assert.deepStrictEqual(yield* waited("f", {}, 1e300), ["up_for_retry", 365 * 86_400])
      assert.deepStrictEqual(yield* waited("g", {}, -1), ["queued", 0])
    })
  )

  test(
    "is tried again where no task has said how it ended: a command that failed, a task that was lost",
    Effect.gen(function* () {
      yield* submit({ retry_delay: 0 })
      yield* report(yield* claimed, "failed")
      assert.deepInclude(yield* get(1), { state: "failed", retried: true })
      const { job } = yield* started
      yield* report(job, "success")
      assert.deepInclude(yield* get(2), { state: "failed", retried: true })
      assert.match((yield* get(2)).reason ?? "", /without saying/)
      assert.strictEqual((yield* claimed).try_number, 3)
      yield* sweepAfter("300001 millis")
      assert.deepInclude(yield* get(3), { state: "failed", retried: false })
    })
  )

  test(
    "of a worker that is gone is tried again; whoever comes back late is refused",
    Effect.gen(function* () {
      yield* submit({ retry_delay: 0 })
      const job = yield* claimed
      yield* knowWorker({ name: "w1", state: "unknown", lastUpdate: 0, jobsActive: 1 })
      yield* sweepAfter("300001 millis")
      assert.deepInclude(yield* get(1), { state: "failed", retried: true, reason: "the worker w1 is gone" })
      assert.strictEqual(yield* stateOf(tryOf(2)), "queued")
      assert.strictEqual((yield* Effect.flip(report(job, "success")))._tag, "StaleHolder")
      yield* sweepAfter("1 seconds")
      assert.strictEqual((yield* Jobs.use((jobs) => jobs.list({}))).length, 2)
    })
  )

  for (const [body, word] of [
    [{ state: "failed", end_date }, "failed"],
    [{ state: "skipped", end_date }, "skipped"],
    [{ state: "removed", end_date }, "removed"],
    [{ state: "success", end_date }, "success"]
  ] as const)
    test(
      `is not tried again where its task says ${body.state}`,
      Effect.gen(function* () {
        yield* submit()
        const { job } = yield* started
        yield* says(job, body)
        yield* report(job, "failed")
        assert.deepInclude(yield* get(1), { state: word, retried: false })
        assert.strictEqual((yield* Effect.flip(get(2)))._tag, "JobUnknown")
      })
    )

  test(
    "is cancelled by the key of any try, wherever it stands",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* submit()
      yield* report(yield* claimed, "failed")
      const cancelled = yield* jobs.cancel(key, "bob")
      assert.deepInclude(cancelled, { key: tryOf(2), state: "removed", reason: "cancelled by bob" })
      assert.strictEqual((yield* jobs.cancel(key, "eve")).reason, "cancelled by bob")
      yield* sweepAfter("61 seconds")
      assert.strictEqual(yield* Effect.flip(claim("w1")), "no job")
      assert.deepInclude(yield* get(1), { state: "failed", reason: null })
    })
  )

  test(
    "keeps the logs of all of its tries as long as the last one",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* submit({ retries: 1, retry_delay: 86_400 })
      const first = yield* claimed
      yield* jobs.pushLog(first, { time: "t", text: "one" }, first.task_instance_id ?? null)
      yield* report(first, "failed")
      yield* sweepAfter("1 day")
      assert.strictEqual((yield* jobs.readLog(key, 0)).text, "one")
      const second = yield* claimed
      yield* jobs.pushLog(second, { time: "t", text: "two" }, second.task_instance_id ?? null)
      assert.strictEqual((yield* jobs.readLog(key, 0)).text, "one")
      assert.strictEqual((yield* jobs.readLog(tryOf(2), 0)).text, "two")
      yield* report(second, "success")
      yield* sweepAfter("5 minutes")
      assert.strictEqual((yield* jobs.list({})).length, 2)
      yield* sweepAfter("1 millis")
      assert.strictEqual((yield* jobs.list({})).length, 0)
      yield* submit()
      assert.strictEqual((yield* jobs.readLog(key, 0)).text, "")
    })
  )

  test(
    "makes its run fail by its last try alone, and keeps the run's time",
    Effect.gen(function* () {
      const run = Effect.map(
        Jobs.use((jobs) => jobs.list({})),
        (jobs) => runState(jobs)
      )
      yield* submit({ retries: 1, retry_delay: 60 })
      const first = yield* started
      yield* says(first.job, { state: "up_for_retry", end_date })
      yield* report(first.job, "success")
      assert.strictEqual(yield* run, "running")
      yield* sweepAfter("60 seconds")
      const { context, job } = yield* started
      assert.deepInclude(context.dag_run, { state: "running", logical_date: "1970-01-01T00:00:00.000Z" })
      yield* says(job, { state: "success", end_date })
      yield* report(job, "success")
      assert.strictEqual(yield* run, "success")
    })
  )
})
