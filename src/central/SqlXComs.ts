/** SqlXComs: XComs and variables in a database. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { JobKey } from "../protocol/Job.ts"
import { changeRow, readRow } from "./SqlRows.ts"
import type { Table } from "./StoredRow.ts"
import { fromStored, toStored } from "./StoredText.ts"
import type { VariableRecord, XComFilter, XComKey, XComRecord } from "./XComRecord.ts"
import { variableTable, xcomKeyText, xcomTable } from "./XComRow.ts"

const put = <Row>(sql: SqlClient, table: Table<Row>, id: string, row: Row) =>
  Effect.asVoid(changeRow(sql, table)(id, () => Result.succeed([undefined, row])))

const remove = <Row>(sql: SqlClient, table: Table<Row>, id: string) =>
  Effect.map(
    changeRow(sql, table)(id, (row) => Result.succeed([row !== undefined, undefined])),
    Result.getOrThrow
  )

const where = (sql: SqlClient, { dag_id, key, map_index, run_id, task_id }: XComFilter) =>
  sql.and([
    sql`dag_id = ${toStored(dag_id)}`,
    sql`task_id = ${toStored(task_id)}`,
    ...(run_id === undefined ? [] : [sql`run_id = ${toStored(run_id)}`]),
    ...(map_index === undefined ? [] : [sql`map_index = ${map_index}`]),
    ...(key === undefined ? [] : [sql`name = ${toStored(key)}`])
  ])

/** What `Repository` asks of them. */
export const xcomsIn = (sql: SqlClient) => ({
  put: (xcom: XComRecord) => put(sql, xcomTable, xcomKeyText(xcom), xcom),
  get: (key: XComKey) => readRow(sql, xcomTable)(xcomKeyText(key)),
  remove: (key: XComKey) => remove(sql, xcomTable, xcomKeyText(key)),
  find: (filter: XComFilter) =>
    Effect.map(
      sql`SELECT * FROM central_xcom WHERE ${where(sql, filter)} ORDER BY map_index, stored_at DESC, id DESC`,
      (rows) => rows.map(xcomTable.fromColumns)
    ),
  count: (filter: XComFilter) =>
    Effect.map(
      sql<{
        readonly found: number | bigint
      }>`SELECT count(*) AS found FROM central_xcom WHERE ${where(sql, filter)}`,
      ([row]) => Number(row?.found ?? 0)
    )
})

/** Those of a run of which no job is left, after the job of this key has gone. */
export const removeXComsAfter = (sql: SqlClient, key: JobKey) => {
  const run = sql`dag_id = ${toStored(key.dag_id)} AND run_id = ${toStored(key.run_id)}`
  return sql`DELETE FROM central_xcom WHERE ${run} AND NOT EXISTS (SELECT 1 FROM central_job WHERE ${run})`
}

export const variablesIn = (sql: SqlClient) => ({
  put: (variable: VariableRecord) => put(sql, variableTable, toStored(variable.key), variable),
  get: (key: string) => readRow(sql, variableTable)(toStored(key)),
  remove: (key: string) => remove(sql, variableTable, toStored(key)),
  keys: Effect.map(sql<{ readonly name: string }>`SELECT name FROM central_variable`, (rows) =>
    rows.map(({ name }) => fromStored(name))
  )
})
