/** SqlFilters: filters of workers and jobs as conditions of SQL. */
import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import type { JobFilter } from "./JobRecord.ts"
import { fold } from "./RepositoryFilters.ts"
import { toStored } from "./StoredText.ts"
import type { WorkerFilter } from "./WorkerRecord.ts"

/** The conditions of the parts that are given. */
const all = (sql: SqlClient, conditions: ReadonlyArray<Fragment | undefined>): Fragment =>
  sql.and(conditions.filter((condition) => condition !== undefined))

/** Not LIKE, which would read `%` and `_`. Folding A to Z alone needs PostgreSQL's "C". */
const isIn = (sql: SqlClient, column: string, pattern: string | undefined) => {
  if (pattern === undefined || pattern === "") return undefined
  const wanted = fold(toStored(pattern))
  return sql.onDialectOrElse({
    pg: () => sql`strpos(lower(${sql(column)} COLLATE "C"), ${wanted}) > 0`,
    orElse: () => sql`instr(lower(${sql(column)}), ${wanted}) > 0`
  })
}

const isOneOf = (sql: SqlClient, column: string, wanted: ReadonlyArray<string> | undefined) =>
  wanted === undefined ? undefined : sql`${sql.in(column, wanted)}`

const isBefore = (sql: SqlClient, column: string, limit: number | undefined) =>
  limit === undefined ? undefined : sql`${sql(column)} < ${limit}`

/** Those that fit, and some whose queues do not: they are kept as JSON, in which a beginning could stand anywhere. */
export const whereWorker = (sql: SqlClient, filter: WorkerFilter): Fragment =>
  all(sql, [
    isIn(sql, "name", filter.name),
    isOneOf(sql, "state", filter.states),
    isBefore(sql, "last_update", filter.silentSince)
  ])

const is = (sql: SqlClient, column: string, value: string | undefined) =>
  value === undefined ? undefined : sql`${sql(column)} = ${toStored(value)}`

export const whereJob = (sql: SqlClient, filter: JobFilter): Fragment =>
  all(sql, [
    isIn(sql, "dag_id", filter.dag),
    isIn(sql, "run_id", filter.run),
    isIn(sql, "task_id", filter.task),
    is(sql, "dag_id", filter.exactly?.dag_id),
    is(sql, "run_id", filter.exactly?.run_id),
    is(sql, "task_id", filter.exactly?.task_id),
    isOneOf(sql, "run_id", filter.runs?.map(toStored)),
    isOneOf(sql, "task_id", filter.tasks?.map(toStored)),
    // the last part of the key, which is JSON
    filter.mapIndex === undefined ? undefined : sql`job_key LIKE ${`%,${filter.mapIndex}]`}`,
    isIn(sql, "queue", filter.queue),
    isIn(sql, "worker", filter.worker),
    isOneOf(sql, "state", filter.states),
    is(sql, "worker", filter.heldBy),
    isBefore(sql, "last_update", filter.updatedBefore),
    filter.updatedSince === undefined ? undefined : sql`last_update >= ${filter.updatedSince}`,
    filter.latest === true ? sql`retried = 0` : undefined
  ])
