/** Sqlite: effect's SqlClient over node:sqlite: one file that only this user can read, one connection. */
import { chmodSync, closeSync, openSync } from "node:fs"
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"

/** How long a statement waits for another process that is writing the same file, in milliseconds. It blocks. */
const busyTimeout = 2000

/** Compiled statements that are kept; a filter's text depends on which of its parts are given. */
const keptStatements = 200

/** node:sqlite says `errcode`, effect's classifier reads `errno`; a clash of primary keys (1555) is one of unique values. */
const sqlError = (cause: unknown, operation: string): SqlError => {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const code = "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined
  if (code !== undefined) Object.assign(error, { errno: code === 1555 ? 2067 : code })
  return new SqlError({ reason: classifySqliteError(error, { message: error.message, operation }) })
}

const value = (parameter: unknown): SQLInputValue =>
  typeof parameter === "boolean" ? Number(parameter) : ((parameter ?? null) as SQLInputValue)

const attempt = <A>(operation: string, use: () => A): Effect.Effect<A, SqlError> =>
  Effect.try({ try: use, catch: (cause) => sqlError(cause, operation) })

const connect = (database: DatabaseSync): Connection => {
  const statements = new Map<string, StatementSync>()
  /** Those that are used stay: a map keeps its keys in the order in which they were put. */
  const prepared = (sql: string): StatementSync => {
    const statement = statements.get(sql) ?? database.prepare(sql)
    statements.delete(sql)
    statements.set(sql, statement)
    const [oldest] = statements.keys()
    if (statements.size > keptStatements && oldest !== undefined) statements.delete(oldest)
    return statement
  }
  const rows = (statement: (sql: string) => StatementSync, sql: string, parameters: ReadonlyArray<unknown>) =>
    attempt("execute", () => statement(sql).all(...parameters.map(value)) as ReadonlyArray<object>)
  const values = (
    statement: (sql: string) => StatementSync,
    sql: string,
    parameters: ReadonlyArray<unknown>
  ) => Effect.map(rows(statement, sql, parameters), (found) => found.map((row) => Object.values(row)))
  const once = (sql: string) => database.prepare(sql)
  const execute: Connection["execute"] = (sql, parameters, transform) =>
    Effect.map(rows(prepared, sql, parameters), (found) => transform?.(found) ?? found)
  return {
    execute,
    executeRaw: (sql, parameters) => attempt("run", () => prepared(sql).run(...parameters.map(value))),
    executeStream: (sql, parameters, transform) =>
      Stream.fromIterableEffect(execute(sql, parameters, transform)),
    executeUnprepared: (sql, parameters, transform) =>
      Effect.map(rows(once, sql, parameters), (found) => transform?.(found) ?? found),
    executeValues: (sql, parameters) => values(prepared, sql, parameters),
    executeValuesUnprepared: (sql, parameters) => values(once, sql, parameters)
  }
}

const open = Effect.fnUntraced(function* (file: string) {
  const { DatabaseSync } = yield* Effect.promise(() => import("node:sqlite"))
  return yield* Effect.acquireRelease(
    attempt("open", () => {
      if (file !== ":memory:") {
        // before SQLite makes it: the files beside it (-wal, -shm) take the same mode
        closeSync(openSync(file, "a", 0o600))
        chmodSync(file, 0o600)
      }
      const database = new DatabaseSync(file, { timeout: busyTimeout, enableForeignKeyConstraints: true })
      // WAL with NORMAL: a commit outlives this process; only a power cut can take the last ones back
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
      return database
    }),
    (database) => Effect.sync(() => database.close())
  )
})

const make = Effect.fnUntraced(function* (file: string) {
  const database = yield* open(file)
  return yield* SqlClient.make({
    ...SqlClient.makeSqliteAcquirers({
      connection: Effect.succeed(connect(database)),
      semaphore: yield* Semaphore.make(1),
      isTransaction: () => database.isTransaction
    }),
    compiler: Statement.makeCompilerSqlite(),
    driver: "node:sqlite",
    // a transaction that reads first and writes then could otherwise be refused in the middle
    beginTransaction: "BEGIN IMMEDIATE",
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    spanAttributes: [["db.system.name", "sqlite"]]
  })
})

export const Sqlite = {
  /** `file` is made where it is not there; its folder must be. `:memory:` lives as long as the layer. */
  layer: (file: string): Layer.Layer<SqlClient.SqlClient, SqlError> =>
    Layer.effect(SqlClient.SqlClient, make(file)).pipe(Layer.provide(Reactivity.layer))
}
