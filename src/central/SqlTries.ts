/** SqlTries: how often passwords were tried, as rows by what they are counted under. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Tries } from "./Repository.ts"
import { locks } from "./SqlRows.ts"
import { reader, Whole } from "./StoredRow.ts"
import { fromStored, toStored } from "./StoredText.ts"

const toTries = reader(
  "central_try",
  Schema.Struct({ try_key: Schema.String, tries: Whole, ends_at: Whole }),
  ({ ends_at, tries, try_key }) =>
    [fromStored(try_key), { count: Number(tries), until: Number(ends_at) }] as const
)

/** Whoever is refused changes nothing, so that a flood of tries is a flood of looks alone. */
export const changeTries = <A>(
  sql: SqlClient,
  keys: ReadonlyArray<string>,
  change: (tries: ReadonlyMap<string, Tries>) => readonly [A, ReadonlyMap<string, Tries>]
): Effect.Effect<A, SqlError> => {
  const stored = [...new Set(keys.map(toStored))].sort()
  const rows = (lock: Fragment) =>
    Effect.map(
      sql`SELECT * FROM central_try WHERE ${sql.in("try_key", stored)} ORDER BY try_key ${lock}`,
      (found) => new Map(found.map(toTries).filter(([, { count }]) => count > 0))
    )
  const write = Effect.gen(function* () {
    // What is not there cannot be locked, so it is made first: in one order, so that nobody waits in a circle.
    for (const try_key of stored)
      yield* sql`INSERT INTO central_try ${sql.insert({ try_key, tries: 0, ends_at: 0 })} ON CONFLICT DO NOTHING`
    const [answer, changed] = change(yield* rows(locks(sql).wait))
    // one that was over may have been tidied away before it was locked
    for (const [key, { count, until }] of changed)
      yield* sql`INSERT INTO central_try ${sql.insert({ try_key: toStored(key), tries: count, ends_at: until })}
        ON CONFLICT (try_key) DO UPDATE SET tries = ${count}, ends_at = ${until}`
    return answer
  })
  return Effect.gen(function* () {
    const [answer, changed] = change(yield* rows(sql.literal("")))
    return changed.size === 0 ? answer : yield* sql.withTransaction(write)
  })
}
