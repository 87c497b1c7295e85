/** Database: the SqlClient that a URL names: PostgreSQL, or SQLite in a file of ours. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Sqlite } from "./Sqlite.ts"

/** The URL names no database that we know. It is not told whole: it may hold a password. */
export class DatabaseUnknown extends Schema.TaggedError<DatabaseUnknown>()("DatabaseUnknown", {
  scheme: Schema.String
}) {
  override get message() {
    return `a database URL begins with postgresql:// (or postgres://), or is left out for SQLite in the state folder; this one begins with ${this.scheme}`
  }
}

const schemeOf = (url: string): string => /^[a-z0-9+.-]*:/i.exec(url)?.[0].toLowerCase() ?? "no scheme"

export const Database = {
  /** Without a URL: SQLite in `file`. */
  layer: (options: {
    readonly url: Redacted.Redacted | undefined
    readonly file: string
  }): Layer.Layer<SqlClient, SqlError | DatabaseUnknown> => {
    const { file, url } = options
    if (url === undefined) return Sqlite.layer(file)
    const scheme = schemeOf(Redacted.value(url))
    if (scheme !== "postgresql:" && scheme !== "postgres:")
      return Layer.unwrap(Effect.fail(new DatabaseUnknown({ scheme })))
    return Layer.unwrap(
      Effect.map(
        Effect.promise(() => import("./Postgres.ts")),
        ({ layer }) => layer(Redacted.value(url))
      )
    )
  }
}
