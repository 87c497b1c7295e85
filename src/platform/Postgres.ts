/** Postgres: effect's SqlClient for PostgreSQL, a bundle of its own: only a central that is told to use it loads it. */
import * as PgClient from "@effect/sql-pg/PgClient"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** A central that hangs must not keep rows from the others: the database ends what takes so long, in milliseconds. */
const limits = {
  statement_timeout: "10000",
  lock_timeout: "5000",
  idle_in_transaction_session_timeout: "10000"
}

/**
 * `postgresql://user:password@host/database`, as text: this bundle has an effect of its own, which cannot open what
 * another one has redacted. Ten connections: requests beyond that wait for one.
 */
export const layer = (url: string): Layer.Layer<SqlClient, SqlError> =>
  PgClient.layer({
    url: Redacted.make(url),
    applicationName: "edge-worker central",
    maxConnections: 10,
    connectTimeout: "5 seconds",
    startupParameters: limits
  })
