/** SqlTally: jobs counted by the database, so that nobody reads all of them to know how many there are. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import { JobState } from "../protocol/EdgeApi.ts"
import type { JobFilter, JobTally } from "./JobRecord.ts"
import { whereJob } from "./SqlFilters.ts"
import { reader, Whole } from "./StoredRow.ts"
import { fromStored } from "./StoredText.ts"

const toTally = reader(
  "central_job",
  Schema.Struct({
    run_id: Schema.String,
    state: JobState,
    retried: Whole,
    jobs: Whole,
    first_queued: Whole,
    latest_update: Whole
  }),
  (row): JobTally => ({
    run_id: fromStored(row.run_id),
    state: row.state,
    retried: Number(row.retried) === 1,
    jobs: Number(row.jobs),
    queuedAt: Number(row.first_queued),
    lastUpdate: Number(row.latest_update)
  })
)

export const tallyJobs = (sql: SqlClient, filter: JobFilter) =>
  Effect.map(
    sql`SELECT run_id, state, retried, count(*) AS jobs, min(queued_at) AS first_queued,
        max(last_update) AS latest_update
      FROM central_job WHERE ${whereJob(sql, filter)} GROUP BY run_id, state, retried`,
    (rows) => rows.map(toTally)
  )
