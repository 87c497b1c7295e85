/** database: an empty database of its own for each test, and the URL by which centrals share it. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { inject } from "vitest"
import { SqlRepository } from "../../src/central/SqlRepository.ts"
import { layer as postgres } from "../../src/platform/Postgres.ts"

const server = inject("postgresUrl")

/** Statements of whoever runs the server. */
export const asAdmin = (statement: (sql: SqlClient) => Effect.Effect<unknown, unknown>) =>
  Effect.flatMap(SqlClient, statement).pipe(
    Effect.scoped,
    Effect.provide(postgres(server), { local: true }),
    Effect.orDie
  )

/** The URL of a new database, which goes with the scope. */
export const newDatabase = Effect.acquireRelease(
  Effect.gen(function* () {
    const name = `test_${randomUUID().replaceAll("-", "")}`
    yield* asAdmin((sql) => sql`CREATE DATABASE ${sql(name)}`.unprepared)
    return { name, url: server.replace(/\/[^/]*$/, `/${name}`) }
  }),
  ({ name }) => asAdmin((sql) => sql`DROP DATABASE ${sql(name)} WITH (FORCE)`.unprepared)
)

/** One central's store. */
export const central = (url: string) => SqlRepository.layer.pipe(Layer.provideMerge(postgres(url)))

/** One central's store in a database of its own. */
export const alone = Layer.unwrap(Effect.map(newDatabase, ({ url }) => central(url)))
