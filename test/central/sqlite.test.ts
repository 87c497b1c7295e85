/** The repository on SQLite where that is a file: it outlives its central, is private, is indexed, and may be damaged. */
import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import { Repository, RepositoryUnavailable } from "../../src/central/Repository.ts"
import { claimStatement } from "../../src/central/SqlClaim.ts"
import { SqlRepository } from "../../src/central/SqlRepository.ts"
import { Sqlite } from "../../src/platform/Sqlite.ts"
import { ask, jobRecord, workerRecord } from "./records.ts"
import { claimedTask, putWorker, taskOf } from "./stores.ts"

const file = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ),
  (folder) => join(folder, "central.db")
)

/** One central on the file, from its start to its end. */
const life = <A, E>(
  path: string,
  use: (store: Repository["Service"], sql: SqlClient) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function* () {
    return yield* use(yield* Repository, yield* SqlClient)
  }).pipe(
    Effect.scoped,
    Effect.provide(SqlRepository.layer.pipe(Layer.provideMerge(Sqlite.layer(path))), { local: true })
  )

/** As somebody else would write into the file. */
const tamper = (path: string, statement: string) => {
  const database = new DatabaseSync(path)
  database.exec(statement)
  database.close()
}

const unavailable = <A>(effect: Effect.Effect<A, unknown>, reason: RegExp) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, RepositoryUnavailable)
    assert.match(error.message, reason)
  })

describe("Repository in a file of SQLite", () => {
  it.effect("all of it is there for the next central, and for this user only", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* life(path, (store) =>
        Effect.gen(function* () {
          yield* putWorker(store, workerRecord("w"))
          yield* store.addJob(jobRecord("t"))
          yield* store.appendLog(jobRecord("t").key, { time: "1", text: "log" })
          yield* store.addAudit({ at: 1, user: "ada", action: "shutdown", target: "w", detail: null })
          for (const each of [path, `${path}-wal`, `${path}-shm`])
            assert.strictEqual(statSync(each).mode & 0o777, 0o600, each)
        })
      )
      chmodSync(path, 0o644)
      yield* life(path, (store) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* store.workers({}), [workerRecord("w")])
          assert.deepStrictEqual((yield* store.jobs({})).map(taskOf), ["t"])
          assert.strictEqual((yield* store.readLog(jobRecord("t").key, 0, 9)).text, "log")
          assert.strictEqual((yield* store.audits(9)).length, 1)
          assert.strictEqual(statSync(path).mode & 0o777, 0o600)
        })
      )
    })
  )

  it.effect("tables of the first edge-worker become those of this one, and keep what they hold", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* life(path, (store) => store.addJob(jobRecord("t")))
      tamper(
        path,
        `DELETE FROM central_migration WHERE migration_id > 1; DROP TABLE central_login; DROP TABLE central_try; DROP INDEX central_audit_age;
         DROP TABLE central_xcom; DROP TABLE central_variable;
         DROP INDEX central_job_task_instance; DROP INDEX central_job_run; ALTER TABLE central_job DROP COLUMN task;
         ALTER TABLE central_job DROP COLUMN retries; ALTER TABLE central_job DROP COLUMN retry_delay;
         ALTER TABLE central_job DROP COLUMN retried`
      )
      yield* life(path, (store) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* store.jobs({}), [jobRecord("t")])
          yield* store.putVariable({ key: "v", value: "1", description: null })
          assert.deepStrictEqual(yield* store.variableKeys, ["v"])
        })
      )
    })
  )

  it.effect("tables of a newer edge-worker are refused, and stay as they are", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* life(path, (store) => store.addJob(jobRecord("t")))
      tamper(path, "INSERT INTO central_migration (migration_id, name) VALUES (99, 'from_the_future')")
      yield* unavailable(
        life(path, () => Effect.void),
        /version 99.*up to 5.*newer edge-worker/
      )
      tamper(path, "DELETE FROM central_migration WHERE migration_id = 99")
      assert.deepStrictEqual(
        yield* life(path, (store) => Effect.map(store.jobs({}), (jobs) => jobs.length)),
        1
      )
    })
  )

  it.effect("a file that is no database is refused", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* life(path, () => Effect.void)
      tamper(path, "DROP TABLE central_job")
      yield* life(path, (store) => unavailable(store.jobs({}), /central_job/))
      yield* life(path, (store) => unavailable(store.addJob(jobRecord("t")), /central_job/))
    })
  )

  it.effect("a row that cannot be read is told, and the others are not lost with it", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* life(path, (store) => Effect.andThen(store.addJob(jobRecord("t")), store.addJob(jobRecord("u"))))
      tamper(path, "UPDATE central_job SET command = '{}' WHERE task_id = 't'")
      yield* life(path, (store) =>
        Effect.gen(function* () {
          yield* unavailable(
            store.jobs({}),
            /a row of central_job cannot be read: its command is no workload/
          )
          assert.deepStrictEqual((yield* store.jobs({ task: "u" })).map(taskOf), ["u"])
        })
      )
    })
  )

  it.effect("a change that the database refuses halfway changes nothing", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* life(path, (store, sql) =>
        Effect.gen(function* () {
          for (const name of ["a", "b"]) yield* putWorker(store, workerRecord(name))
          yield* sql`CREATE TRIGGER refusal BEFORE UPDATE ON central_worker WHEN NEW.name = 'b'
            BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`
          const change = store.changeWorkers({}, (worker) => ({ ...worker, jobsActive: 9 }))
          yield* unavailable(change, /the disk is full/)
          assert.deepStrictEqual(yield* store.workers({}), [workerRecord("a"), workerRecord("b")])
          yield* sql`DROP TRIGGER refusal`
          assert.strictEqual((yield* change).length, 2)
        })
      )
    })
  )

  it.effect("two processes on one file do not get the same job, and wait for each other", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* life(path, (one) =>
        life(path, (two) =>
          Effect.gen(function* () {
            for (let i = 0; i < 20; i++) yield* one.addJob(jobRecord(`t${i}`))
            const claims = yield* Effect.forEach(
              Array.from({ length: 20 }, (_, i) => i),
              (i) => (i % 2 === 0 ? one : two).claimJob(ask("w")),
              { concurrency: "unbounded" }
            )
            assert.strictEqual(new Set(claims.map(claimedTask)).size, 20)
          })
        )
      )
    })
  )

  it.effect("nobody else can write between the reading and the writing of a change", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* life(path, (store) =>
        store.changeWorker("w", () => {
          const other = new DatabaseSync(path, { timeout: 0 })
          assert.throws(() => other.exec("BEGIN IMMEDIATE"), /locked/)
          other.close()
          return Result.succeed([undefined, workerRecord("w")])
        })
      )
    })
  )

  it.effect(
    "a claim looks up an index, whatever is asked for: it neither reads all jobs nor sorts them",
    () =>
      Effect.gen(function* () {
        const path = yield* file
        yield* life(path, (store, sql) =>
          Effect.gen(function* () {
            yield* store.addJob(jobRecord("t"))
            for (const [queues, index] of [
              [null, "central_job_next"],
              [["a"], "central_job_next_in_queue"],
              [["a", "b", "c"], "central_job_next_in_queue"]
            ] as const) {
              for (const team of [null, "red"]) {
                const [statement, parameters] = claimStatement(sql, ask("w", { queues, team })).compile()
                const plan = yield* sql.unsafe<{ detail: string }>(
                  `EXPLAIN QUERY PLAN ${statement}`,
                  parameters
                )
                const steps = plan.map(({ detail }) => detail)
                assert.isTrue(
                  steps.some(
                    (step) => step.includes(`USING COVERING INDEX ${index} `) || step.endsWith(index)
                  ),
                  steps.join("\n")
                )
                assert.isFalse(
                  steps.some((step) => /^SCAN central_job$|^SCAN job$/.test(step)),
                  steps.join("\n")
                )
                // only the first of each queue is sorted
                if (queues === null)
                  assert.isFalse(
                    steps.some((step) => step.includes("TEMP B-TREE")),
                    steps.join("\n")
                  )
              }
            }
            const heartbeat = yield* sql<{ detail: string }>`EXPLAIN QUERY PLAN
            SELECT * FROM central_worker WHERE name = ${"w"}`
            assert.match(heartbeat.map(({ detail }) => detail).join(), /^SEARCH central_worker USING INDEX/)
            const late = yield* sql<{ detail: string }>`EXPLAIN QUERY PLAN
            SELECT * FROM central_job WHERE state IN ('running', 'restarting') AND last_update < ${5}`
            assert.match(late.map(({ detail }) => detail).join(), /USING INDEX central_job_state/)
            assert.isTrue(Option.isSome(yield* store.claimJob(ask("w"))))
          })
        )
      })
  )
})
