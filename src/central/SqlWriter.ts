/** SqlWriter: what a task writes, in one transaction with the look whether it may. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { jobTable } from "./JobRow.ts"
import type { Writer } from "./Repository.ts"
import { locks } from "./SqlRows.ts"
import { toStored } from "./StoredText.ts"

/** Whoever takes the job away comes before or after, never in between. */
export const written = <A, E>(
  sql: SqlClient,
  write: Effect.Effect<A, SqlError>,
  writer: Writer<E> | undefined
): Effect.Effect<Result.Result<A, E>, SqlError> =>
  writer === undefined
    ? Effect.map(write, Result.succeed)
    : sql.withTransaction(
        Effect.gen(function* () {
          const [columns] = yield* sql`SELECT * FROM central_job
            WHERE task_instance_id = ${toStored(writer.taskInstanceId)} ORDER BY id LIMIT 1 ${locks(sql).wait}`
          const leave = writer.may(columns === undefined ? undefined : jobTable.fromColumns(columns))
          return Result.isFailure(leave) ? Result.fail(leave.failure) : Result.succeed(yield* write)
        })
      )
