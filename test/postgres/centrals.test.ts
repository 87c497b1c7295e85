/** Two centrals on one PostgreSQL: no job twice, none left, nobody waits for another's work, and a lost database is told. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import { Repository, RepositoryUnavailable } from "../../src/central/Repository.ts"
import { ask, jobRecord, workerRecord } from "../central/records.ts"
import { claimedTask, putWorker, taskOf } from "../central/stores.ts"
import { interleave } from "../suites/repositoryInterleavings.ts"
import { central, newDatabase } from "./database.ts"

interface Central {
  readonly store: Repository["Service"]
  readonly sql: SqlClient
}

/** A central with connections of its own. */
const start = (url: string): Effect.Effect<Central, unknown, Scope.Scope> =>
  Effect.map(Layer.build(Layer.fresh(central(url))), (services) => ({
    store: Context.get(services, Repository),
    sql: Context.get(services, SqlClient)
  }))

/** Both start at once, on an empty database. */
const both = <A, E>(
  name: string,
  test: (one: Central, two: Central, database: string) => Effect.Effect<A, E, Scope.Scope>
) =>
  it.live(name, () =>
    Effect.gen(function* () {
      const database = yield* newDatabase
      const [one, two] = yield* Effect.all([start(database.url), start(database.url)], { concurrency: 2 })
      return yield* test(one, two, database.name)
    })
  )

const unavailable = <A>(effect: Effect.Effect<A, unknown>, reason: RegExp) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, RepositoryUnavailable)
    assert.match(error.message, reason, error.message)
  })

const times = <A>(n: number, make: (i: number) => A) => Array.from({ length: n }, (_, i) => make(i))

describe("Two centrals on one PostgreSQL", () => {
  both("each job is claimed once, and none is left, while both hand out as fast as they can", (one, two) =>
    Effect.gen(function* () {
      const jobs = times(300, (i) => jobRecord(`t${i}`, { queue: `q${i % 3}`, priority: i % 5 }))
      yield* Effect.forEach(jobs, one.store.addJob, { concurrency: 10 })
      const worker = (i: number) =>
        Effect.gen(function* () {
          const { store } = i % 2 === 0 ? one : two
          const queues = i % 3 === 0 ? ["q0", "q1", "q2"] : i % 3 === 1 ? [`q${i % 3}`] : null
          const mine: Array<string> = []
          for (;;) {
            const job = yield* store.claimJob(ask(`w${i}`, { queues }))
            if (Option.isNone(job)) return mine
            assert.strictEqual(job.value.worker, `w${i}`)
            mine.push(taskOf(job.value))
          }
        })
      const claimed = (yield* Effect.forEach(times(24, worker), (each) => each, {
        concurrency: "unbounded"
      })).flat()
      assert.strictEqual(new Set(claimed).size, claimed.length)
      // at the end all look for the last ones, and pass over those that another one is just taking
      const left = yield* Effect.forEach(times(300 - claimed.length, String), () =>
        Effect.map(two.store.claimJob(ask("last")), claimedTask)
      )
      assert.strictEqual(new Set([...claimed, ...left]).size, 300)
      assert.isTrue(Option.isNone(yield* one.store.claimJob(ask("last"))))
      assert.isTrue(
        (yield* one.store.jobs({})).every(({ claims, state }) => claims === 1 && state === "restarting")
      )
    })
  )

  both("changes of one row by both are serialised, from its making on", (one, two) =>
    Effect.gen(function* () {
      yield* Effect.forEach(
        times(60, (i) => (i % 2 === 0 ? one : two).store),
        (store) =>
          store.changeWorker("w", (row) => {
            const now = row ?? workerRecord("w")
            return Result.succeed([undefined, { ...now, jobsActive: now.jobsActive + 1 }])
          }),
        { concurrency: "unbounded" }
      )
      assert.strictEqual((yield* two.store.workers({}))[0]?.jobsActive, 60)
    })
  )

  both("a chunk that both get is there once; the log is whole", (one, two) =>
    Effect.gen(function* () {
      const { key } = jobRecord("t")
      const answers = yield* Effect.forEach(
        times(80, (i) => i),
        (i) =>
          (i % 2 === 0 ? one : two).store.appendLog(key, {
            time: `${Math.floor(i / 2)}`,
            text: `<${Math.floor(i / 2)}>`
          }),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(answers.filter((answer) => answer === "appended").length, 40)
      assert.strictEqual(answers.filter((answer) => answer === "repeated").length, 40)
      const { text } = yield* one.store.readLog(key, 0, 10_000)
      assert.strictEqual(new Set(text.match(/<\d+>/g)).size, 40)
      assert.strictEqual(text.length, 10 * 3 + 30 * 4)
    })
  )

  both(
    "jobs that one of them is changing hold up neither the claims nor the sweeps of the other",
    (one, two) =>
      Effect.gen(function* () {
        for (const task of ["first", "second"]) yield* one.store.addJob(jobRecord(task))
        const [locked, release] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        // a central that stands still in the middle of a change
        const holder = yield* one.sql`SELECT id FROM central_job WHERE task_id = 'first' FOR UPDATE`.pipe(
          Effect.andThen(Deferred.succeed(locked, undefined)),
          Effect.andThen(Deferred.await(release)),
          one.sql.withTransaction,
          Effect.forkScoped
        )
        yield* Deferred.await(locked)
        assert.strictEqual(claimedTask(yield* two.store.claimJob(ask("w"))), "second")
        assert.isUndefined(claimedTask(yield* two.store.claimJob(ask("w"))))
        const swept = yield* two.store.changeJobs({}, (job) => ({ ...job, reason: "swept" }))
        assert.deepStrictEqual(swept.map(taskOf), ["second"])
        yield* Deferred.succeed(release, undefined)
        yield* Fiber.join(holder)
        assert.strictEqual(claimedTask(yield* two.store.claimJob(ask("w"))), "first")
      })
  )

  both("what a task writes waits for who takes its job away, and is refused then", (one, two, database) =>
    Effect.gen(function* () {
      const job = jobRecord("t", { taskInstanceId: "former" })
      yield* one.store.addJob(job)
      const [locked, release] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      yield* one.sql`UPDATE central_job SET task_instance_id = 'another'`.pipe(
        Effect.andThen(Deferred.succeed(locked, undefined)),
        Effect.andThen(Deferred.await(release)),
        one.sql.withTransaction,
        Effect.forkScoped
      )
      yield* Deferred.await(locked)
      const xcom = { ...job.key, key: "k", value: "1", storedAt: 1 }
      const writing = yield* two.store
        .putXCom(xcom, {
          taskInstanceId: "former",
          may: (row) => (row === undefined ? Result.fail("former") : Result.succeed(row))
        })
        .pipe(Effect.flip, Effect.forkScoped)
      const waits = `datname = '${database}' AND wait_event_type = 'Lock'`
      const waiting = one.sql`SELECT pid FROM pg_stat_activity WHERE ${one.sql.literal(waits)}`
      yield* Effect.repeat(waiting, { until: (found) => found.length > 0 })
      yield* Deferred.succeed(release, undefined)
      assert.strictEqual(yield* Fiber.join(writing), "former")
      assert.isUndefined(yield* one.store.xcom(xcom))
    })
  )

  both("a connection that the database ends within a change is told, and made anew", (one, two, database) =>
    Effect.gen(function* () {
      yield* putWorker(one.store, workerRecord("w"))
      const [locked, release] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      yield* two.sql`SELECT name FROM central_worker FOR UPDATE`.pipe(
        Effect.andThen(Deferred.succeed(locked, undefined)),
        Effect.andThen(Deferred.await(release)),
        two.sql.withTransaction,
        Effect.forkScoped
      )
      yield* Deferred.await(locked)
      const changing = yield* Effect.forkScoped(putWorker(one.store, workerRecord("w", { jobsActive: 9 })))
      const waits = `datname = '${database}' AND wait_event_type = 'Lock'`
      const ended = two.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${two.sql.literal(waits)}`
      yield* Effect.repeat(ended, { until: (found) => found.length > 0 })
      // its rollback failed as well
      yield* unavailable(Fiber.join(changing), /terminating connection|Connection closed/)
      yield* Deferred.succeed(release, undefined)
      yield* one.store.ping
      assert.deepStrictEqual(yield* one.store.workers({}), [workerRecord("w")])
    })
  )

  both(
    "any interleaving over both leaves each job in one state, with one holder, within the slots",
    (one, two) => interleave([one.store, two.store], 60)
  )

  it.live("a database that is not there is told, without its password", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(start("postgresql://ada:hush@127.0.0.1:1/none")))
      assert.match(String(error), /connect/i)
      assert.notInclude(JSON.stringify(error) + String(error), "hush")
    })
  )
})
