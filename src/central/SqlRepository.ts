/** SqlRepository: the store in a database: SQLite for one central, PostgreSQL for several. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { MigrationError } from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { jobTable, keyText } from "./JobRow.ts"
import { migrate } from "./migrations/migrate.ts"
import { Repository, RepositoryUnavailable, type Writer } from "./Repository.ts"
import { fitsWorker } from "./RepositoryFilters.ts"
import { addAudit, audits } from "./SqlAudit.ts"
import { claim } from "./SqlClaim.ts"
import { whereJob, whereWorker } from "./SqlFilters.ts"
import { addLogin, login, removeLogin } from "./SqlLogins.ts"
import { appendLog, readLog } from "./SqlLogs.ts"
import { removeRestOf } from "./SqlRemoval.ts"
import { changeRow, changeRows, insertRow, readRow } from "./SqlRows.ts"
import { tallyJobs } from "./SqlTally.ts"
import { tidy } from "./SqlTidy.ts"
import { changeTries } from "./SqlTries.ts"
import { written } from "./SqlWriter.ts"
import { variablesIn, xcomsIn } from "./SqlXComs.ts"
import { RowUnreadable } from "./StoredRow.ts"
import { toStored } from "./StoredText.ts"
import { workerTable } from "./WorkerRow.ts"

/** How long a database that is reached over a network may keep a request. */
const patience = "15 seconds"

/** What effect says ("Query failed"), and below it what the database does. */
const reasonOf = (error: Error): string => {
  const messages: Array<string> = []
  for (let at: unknown = error; at instanceof Error && messages.length < 4; at = at.cause)
    if (!messages.includes(at.message)) messages.push(at.message)
  return messages.join(": ")
}

const unavailable = (error: SqlError | MigrationError | RowUnreadable) =>
  new RepositoryUnavailable({ reason: reasonOf(error) })

/** A rollback that fails, as it does once the connection is gone, is a defect to effect; here it is the same failure. */
const stored = <A>(effect: Effect.Effect<A, SqlError>): Effect.Effect<A, RepositoryUnavailable> =>
  effect.pipe(
    Effect.catchDefect((defect) =>
      isSqlError(defect) || defect instanceof RowUnreadable ? Effect.fail(defect) : Effect.die(defect)
    ),
    Effect.mapError(unavailable)
  )

const make = Effect.gen(function* () {
  const sql = yield* SqlClient
  const timed = sql.onDialectOrElse({
    pg:
      () =>
      <A>(effect: Effect.Effect<A, RepositoryUnavailable>) =>
        Effect.timeoutOrElse(effect, {
          duration: patience,
          orElse: () => Effect.fail(new RepositoryUnavailable({ reason: `no answer within ${patience}` }))
        }),
    orElse:
      () =>
      <A>(effect: Effect.Effect<A, RepositoryUnavailable>) =>
        effect
  })
  const run = <A>(effect: Effect.Effect<A, SqlError>) => timed(stored(effect))

  yield* migrate.pipe(
    Effect.catchTag(["SqlError", "MigrationError"], (error) => Effect.fail(unavailable(error))),
    Effect.catchDefect((defect) =>
      isSqlError(defect) ? Effect.fail(unavailable(defect)) : Effect.die(defect)
    )
  )

  const { fromColumns: toWorker } = workerTable
  const { fromColumns: toJob } = jobTable
  const changeWorker = changeRow(sql, workerTable)
  const changeWorkers = changeRows(sql, workerTable)
  const removeRest = removeRestOf(sql)
  const changeJob = changeRow(sql, jobTable, removeRest)
  const changeJobs = changeRows(sql, jobTable, removeRest)
  const xcoms = xcomsIn(sql)
  const variables = variablesIn(sql)
  const as = <A, E>(writer: Writer<E> | undefined, write: Effect.Effect<A, SqlError>) =>
    Effect.flatMap(run(written(sql, write, writer)), Effect.fromResult)

  return Repository.of({
    changeWorker: (name, change) =>
      Effect.flatMap(run(changeWorker(toStored(name), change)), Effect.fromResult),
    worker: (name) => run(readRow(sql, workerTable)(toStored(name))),
    workers: (filter) =>
      run(
        Effect.map(sql`SELECT * FROM central_worker WHERE ${whereWorker(sql, filter)}`, (rows) =>
          rows
            .map(toWorker)
            .filter(fitsWorker(filter))
            .sort((a, b) => (a.name < b.name ? -1 : 1))
        )
      ),
    changeWorkers: (filter, change) =>
      run(
        Effect.map(changeWorkers(whereWorker(sql, filter), fitsWorker(filter), change), (changes) =>
          changes.map(({ after, before }) => after ?? before)
        )
      ),

    addJob: (job) => run(insertRow(sql, jobTable, job)),
    claimJob: (ask) => run(claim(sql, ask)),
    changeJob: (key, change) => Effect.flatMap(run(changeJob(keyText(key), change)), Effect.fromResult),
    job: (key) => run(readRow(sql, jobTable)(keyText(key))),
    jobOf: (taskInstanceId) =>
      run(
        Effect.map(
          sql`SELECT * FROM central_job WHERE task_instance_id = ${toStored(taskInstanceId)} ORDER BY id LIMIT 1`,
          ([columns]) => (columns === undefined ? undefined : toJob(columns))
        )
      ),
    jobs: (filter, limit) =>
      run(
        Effect.map(
          sql`SELECT * FROM central_job WHERE ${whereJob(sql, filter)} ORDER BY queued_at, id
            ${limit === undefined ? sql.literal("") : sql`LIMIT ${limit}`}`,
          (rows) => rows.map(toJob)
        )
      ),
    tallyJobs: (filter) => run(tallyJobs(sql, filter)),
    changeJobs: (filter, change) =>
      run(
        Effect.map(
          changeJobs(whereJob(sql, filter), () => true, change),
          (changes) => changes.map(({ before }) => before)
        )
      ),

    appendLog: (key, chunk) => run(appendLog(sql, keyText(key), chunk)),
    readLog: (key, from, limit) => run(readLog(sql, keyText(key), from, limit)),

    putXCom: (xcom, writer) => as(writer, xcoms.put(xcom)),
    xcom: (key) => run(xcoms.get(key)),
    xcoms: (filter) => run(xcoms.find(filter)),
    countXComs: (filter) => run(xcoms.count(filter)),
    removeXCom: (key, writer) => as(writer, xcoms.remove(key)),

    putVariable: (variable, writer) => as(writer, variables.put(variable)),
    variable: (key) => run(variables.get(key)),
    variableKeys: run(variables.keys),
    removeVariable: (key, writer) => as(writer, variables.remove(key)),

    addAudit: (entry) => run(addAudit(sql, entry)),
    audits: (limit) => run(audits(sql, limit)),
    addLogin: (one) => run(addLogin(sql, one)),
    login: (digest) => run(login(sql, digest)),
    removeLogin: (digest) => run(removeLogin(sql, digest)),
    changeTries: (keys, change) => run(changeTries(sql, keys, change)),
    tidy: (limits) => run(tidy(sql, limits)),
    ping: run(Effect.asVoid(sql`SELECT 1 AS one`))
  })
})

export const SqlRepository = {
  /** Makes the tables where they are missing or older. */
  layer: Layer.effect(Repository, make)
}
