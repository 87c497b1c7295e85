/** Who has logged in, good at every central of the database; and the audit by its age, which ends. */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"

export const logins = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE central_login (
    digest TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    user_name TEXT NOT NULL,
    roles TEXT NOT NULL,
    stamp TEXT,
    ends_at BIGINT NOT NULL
  )`
  yield* sql`CREATE INDEX central_login_end ON central_login (ends_at)`
  yield* sql`CREATE INDEX central_audit_age ON central_audit (happened_at)`
})
