/** SqlLogs: logs as rows: one for each log, which says how long it is, and one for each of its chunks. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import { partOf } from "./LogText.ts"
import type { LogPart } from "./Repository.ts"
import { locks, untilDone } from "./SqlRows.ts"
import { fromStored, toStored } from "./StoredText.ts"

/** Columns of `central_log` and `central_log_chunk`; PostgreSQL's driver gives numbers as bigint. */
interface LogRow {
  readonly id: number | bigint
  readonly characters: number | bigint
}
interface ChunkRow {
  readonly characters: number | bigint
  readonly begins_at: number | bigint
  readonly content: string
}

/** Whoever appends to a log holds its row: chunks at once come one after the other. */
export const appendLog = (
  sql: SqlClient,
  key: string,
  chunk: { readonly time: string; readonly text: string }
) => {
  const locked = Effect.map(
    sql<LogRow>`SELECT id, characters FROM central_log WHERE job_key = ${key} ${locks(sql).wait}`,
    ([log]) => log
  )
  return untilDone(
    sql,
    Effect.gen(function* () {
      let log = yield* locked
      if (log === undefined) {
        if (chunk.text === "") return Option.some("appended" as const)
        yield* sql`INSERT INTO central_log (job_key, characters) VALUES (${key}, 0) ON CONFLICT DO NOTHING`
        log = yield* locked
        // another one made it, and a third has removed it
        if (log === undefined) return Option.none()
      }
      const time = toStored(chunk.time)
      const [known] = yield* sql<{ readonly content: string }>`SELECT content FROM central_log_chunk
        WHERE log_id = ${log.id} AND chunk_time = ${time}`
      if (known !== undefined)
        return Option.some(
          fromStored(known.content) === chunk.text ? ("repeated" as const) : ("taken" as const)
        )
      if (chunk.text === "") return Option.some("appended" as const)
      yield* sql`INSERT INTO central_log_chunk ${sql.insert({
        log_id: log.id,
        begins_at: log.characters,
        chunk_time: time,
        content: toStored(chunk.text)
      })}`
      yield* sql`UPDATE central_log SET characters = ${Number(log.characters) + chunk.text.length} WHERE id = ${log.id}`
      return Option.some("appended" as const)
    })
  )
}

/** One statement, so that the log's length and its chunks are of the same moment. */
export const readLog = (sql: SqlClient, key: string, from: number, limit: number) => {
  const start = Math.max(0, from)
  return Effect.map(
    sql<ChunkRow>`SELECT log.characters AS characters, chunk.begins_at AS begins_at, chunk.content AS content
      FROM central_log AS log JOIN central_log_chunk AS chunk ON chunk.log_id = log.id
      WHERE log.job_key = ${key}
        AND chunk.begins_at >= (SELECT max(begins_at) FROM central_log_chunk
          WHERE log_id = log.id AND begins_at <= ${start})
        AND chunk.begins_at <= ${start + Math.max(1, limit)}
      ORDER BY chunk.begins_at`,
    (rows): LogPart =>
      partOf(
        rows.map((row) => ({ start: Number(row.begins_at), text: fromStored(row.content) })),
        Number(rows[0]?.characters ?? 0),
        start,
        limit
      )
  )
}

export const removeLog = (sql: SqlClient) => (key: string) =>
  sql`DELETE FROM central_log WHERE job_key = ${key}`
