/** The contract of the repository on every store: jobs by their claims, task runs, XComs and variables. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { JobFilter, JobRecord } from "../../src/central/JobRecord.ts"
import type { Repository } from "../../src/central/Repository.ts"
import type { TaskRun } from "../../src/central/TaskRun.ts"
import type { XComRecord } from "../../src/central/XComRecord.ts"
import { ask, jobRecord } from "../central/records.ts"
import { onEach, putJob } from "../central/stores.ts"

/** What databases could take for something else. */
const odd = "a\u0000b\u001ac \ud83d\ude00 \ud83d ' \" \\ % _ é\n"

const run: TaskRun = {
  taskInstanceId: "one",
  state: "up_for_reschedule",
  hostname: odd,
  unixname: "airflow",
  pid: 41,
  startDate: "2026-11-28T12:00:00.123456Z",
  firstStart: "2026-11-28T11:00:00Z",
  reschedules: 2,
  endDate: null,
  wakeAt: 1_800_000_000_123
}

const xcom = (changes: Partial<XComRecord> = {}): XComRecord => ({
  dag_id: "dag",
  run_id: "run",
  task_id: "task",
  map_index: -1,
  key: "return_value",
  value: "1.0",
  storedAt: 1000,
  ...changes
})

export const taskSuite = <E>(name: string, layer: Layer.Layer<Repository, E>) => {
  const test = onEach(layer)

  describe(`Repository on ${name}: tasks`, () => {
    test("a job is found by its present claim, and by no former one", (store) =>
      Effect.gen(function* () {
        const job = jobRecord("a", { taskInstanceId: "one", task: run })
        yield* store.addJob(job)
        yield* store.addJob(jobRecord("b", { taskInstanceId: odd, state: "success" }))
        assert.deepStrictEqual(yield* store.jobOf("one"), job)
        assert.strictEqual((yield* store.jobOf(odd))?.key.task_id, "b")
        assert.isUndefined(yield* store.jobOf("two"))
        yield* store.claimJob(ask("w", { taskInstanceId: "two" }))
        assert.isUndefined(yield* store.jobOf("one"))
        // what a former claim has told stays: a rescheduled task comes back to it
        assert.deepStrictEqual((yield* store.jobOf("two"))?.task, run)
      }))

    test("jobs are found by whole names", (store) =>
      Effect.gen(function* () {
        const { key } = jobRecord("a")
        yield* Effect.forEach(
          [
            { ...key, run_id: odd },
            { ...key, run_id: `${odd}x` },
            { ...key, run_id: odd, task_id: "b" },
            { ...key, run_id: odd, dag_id: "other" }
          ],
          (one) => store.addJob({ ...jobRecord("a"), key: one })
        )
        const found = yield* store.jobs({ exactly: { dag_id: key.dag_id, run_id: odd } })
        assert.sameMembers(
          found.map((one) => one.key.task_id),
          ["a", "b"]
        )
        assert.lengthOf(yield* store.jobs({ exactly: { dag_id: key.dag_id, task_id: "a" } }), 2)
        assert.lengthOf(yield* store.jobs({ exactly: {} }), 4)
      }))

    test("an XCom is kept as it was given, in the place of the one before", (store) =>
      Effect.gen(function* () {
        const value = `{"f":1.0,"big":9007199254740993,"s":${JSON.stringify(odd)},"2":1,"1":${"[".repeat(500)}${"]".repeat(500)}}`
        const one = xcom({
          dag_id: odd,
          run_id: odd,
          task_id: odd,
          key: odd.repeat(200),
          map_index: 3,
          value
        })
        assert.isUndefined(yield* store.xcom(one))
        yield* store.putXCom({ ...one, value: "null", storedAt: 1 })
        yield* store.putXCom(one)
        assert.deepStrictEqual(yield* store.xcom(one), one)
        assert.isUndefined(yield* store.xcom({ ...one, map_index: -1 }))
        assert.isTrue(yield* store.removeXCom(one))
        assert.isFalse(yield* store.removeXCom(one))
        assert.isUndefined(yield* store.xcom(one))
      }))

    test("XComs are found by each of their parts, in order", (store) =>
      Effect.gen(function* () {
        const [ten, two, later] = [
          xcom({ map_index: 10 }),
          xcom({ map_index: 2 }),
          xcom({ map_index: 2, run_id: "later", storedAt: 2000 })
        ]
        const others = [xcom({ key: "other" }), xcom({ task_id: "other" }), xcom({ dag_id: "other" })]
        yield* Effect.forEach([ten, two, later, ...others], (one) => store.putXCom(one))
        const ask = { dag_id: "dag", task_id: "task", key: "return_value" }
        assert.deepStrictEqual(yield* store.xcoms(ask), [later, two, ten])
        assert.deepStrictEqual(yield* store.xcoms({ ...ask, run_id: "run" }), [two, ten])
        assert.deepStrictEqual(yield* store.xcoms({ ...ask, map_index: 10 }), [ten])
        assert.lengthOf(yield* store.xcoms({ dag_id: "dag", task_id: "task" }), 4)
      }))

    test("XComs go with the last job of their run, whichever way it goes", (store) =>
      Effect.gen(function* () {
        const { key } = jobRecord("a")
        const of = { dag_id: key.dag_id, run_id: key.run_id }
        const filter = { dag_id: key.dag_id, task_id: "a" }
        const other = xcom({ ...of, run_id: "another", task_id: "a" })
        yield* putJob(store, jobRecord("a", { state: "success" }))
        yield* putJob(store, jobRecord("b", { state: "failed" }))
        yield* store.putXCom(xcom({ ...of, task_id: "a" }))
        yield* store.putXCom(other)
        yield* store.changeJobs({ states: ["success"] }, () => undefined)
        assert.lengthOf(yield* store.xcoms(filter), 2)
        yield* store.changeJobs({ states: ["failed"] }, () => undefined)
        assert.deepStrictEqual(yield* store.xcoms(filter), [other])
      }))

    test("a change may make another job, in the same transaction, unless there is one of that key", (store) =>
      Effect.gen(function* () {
        const one = jobRecord("a", { retries: 3, retryDelay: 86_400_000_000 })
        const two = { ...one, key: { ...one.key, try_number: 2 }, queue: "other" }
        yield* store.addJob(one)
        const failed = { ...one, state: "failed" as const, retried: true }
        assert.strictEqual(
          yield* store.changeJob(one.key, () => Result.succeed(["done", failed, two])),
          "done"
        )
        assert.sameDeepMembers([...(yield* store.jobs({}))], [failed, two])
        assert.deepStrictEqual(yield* store.jobs({ latest: true }), [two])
        yield* store.changeJob(one.key, (row) => Result.succeed([0, row, { ...two, queue: "third" }]))
        assert.deepStrictEqual(yield* store.job(two.key), two)
        const refused = yield* Effect.result(store.changeJob(two.key, () => Result.fail("refused")))
        assert.deepStrictEqual(refused, Result.fail("refused"))
      }))

    test("the earlier tries of a job go with its last one, and their logs; others stay", (store) =>
      Effect.gen(function* () {
        const tries = [1, 2, 3].map((try_number) => {
          const job = jobRecord("a", { state: "failed", retried: try_number < 3 })
          return { ...job, key: { ...job.key, try_number } }
        })
        const other = jobRecord("b", { retried: true })
        const alone = { ...other, key: { ...other.key, try_number: 3 }, retried: false }
        const hand = { ...other, key: { ...other.key, try_number: 2 }, retried: false }
        yield* Effect.forEach([...tries, other, alone, hand], store.addJob)
        for (const { key } of tries) yield* store.appendLog(key, { time: "1", text: "log" })
        yield* store.putXCom(xcom({ dag_id: other.key.dag_id, run_id: other.key.run_id }))
        const removed = yield* store.changeJobs({ exactly: { task_id: "a" }, latest: true }, () => undefined)
        assert.deepStrictEqual(removed, tries.slice(2))
        for (const { key } of tries) assert.strictEqual((yield* store.readLog(key, 0, 9)).text, "")
        assert.lengthOf(yield* store.jobs({}), 3)
        yield* store.changeJob(alone.key, () => Result.succeed([undefined, undefined]))
        assert.sameDeepMembers([...(yield* store.jobs({}))], [other, hand])
        const left = { dag_id: other.key.dag_id, task_id: "task" }
        assert.lengthOf(yield* store.xcoms(left), 1)
        yield* store.changeJob(hand.key, () => Result.succeed([undefined, undefined]))
        assert.lengthOf(yield* store.jobs({}), 0)
        assert.lengthOf(yield* store.xcoms(left), 0)
      }))

    test("a task writes what its job lets it, and nothing else", (store) =>
      Effect.gen(function* () {
        const job = jobRecord("a", { taskInstanceId: odd, task: run })
        yield* store.addJob(job)
        const writer = (
          taskInstanceId: string,
          seen: JobRecord | undefined,
          leave: Result.Result<0, "no">
        ) => ({
          taskInstanceId,
          may: (row: JobRecord | undefined) => {
            assert.deepStrictEqual(row, seen)
            return leave
          }
        })
        const [yes, no] = [writer(odd, job, Result.succeed(0)), writer(odd, job, Result.fail("no"))]
        const gone = writer("former", undefined, Result.fail("no"))
        const variable = { key: "v", value: "1", description: null }
        for (const refused of [no, gone])
          for (const effect of [
            store.putXCom(xcom(), refused),
            store.removeXCom(xcom(), refused),
            store.putVariable(variable, refused),
            store.removeVariable("v", refused)
          ])
            assert.strictEqual(yield* Effect.flip(effect as Effect.Effect<unknown, unknown>), "no")
        assert.isUndefined(yield* store.xcom(xcom()))
        assert.deepStrictEqual(yield* store.variableKeys, [])
        yield* store.putXCom(xcom(), yes)
        yield* store.putVariable(variable, yes)
        assert.deepStrictEqual(yield* store.xcom(xcom()), xcom())
        assert.deepStrictEqual(yield* store.variable("v"), variable)
        yield* Effect.flip(store.removeXCom(xcom(), no))
        assert.isTrue(yield* store.removeXCom(xcom(), yes))
        assert.isFalse(yield* store.removeXCom(xcom(), yes))
        assert.isTrue(yield* store.removeVariable("v", yes))
        assert.isFalse(yield* store.removeVariable("v", yes))
        assert.deepStrictEqual(yield* store.job(job.key), job)
      }))

    test("jobs are counted by run and state, XComs by what they are", (store) =>
      Effect.gen(function* () {
        const add = (task: string, run_id: string, changes: Partial<JobRecord>, map_index = -1) => {
          const job = jobRecord(task, changes)
          return store.addJob({ ...job, key: { ...job.key, run_id, map_index } })
        }
        const [early, late] = [1_700_000_000_123, 1_800_000_000_123]
        yield* add("a", odd, { queuedAt: early, lastUpdate: early, state: "success" })
        yield* add("b", odd, { queuedAt: late, lastUpdate: late, state: "success" })
        yield* add("b", odd, { queuedAt: 5, lastUpdate: 5 }, 13)
        yield* add("b", odd, { queuedAt: 6, lastUpdate: 6 }, 3)
        yield* add("a", "other", { retried: true, state: "failed" })
        const sorted = (filter: JobFilter) =>
          Effect.map(store.tallyJobs(filter), (all) =>
            all.toSorted((a, b) => a.queuedAt - b.queuedAt || (a.run_id < b.run_id ? -1 : 1))
          )
        const queued = { run_id: odd, state: "queued", retried: false, jobs: 2, queuedAt: 5, lastUpdate: 6 }
        const ended = { ...queued, state: "success", queuedAt: early, lastUpdate: late }
        const failed = {
          run_id: "other",
          state: "failed",
          retried: true,
          jobs: 1,
          queuedAt: 1000,
          lastUpdate: 1000
        }
        assert.deepStrictEqual(yield* sorted({}), [queued, failed, ended])
        assert.deepStrictEqual(yield* sorted({ runs: [odd], latest: true }), [queued, ended])
        assert.deepStrictEqual(yield* sorted({ tasks: ["a", "none"], states: ["success"] }), [
          { ...ended, jobs: 1, lastUpdate: early }
        ])
        assert.deepStrictEqual(yield* sorted({ mapIndex: 3 }), [{ ...queued, jobs: 1, queuedAt: 6 }])
        assert.deepStrictEqual(yield* sorted({ mapIndex: -1, runs: ["other"] }), [failed])
        assert.deepStrictEqual(yield* sorted({ runs: [] }), [])
        assert.lengthOf(yield* store.jobs({ mapIndex: 13, tasks: ["b"], runs: [odd] }), 1)
        for (const map_index of [1, 2]) yield* store.putXCom(xcom({ map_index }))
        yield* store.putXCom(xcom({ key: "another" }))
        const { dag_id, key, run_id, task_id } = xcom()
        assert.strictEqual(yield* store.countXComs({ dag_id, run_id, task_id, key }), 2)
        assert.strictEqual(yield* store.countXComs({ dag_id, task_id }), 3)
        assert.strictEqual(yield* store.countXComs({ dag_id, task_id, map_index: 7 }), 0)
      }))

    test("variables are kept, changed, listed and removed", (store) =>
      Effect.gen(function* () {
        const one = { key: odd, value: odd.repeat(3000), description: odd }
        assert.isUndefined(yield* store.variable(odd))
        yield* store.putVariable({ key: odd, value: "", description: null })
        yield* store.putVariable(one)
        yield* store.putVariable({ key: "b", value: null, description: null })
        assert.deepStrictEqual(yield* store.variable(odd), one)
        assert.deepStrictEqual(yield* store.variable("b"), { key: "b", value: null, description: null })
        assert.sameMembers([...(yield* store.variableKeys)], [odd, "b"])
        assert.isTrue(yield* store.removeVariable(odd))
        assert.isFalse(yield* store.removeVariable(odd))
        assert.deepStrictEqual(yield* store.variableKeys, ["b"])
      }))
  })
}
