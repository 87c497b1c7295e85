/** How often passwords were tried, counted at every central of the database. */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"

export const tries = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE central_try (
    try_key TEXT PRIMARY KEY,
    tries BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
  )`
  yield* sql`CREATE INDEX central_try_end ON central_try (ends_at)`
})
