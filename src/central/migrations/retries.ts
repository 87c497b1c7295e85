/** What a job needs to be tried again: how often, after how long, and whether it was. */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"

export const retries = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const column of ["retries", "retry_delay", "retried"])
    yield* sql`ALTER TABLE central_job ADD COLUMN ${sql(column)} BIGINT NOT NULL DEFAULT 0`
})
