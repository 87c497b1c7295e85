/** The contract of the repository on every store: workers, jobs and the audit; with it, its claims and its logs. */
import { createHash } from "node:crypto"
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { JobFilter, JobRecord } from "../../src/central/JobRecord.ts"
import type { Login, Repository } from "../../src/central/Repository.ts"
import type { WorkerFilter, WorkerRecord } from "../../src/central/WorkerRecord.ts"
import * as Json from "../../src/protocol/Json.ts"
import { jobRecord, workerRecord } from "../central/records.ts"
import { onEach, putWorker, taskOf } from "../central/stores.ts"
import { claimSuite } from "./repositoryClaims.ts"
import { logSuite } from "./repositoryLogs.ts"
import { taskSuite } from "./repositoryTasks.ts"

type Store = Repository["Service"]

const workerNames = (store: Store, filter: WorkerFilter) =>
  Effect.map(store.workers(filter), (workers) => workers.map(({ name }) => name))
const tasks = (store: Store, filter: JobFilter, limit?: number) =>
  Effect.map(store.jobs(filter, limit), (jobs) => jobs.map(taskOf))

/** Nothing that a database could store in less. */
const incompressible = createHash("shake256", { outputLength: 6000 }).update("").digest("base64")

/** As text: a number that `Json.parse` has kept is equal to another of the same digits only. */
const text = (value: unknown) => Json.stringify(value) ?? ""

/** Says where long texts begin to differ, not what all of them is. */
const assertSame = (actual: unknown, expected: unknown) => {
  const [found, wanted] = [text(actual), text(expected)]
  let at = 0
  while (at < wanted.length && found[at] === wanted[at]) at += 1
  assert.strictEqual(found.slice(at, at + 80), wanted.slice(at, at + 80))
  assert.strictEqual(found.length, wanted.length)
}

/** What databases and filters could take for something else. */
const odd = "a\u0000b\u001ac \ud83d\ude00 \ud83d ' \" \\ % _ é 漢 \u202e\n"

export const suite = <E>(name: string, layer: Layer.Layer<Repository, E>) => {
  const test = onEach(layer)
  claimSuite(name, layer)
  logSuite(name, layer)
  taskSuite(name, layer)

  describe(`Repository on ${name}: workers`, () => {
    test("a worker is kept as it was given, and changed as the change says", (store) =>
      Effect.gen(function* () {
        const worker = workerRecord(odd, {
          state: "maintenance request",
          maintenanceComment: odd.repeat(20),
          queues: ["one", odd, ""],
          firstOnline: 1_700_000_000_123,
          lastUpdate: 1_700_000_000_124,
          jobsActive: 3,
          sysinfo: { version: odd, load: 0.25, free: 2 ** 40, minus: -1 },
          team: odd,
          concurrency: 7
        })
        assert.isUndefined(yield* store.worker(odd))
        yield* putWorker(store, worker)
        assert.deepStrictEqual(yield* store.workers({}), [worker])
        assert.deepStrictEqual(yield* store.worker(odd), worker)
        assert.isUndefined(yield* store.worker("another"))
        const answer = yield* store.changeWorker(odd, (row) => {
          assert.deepStrictEqual(row, worker)
          return Result.succeed(["changed", { ...worker, queues: null, team: null, concurrency: null }])
        })
        assert.strictEqual(answer, "changed")
        assert.deepStrictEqual(yield* store.workers({}), [
          { ...worker, queues: null, team: null, concurrency: null }
        ])
      }))

    test("a change that leaves no row removes it, or makes none", (store) =>
      Effect.gen(function* () {
        const none = () => Result.succeed(["none", undefined] as const)
        assert.strictEqual(yield* store.changeWorker("w", none), "none")
        yield* putWorker(store, workerRecord("w"))
        yield* store.changeWorker("w", none)
        assert.deepStrictEqual(yield* store.workers({}), [])
      }))

    test("a change that fails or throws changes nothing", (store) =>
      Effect.gen(function* () {
        const worker = workerRecord("w")
        yield* putWorker(store, worker)
        const refused = yield* Effect.result(store.changeWorker("w", () => Result.fail("refused")))
        assert.deepStrictEqual(refused, Result.fail("refused"))
        const broken = yield* Effect.exit(
          store.changeWorker("w", (): never => {
            throw new Error("broken")
          })
        )
        assert.isTrue(Exit.isFailure(broken) && Cause.hasDies(broken.cause))
        const halfway = yield* Effect.exit(
          store.changeWorkers({}, (row): WorkerRecord => {
            if (row.name === "w") throw new Error("broken")
            return { ...row, jobsActive: 9 }
          })
        )
        assert.isTrue(Exit.isFailure(halfway))
        assert.deepStrictEqual(yield* store.workers({}), [worker])
        // and the store goes on
        yield* putWorker(store, workerRecord("x"))
        assert.deepStrictEqual(yield* workerNames(store, {}), ["w", "x"])
      }))

    test("changes of one worker at once are serialised, from its making on", (store) =>
      Effect.gen(function* () {
        yield* Effect.forEach(
          Array.from({ length: 25 }),
          () =>
            store.changeWorker("w", (row) => {
              const now = row ?? workerRecord("w")
              return Result.succeed([undefined, { ...now, jobsActive: now.jobsActive + 1 }])
            }),
          { concurrency: "unbounded" }
        )
        const [worker] = yield* store.workers({})
        assert.strictEqual(worker?.jobsActive, 25)
      }))

    test("filters: the name's substring, a queue's beginning, the state, the silence; by name", (store) =>
      Effect.gen(function* () {
        yield* putWorker(store, workerRecord("gpu_1", { queues: ["GPU%", 'b"cd'], lastUpdate: 10 }))
        yield* putWorker(store, workerRecord("Big-GPU", { queues: ["default"], lastUpdate: 20 }))
        yield* putWorker(store, workerRecord("gpux1", { state: "offline", queues: null, lastUpdate: 30 }))
        const names = (filter: WorkerFilter) => workerNames(store, filter)
        assert.deepStrictEqual(yield* names({}), ["Big-GPU", "gpu_1", "gpux1"])
        assert.deepStrictEqual(yield* names({ name: "GpU" }), ["Big-GPU", "gpu_1", "gpux1"])
        assert.deepStrictEqual(yield* names({ name: "u_1" }), ["gpu_1"])
        assert.deepStrictEqual(yield* names({ name: "%" }), [])
        assert.deepStrictEqual(yield* names({ queue: "gpu" }), ["gpu_1"])
        assert.deepStrictEqual(yield* names({ queue: "gpu%" }), ["gpu_1"])
        assert.deepStrictEqual(yield* names({ queue: "g%" }), [])
        assert.deepStrictEqual(yield* names({ queue: "efault" }), [])
        assert.deepStrictEqual(yield* names({ queue: 'b"c' }), ["gpu_1"])
        assert.deepStrictEqual(yield* names({ queue: "cd" }), [])
        assert.deepStrictEqual(yield* names({ name: "", queue: "" }), ["Big-GPU", "gpu_1", "gpux1"])
        assert.deepStrictEqual(yield* names({ states: ["offline", "idle"] }), ["Big-GPU", "gpu_1", "gpux1"])
        assert.deepStrictEqual(yield* names({ states: ["offline"] }), ["gpux1"])
        assert.deepStrictEqual(yield* names({ states: [] }), [])
        assert.deepStrictEqual(yield* names({ silentSince: 20 }), ["gpu_1"])
        assert.deepStrictEqual(yield* names({ silentSince: 21, states: ["idle"], name: "b" }), ["Big-GPU"])
      }))

    test("changes of several workers give those that changed; one that is given back stays as it is", (store) =>
      Effect.gen(function* () {
        for (const each of ["a", "b", "c"]) yield* putWorker(store, workerRecord(each))
        yield* putWorker(store, workerRecord("d", { state: "offline" }))
        const changed = yield* store.changeWorkers({ states: ["idle"] }, (row) =>
          row.name === "a" ? row : row.name === "b" ? undefined : { ...row, state: "unknown" }
        )
        assert.sameDeepMembers([...changed], [workerRecord("b"), workerRecord("c", { state: "unknown" })])
        const left = yield* store.workers({})
        assert.deepStrictEqual(
          left.map((row) => [row.name, row.state]),
          [
            ["a", "idle"],
            ["c", "unknown"],
            ["d", "offline"]
          ]
        )
      }))
  })

  describe(`Repository on ${name}: jobs`, () => {
    test("a job is kept as it was given, numbers digit by digit", (store) =>
      Effect.gen(function* () {
        const exact = '{"one":1.0,"big":1152921504606846976,"huge":1e400,"zero":-0,"nul":"\\u0000"}'
        const job = jobRecord(odd, {
          key: {
            dag_id: odd,
            task_id: odd.repeat(50),
            run_id: incompressible,
            try_number: 2 ** 40,
            map_index: 7
          },
          slots: 4,
          priority: -(2 ** 40),
          queue: odd,
          team: odd,
          kind: "callback",
          raw: true,
          conf: Json.parse(exact) as never,
          queuedAt: 1_700_000_000_123,
          lastUpdate: 1_700_000_000_124,
          worker: odd,
          claims: 3,
          submittedBy: odd,
          reason: odd
        })
        const command = { ...job.command, kept: Json.parse(exact), long: "x".repeat(300_000) }
        assert.isUndefined(yield* store.job(job.key))
        assert.isTrue(yield* store.addJob({ ...job, command: command as never }))
        const [kept] = yield* store.jobs({})
        assertSame(yield* store.job(job.key), kept)
        assert.isUndefined(yield* store.job({ ...job.key, map_index: 8 }))
        assertSame(kept, { ...job, command })
        assert.strictEqual(text(kept?.conf), exact)
        const read = yield* store.changeJob(job.key, (row) => Result.succeed([row, row]))
        assertSame(read, { ...job, command })
      }))

    test("a key is there once, and each of its parts counts", (store) =>
      Effect.gen(function* () {
        const job = jobRecord("t")
        assert.isTrue(yield* store.addJob(job))
        assert.isFalse(yield* store.addJob({ ...job, queue: "other" }))
        for (const other of [
          { dag_id: "x" },
          { task_id: "x" },
          { run_id: "x" },
          { try_number: 2 },
          { map_index: 0 }
        ])
          assert.isTrue(yield* store.addJob({ ...job, key: { ...job.key, ...other } }))
        const all = yield* store.jobs({})
        assert.strictEqual(all.length, 6)
        assert.isTrue(all.every(({ queue }) => queue === "default"))
        const added = yield* Effect.forEach(
          Array.from({ length: 10 }),
          () => store.addJob(jobRecord("at once")),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(added.filter((made) => made).length, 1)
      }))

    test("a change that fails changes nothing; those at once are serialised, from the job's making on", (store) =>
      Effect.gen(function* () {
        const { key } = jobRecord("t")
        yield* Effect.forEach(
          Array.from({ length: 25 }),
          () =>
            store.changeJob(key, (row) => {
              const now = row ?? jobRecord("t")
              return Result.succeed([undefined, { ...now, claims: now.claims + 1 }])
            }),
          { concurrency: "unbounded" }
        )
        const refused = yield* Effect.result(store.changeJob(key, () => Result.fail("refused")))
        assert.deepStrictEqual(refused, Result.fail("refused"))
        assert.deepStrictEqual(yield* store.jobs({}), [jobRecord("t", { claims: 25 })])
        yield* store.changeJob(key, () => Result.succeed([undefined, undefined]))
        assert.deepStrictEqual(yield* store.jobs({}), [])
      }))

    test("filters: substrings without case, % and _ are letters as others; by age, at most so many", (store) =>
      Effect.gen(function* () {
        const add = (task: string, changes: Partial<JobRecord> & { dag?: string; run?: string }) => {
          const job = jobRecord(task, changes)
          const { dag = "dag", run = "run" } = changes
          return store.addJob({ ...job, key: { ...job.key, dag_id: dag, run_id: run } })
        }
        yield* add("Load_All", { queuedAt: 3, dag: "ETL", run: "manual__1", queue: "GPU%", lastUpdate: 10 })
        yield* add("loadXall", { queuedAt: 1, worker: "w1", state: "running", lastUpdate: 20 })
        yield* add("100%", { queuedAt: 2, worker: "W12", state: "success", lastUpdate: 30 })
        yield* add("été\\", { queuedAt: 4, worker: "w1", state: "failed", lastUpdate: 40 })
        const found = (filter: JobFilter, limit?: number) => tasks(store, filter, limit)
        assert.deepStrictEqual(yield* found({}), ["loadXall", "100%", "Load_All", "été\\"])
        assert.deepStrictEqual(yield* found({}, 2), ["loadXall", "100%"])
        assert.deepStrictEqual(yield* found({ task: "LOAD" }), ["loadXall", "Load_All"])
        assert.deepStrictEqual(yield* found({ task: "d_a" }), ["Load_All"])
        assert.deepStrictEqual(yield* found({ task: "0%" }), ["100%"])
        assert.deepStrictEqual(yield* found({ task: "té\\" }), ["été\\"])
        assert.deepStrictEqual(yield* found({ dag: "tl" }), ["Load_All"])
        assert.deepStrictEqual(yield* found({ run: "MANUAL__" }), ["Load_All"])
        assert.deepStrictEqual(yield* found({ queue: "u%" }), ["Load_All"])
        assert.deepStrictEqual(yield* found({ worker: "W1" }), ["loadXall", "100%", "été\\"])
        assert.deepStrictEqual(yield* found({ heldBy: "w1" }), ["loadXall", "été\\"])
        assert.deepStrictEqual(yield* found({ heldBy: "W1" }), [])
        assert.deepStrictEqual(yield* found({ states: ["failed", "queued"] }), ["Load_All", "été\\"])
        assert.deepStrictEqual(yield* found({ states: [] }), [])
        assert.deepStrictEqual(yield* found({ updatedBefore: 20 }), ["Load_All"])
        assert.deepStrictEqual(yield* found({ updatedSince: 10, updatedBefore: 11 }), ["Load_All"])
        assert.deepStrictEqual(yield* found({ updatedSince: 11, updatedBefore: 20 }), [])
        assert.deepStrictEqual(yield* found({ heldBy: "w1", states: ["running"], updatedBefore: 21 }), [
          "loadXall"
        ])
        assert.strictEqual((yield* found({ dag: "", run: "", task: "", queue: "", worker: "" })).length, 4)
      }))

    test("changes of several jobs give the rows as they were", (store) =>
      Effect.gen(function* () {
        for (const task of ["a", "b", "c"]) yield* store.addJob(jobRecord(task))
        const before = yield* store.changeJobs({ states: ["queued"] }, (job) =>
          taskOf(job) === "a"
            ? job
            : taskOf(job) === "b"
              ? undefined
              : { ...job, state: "failed", reason: "gone" }
        )
        assert.sameDeepMembers([...before], [jobRecord("b"), jobRecord("c")])
        assert.deepStrictEqual(yield* store.jobs({}), [
          jobRecord("a"),
          jobRecord("c", { state: "failed", reason: "gone" })
        ])
      }))
  })

  describe(`Repository on ${name}: the audit`, () => {
    test("it gives the newest first", (store) =>
      Effect.gen(function* () {
        const entry = (at: number, detail: string | null) => ({
          at,
          user: odd,
          action: "shutdown",
          target: "w1",
          detail
        })
        for (const each of [entry(5, null), entry(1_700_000_000_123, odd), entry(3, "last")])
          yield* store.addAudit(each)
        assert.deepStrictEqual(yield* store.audits(2), [entry(3, "last"), entry(1_700_000_000_123, odd)])
        assert.strictEqual((yield* store.audits(100)).length, 3)
        yield* store.ping
      }))
  })

  describe(`Repository on ${name}: logins`, () => {
    const login = (digest: string, until: number): Login => ({
      digest,
      kind: "session",
      user: odd,
      roles: ["view", "submit"],
      stamp: null,
      until
    })

    test("one is found by its digest until it is removed", (store) =>
      Effect.gen(function* () {
        const other: Login = { ...login("b", 1_700_000_000_123), kind: "token", stamp: "s", roles: [] }
        yield* store.addLogin(login("a", 5))
        yield* store.addLogin(other)
        assert.deepStrictEqual(yield* store.login("a"), login("a", 5))
        assert.deepStrictEqual(yield* store.login("b"), other)
        yield* store.removeLogin("a")
        yield* store.removeLogin("nobody")
        assert.strictEqual(yield* store.login("a"), undefined)
        assert.deepStrictEqual(yield* store.login("b"), other)
      }))

    test("tries are counted by key, also when they come at once", (store) =>
      Effect.gen(function* () {
        const [a, b] = [`a ${odd}`, "b"]
        const add = (keys: ReadonlyArray<string>) =>
          store.changeTries(keys, (found) => [
            keys.map((key) => found.get(key)?.count ?? 0),
            new Map(
              keys.map((key) => [key, { count: (found.get(key)?.count ?? 0) + 1, until: 1_700_000_000_123 }])
            )
          ])
        assert.deepStrictEqual(yield* add([a]), [0])
        assert.deepStrictEqual(yield* add([b, a]), [0, 1])
        yield* Effect.forEach(
          Array.from({ length: 20 }),
          (_, at) => add(at % 2 === 0 ? [a, "c"] : ["c", a]),
          {
            concurrency: "unbounded"
          }
        )
        const read = (...keys: ReadonlyArray<string>) =>
          store.changeTries(keys, (found) => [found, new Map()])
        const until = 1_700_000_000_123
        assert.deepStrictEqual(
          yield* read("c", a, b, "none"),
          new Map([
            ["c", { count: 20, until }],
            [a, { count: 22, until }],
            [b, { count: 1, until }]
          ])
        )
        yield* store.changeTries([b, "d"], () => [0, new Map([["d", { count: 3, until: until + 1 }]])])
        yield* store.tidy({ now: until, auditsBefore: 0 })
        assert.deepStrictEqual(yield* read(a, b, "c", "d"), new Map([["d", { count: 3, until: until + 1 }]]))
      }))

    test("what is over is forgotten: logins, old audit entries, logs without a job", (store) =>
      Effect.gen(function* () {
        for (const until of [9, 10, 11]) yield* store.addLogin(login(`${until}`, until))
        const entry = { user: "ada", action: "shutdown", target: "w", detail: null }
        for (const at of [4, 5]) yield* store.addAudit({ ...entry, at })
        const [job, gone] = [jobRecord("t"), jobRecord("gone")]
        yield* store.addJob(job)
        for (const { key } of [job, gone]) yield* store.appendLog(key, { time: "1", text: "log" })
        assert.strictEqual(yield* store.tidy({ now: 10, auditsBefore: 5 }), 1)
        assert.strictEqual(yield* store.tidy({ now: 10, auditsBefore: 5 }), 0)
        const left = yield* Effect.forEach(["9", "10", "11"], store.login)
        assert.deepStrictEqual(left, [undefined, undefined, login("11", 11)])
        assert.deepStrictEqual(yield* store.audits(9), [{ ...entry, at: 5 }])
        assert.strictEqual((yield* store.readLog(job.key, 0, 9)).text, "log")
        assert.strictEqual((yield* store.readLog(gone.key, 0, 9)).text, "")
      }))
  })
}
