/** SqlRemoval: what goes with a job that is removed: its log, its earlier tries, and with its run's last job the XComs. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { keyOfText, keyText } from "./JobRow.ts"
import { removeLog } from "./SqlLogs.ts"
import { removeXComsAfter } from "./SqlXComs.ts"

/** After the job of this key has gone, in its transaction. */
export const removeRestOf = (sql: SqlClient) => {
  const removeRest = (id: string): Effect.Effect<unknown, SqlError> =>
    Effect.gen(function* () {
      yield* removeLog(sql)(id)
      const key = keyOfText(id)
      const before = keyText({ ...key, try_number: key.try_number - 1 })
      const earlier =
        yield* sql`DELETE FROM central_job WHERE job_key = ${before} AND retried = 1 RETURNING id`
      yield* earlier.length > 0 ? removeRest(before) : removeXComsAfter(sql, key)
    })
  return removeRest
}
