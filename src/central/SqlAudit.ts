/** SqlAudit: what people did, as rows that are never changed. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { AuditEntry } from "./Repository.ts"
import { reader, Whole } from "./StoredRow.ts"
import { fromStored, fromStoredOrNull, toStored, toStoredOrNull } from "./StoredText.ts"

const toEntry = reader(
  "central_audit",
  Schema.Struct({
    happened_at: Whole,
    user_name: Schema.String,
    action: Schema.String,
    target: Schema.String,
    detail: Schema.NullOr(Schema.String)
  }),
  (row): AuditEntry => ({
    at: Number(row.happened_at),
    user: fromStored(row.user_name),
    action: fromStored(row.action),
    target: fromStored(row.target),
    detail: fromStoredOrNull(row.detail)
  })
)

export const addAudit = (sql: SqlClient, entry: AuditEntry) =>
  Effect.asVoid(
    sql`INSERT INTO central_audit ${sql.insert({
      happened_at: entry.at,
      user_name: toStored(entry.user),
      action: toStored(entry.action),
      target: toStored(entry.target),
      detail: toStoredOrNull(entry.detail)
    })}`
  )

export const audits = (sql: SqlClient, limit: number) =>
  Effect.map(sql`SELECT * FROM central_audit ORDER BY id DESC LIMIT ${limit}`, (rows) => rows.map(toEntry))
