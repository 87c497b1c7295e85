/** SqlClaim: the next job that fits, found by an index and taken by one statement. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import type { Ask } from "./JobRecord.ts"
import { jobColumns, jobTable } from "./JobRow.ts"
import { locks } from "./SqlRows.ts"
import { toStored } from "./StoredText.ts"

/** `state` stands here as the indexes of the queued jobs name it: as a parameter it would not lead to them. */
const queued = "state = 'queued'"
const order = "claim_rank, priority DESC, queued_at, id"

const fits = (sql: SqlClient, { freeSlots, team }: Ask): Fragment =>
  sql`slots <= ${freeSlots} AND ${team === null ? sql.literal("1 = 1") : sql`team = ${toStored(team)}`}`

/** The first of all that fit `where`. PostgreSQL knows how many are queued; SQLite has to be told which index it is. */
const first = (
  sql: SqlClient,
  index: "central_job_next" | "central_job_next_in_queue",
  columns: "id" | "*",
  where: Fragment
): Fragment => {
  const hint = sql.onDialectOrElse({ pg: () => "", orElse: () => `INDEXED BY ${index}` })
  return sql`SELECT ${sql.literal(columns)} FROM central_job ${sql.literal(hint)}
    WHERE ${sql.literal(queued)} AND ${where}
    ORDER BY ${sql.literal(order)} LIMIT 1 ${locks(sql).skip}`
}

/**
 * Of several queues, the first of the first of each: one look a queue. As one condition, `queue IN …`, all of their jobs
 * would be sorted. PostgreSQL keeps the first of each for this statement: at once, another one gets the second.
 */
const firstOfQueues = (sql: SqlClient, ask: Ask, queues: ReadonlyArray<string>): Fragment => {
  const names = JSON.stringify(queues.map(toStored))
  const own = (columns: "id" | "*") =>
    first(sql, "central_job_next_in_queue", columns, sql`queue = own.value AND ${fits(sql, ask)}`)
  const jobs = sql.onDialectOrElse({
    pg: () => sql`json_array_elements_text(${names}::json) AS own (value)
      CROSS JOIN LATERAL (${own("*")}) AS job`,
    orElse: () => sql`json_each(${names}) AS own JOIN central_job AS job ON job.id = (${own("id")})`
  })
  return sql`SELECT job.id AS id FROM ${jobs}
    ORDER BY ${sql.literal(order.replace(/\b(?=[a-z])/g, "job."))} LIMIT 1`
}

const next = (sql: SqlClient, ask: Ask): Fragment =>
  ask.queues === null
    ? // true of all jobs: it leads PostgreSQL to this index, and without it to the other one
      first(sql, "central_job_next", "id", sql`claim_rank >= 0 AND ${fits(sql, ask)}`)
    : firstOfQueues(sql, ask, ask.queues)

/** The statement, which is a transaction by itself. On PostgreSQL it passes over those that another one is taking. */
export const claimStatement = (sql: SqlClient, ask: Ask) =>
  sql`WITH next (next_id) AS (${next(sql, ask)})
    UPDATE central_job SET
      state = 'restarting',
      task_instance_id = CASE WHEN raw = 1 THEN task_instance_id ELSE ${toStored(ask.taskInstanceId)} END,
      last_update = ${ask.now},
      worker = ${toStored(ask.worker)},
      claims = claims + 1
    FROM next WHERE central_job.id = next_id
    RETURNING ${sql.literal(jobColumns.join(", "))}`

export const claim = (sql: SqlClient, ask: Ask) =>
  Effect.map(claimStatement(sql, ask), ([columns]) =>
    columns === undefined ? Option.none() : Option.some(jobTable.fromColumns(columns))
  )
