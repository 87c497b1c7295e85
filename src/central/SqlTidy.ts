/** SqlTidy: rows that nobody needs any more. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { locks } from "./SqlRows.ts"

/** Each statement for itself: whichever central is second finds nothing left. */
export const tidy = (
  sql: SqlClient,
  { auditsBefore, now }: { readonly now: number; readonly auditsBefore: number }
) =>
  Effect.gen(function* () {
    yield* sql`DELETE FROM central_login WHERE ends_at <= ${now}`
    // one that somebody is just counting is left: they would wait for each other
    yield* sql`DELETE FROM central_try WHERE try_key IN (
      SELECT try_key FROM central_try WHERE ends_at <= ${now} ${locks(sql).skip})`
    yield* sql`DELETE FROM central_audit WHERE happened_at < ${auditsBefore}`
    // a chunk that was on its way when its job was removed has made the log anew
    const stray = yield* sql`DELETE FROM central_log
      WHERE NOT EXISTS (SELECT 1 FROM central_job WHERE central_job.job_key = central_log.job_key)
      RETURNING id`
    return stray.length
  })
