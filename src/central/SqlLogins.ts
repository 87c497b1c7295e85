/** SqlLogins: who has logged in, as rows by the digest of what they were given. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import { Role } from "../protocol/CentralApi.ts"
import type { Login } from "./Repository.ts"
import { reader, Whole } from "./StoredRow.ts"
import { fromStored, toStored } from "./StoredText.ts"

const toLogin = reader(
  "central_login",
  Schema.Struct({
    digest: Schema.String,
    kind: Schema.Literals(["token", "session"]),
    user_name: Schema.String,
    roles: Schema.fromJsonString(Schema.Array(Role)),
    stamp: Schema.NullOr(Schema.String),
    ends_at: Whole
  }),
  ({ digest, ends_at, kind, roles, stamp, user_name }): Login => ({
    digest,
    kind,
    user: fromStored(user_name),
    roles,
    stamp,
    until: Number(ends_at)
  })
)

export const addLogin = (sql: SqlClient, login: Login) =>
  Effect.asVoid(
    sql`INSERT INTO central_login ${sql.insert({
      digest: login.digest,
      kind: login.kind,
      user_name: toStored(login.user),
      roles: JSON.stringify(login.roles),
      stamp: login.stamp,
      ends_at: login.until
    })}`
  )

export const login = (sql: SqlClient, digest: string) =>
  Effect.map(sql`SELECT * FROM central_login WHERE digest = ${digest}`, ([row]) =>
    row === undefined ? undefined : toLogin(row)
  )

export const removeLogin = (sql: SqlClient, digest: string) =>
  Effect.asVoid(sql`DELETE FROM central_login WHERE digest = ${digest}`)
