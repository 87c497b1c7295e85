/** migrate: brings the central's tables to the form that this edge-worker knows; refuses those of a newer one. */
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import { RepositoryUnavailable } from "../Repository.ts"
import { firstTables } from "./firstTables.ts"
import { logins } from "./logins.ts"
import { retries } from "./retries.ts"
import { taskTables } from "./taskTables.ts"
import { tries } from "./tries.ts"

/** All of them, in order. */
export const migrations = {
  "1_first_tables": firstTables,
  "2_task_tables": taskTables,
  "3_logins": logins,
  "4_retries": retries,
  "5_tries": tries
}

export const schemaVersion = Math.max(...Object.keys(migrations).map(Number.parseFloat))

const table = "central_migration"

/** Centrals that start at once wait for each other: it is one transaction, under a lock. */
export const migrate = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Migrator.make({})({ loader: Migrator.fromRecord(migrations), table })
  const [latest] = yield* sql<{
    readonly version: unknown
  }>`SELECT max(migration_id) AS version FROM ${sql(table)}`
  const version = Number(latest?.version ?? 0)
  if (version > schemaVersion) {
    return yield* new RepositoryUnavailable({
      reason: `its tables are of version ${version}, and this edge-worker knows versions up to ${schemaVersion}: start the newer edge-worker that wrote it`
    })
  }
})
