/** The first tables: workers, jobs, logs, audit. A migration that was released is never changed: the next one follows it. */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import { parts } from "./parts.ts"

export const firstTables = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const { id, unique } = parts(sql)

  yield* sql`CREATE TABLE central_worker (
    name TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    maintenance_comment TEXT,
    queues TEXT,
    first_online BIGINT NOT NULL,
    last_update BIGINT NOT NULL,
    jobs_active BIGINT NOT NULL,
    sysinfo TEXT NOT NULL,
    team TEXT,
    concurrency BIGINT
  )`

  yield* sql`CREATE TABLE central_job (
    id ${id},
    job_key TEXT NOT NULL,
    dag_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task_instance_id TEXT NOT NULL,
    state TEXT NOT NULL,
    queue TEXT NOT NULL,
    slots BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    team TEXT,
    claim_rank BIGINT NOT NULL,
    raw BIGINT NOT NULL,
    command TEXT NOT NULL,
    conf TEXT NOT NULL,
    queued_at BIGINT NOT NULL,
    last_update BIGINT NOT NULL,
    worker TEXT,
    claims BIGINT NOT NULL,
    submitted_by TEXT,
    reason TEXT,
    ${unique("job_key")}
  )`
  // In the order of a claim, with all that decides whether a job fits: a claim reads no row that it does not take. A database that
  // guesses how common a queue is would look for one in the order of all of them; so only who names none says claim_rank >= 0.
  yield* sql`CREATE INDEX central_job_next
    ON central_job (claim_rank, priority DESC, queued_at, id, slots, team) WHERE state = 'queued' AND claim_rank >= 0`
  yield* sql`CREATE INDEX central_job_next_in_queue
    ON central_job (queue, claim_rank, priority DESC, queued_at, id, slots, team) WHERE state = 'queued'`
  yield* sql`CREATE INDEX central_job_state ON central_job (state, last_update)`
  yield* sql`CREATE INDEX central_job_worker ON central_job (worker)`
  yield* sql`CREATE INDEX central_job_age ON central_job (queued_at, id)`

  yield* sql`CREATE TABLE central_log (
    id ${id},
    job_key TEXT NOT NULL,
    characters BIGINT NOT NULL,
    ${unique("job_key")}
  )`
  yield* sql`CREATE TABLE central_log_chunk (
    log_id BIGINT NOT NULL REFERENCES central_log (id) ON DELETE CASCADE,
    begins_at BIGINT NOT NULL,
    chunk_time TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (log_id, begins_at),
    UNIQUE (log_id, chunk_time)
  )`

  yield* sql`CREATE TABLE central_audit (
    id ${id},
    happened_at BIGINT NOT NULL,
    user_name TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT
  )`
})
