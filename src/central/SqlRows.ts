/** SqlRows: rows that are read, decided on and written in one transaction, on SQLite and on PostgreSQL. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Change } from "./Repository.ts"
import type { Table } from "./StoredRow.ts"

/** A transaction of SQLite locks the whole database from its first statement on; one of PostgreSQL what it reads so. */
export const locks = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () => ({ wait: sql.literal("FOR UPDATE"), skip: sql.literal("FOR UPDATE SKIP LOCKED") }),
    orElse: () => ({ wait: sql.literal(""), skip: sql.literal("") })
  })

/** In a transaction of its own, again as long as it finds that another one came in between. */
export const untilDone = <A>(
  sql: SqlClient,
  once: Effect.Effect<Option.Option<A>, SqlError>
): Effect.Effect<A, SqlError> => {
  const again: Effect.Effect<A, SqlError> = Effect.flatMap(
    sql.withTransaction(once),
    Option.match({ onNone: () => again, onSome: Effect.succeed })
  )
  return again
}

/** What belongs to a row and goes with it. */
type OnRemoval = (key: string) => Effect.Effect<unknown, SqlError>

const rowsOf = <Row>(sql: SqlClient, { fromColumns, key, name, toColumns }: Table<Row>) => ({
  locked: (id: string) =>
    Effect.map(sql`SELECT * FROM ${sql(name)} WHERE ${sql(key)} = ${id} ${locks(sql).wait}`, ([columns]) =>
      columns === undefined ? undefined : fromColumns(columns)
    ),
  /** False where a row of that key is there already, be it one that another transaction has just made. */
  insert: (row: Row) =>
    Effect.map(
      sql`INSERT INTO ${sql(name)} ${sql.insert(toColumns(row))} ON CONFLICT DO NOTHING RETURNING ${sql(key)}`,
      (made) => made.length > 0
    ),
  update: (id: string, row: Row) =>
    sql`UPDATE ${sql(name)} SET ${sql.update(toColumns(row), [key])} WHERE ${sql(key)} = ${id}`,
  remove: (id: string) => sql`DELETE FROM ${sql(name)} WHERE ${sql(key)} = ${id}`
})

export const insertRow = <Row>(sql: SqlClient, table: Table<Row>, row: Row) => rowsOf(sql, table).insert(row)

/** `Repository`'s `worker` and `job`: no transaction, so that it never waits for one that writes. */
export const readRow =
  <Row>(sql: SqlClient, { fromColumns, key, name }: Table<Row>) =>
  (id: string): Effect.Effect<Row | undefined, SqlError> =>
    Effect.map(sql`SELECT * FROM ${sql(name)} WHERE ${sql(key)} = ${id}`, ([columns]) =>
      columns === undefined ? undefined : fromColumns(columns)
    )

/** `Repository`'s `changeWorker` and `changeJob`. A row that is not there cannot be locked: who is second reads again. */
export const changeRow =
  <Row>(sql: SqlClient, table: Table<Row>, onRemoval: OnRemoval = () => Effect.void) =>
  <A, E>(id: string, change: Change<Row, A, E>): Effect.Effect<Result.Result<A, E>, SqlError> => {
    const rows = rowsOf(sql, table)
    return untilDone(
      sql,
      Effect.gen(function* () {
        const before = yield* rows.locked(id)
        const changed = change(before)
        if (Result.isFailure(changed)) return Option.some(Result.fail(changed.failure))
        const [answer, after, another] = changed.success
        if (after === undefined) {
          if (before !== undefined) yield* Effect.andThen(rows.remove(id), onRemoval(id))
        } else if (before === undefined) {
          if (!(yield* rows.insert(after))) return Option.none()
        } else if (after !== before) yield* rows.update(id, after)
        if (another !== undefined) yield* rows.insert(another)
        return Option.some(Result.succeed(answer))
      })
    )
  }

/** The same for all that fit, but for those that another transaction holds. Gives each changed row and what it became. */
export const changeRows =
  <Row>(sql: SqlClient, table: Table<Row>, onRemoval: OnRemoval = () => Effect.void) =>
  (where: Fragment, fits: (row: Row) => boolean, change: (row: Row) => Row | undefined) => {
    const rows = rowsOf(sql, table)
    const { key, name } = table
    return sql.withTransaction(
      Effect.gen(function* () {
        const found = yield* sql`SELECT * FROM ${sql(name)} WHERE ${where} ${locks(sql).skip}`
        // all are decided on before the first is written
        const changes = found
          .map((columns) => ({ id: String(columns[key]), before: table.fromColumns(columns) }))
          .filter(({ before }) => fits(before))
          .map(({ before, id }) => ({ id, before, after: change(before) }))
          .filter(({ after, before }) => after !== before)
        for (const { after, id } of changes) {
          if (after === undefined) yield* Effect.andThen(rows.remove(id), onRemoval(id))
          else yield* rows.update(id, after)
        }
        return changes
      })
    )
  }
