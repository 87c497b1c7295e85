/** JobRow: a job as a row of `central_job`. */
import * as Schema from "effect/Schema"
import { JobState } from "../protocol/EdgeApi.ts"
import { type JobKey, keyTuple, Workload } from "../protocol/Job.ts"
import * as Json from "../protocol/Json.ts"
import type { JobRecord } from "./JobRecord.ts"
import { reader, type Table, Whole } from "./StoredRow.ts"
import { fromStored, fromStoredOrNull, toStored, toStoredOrNull } from "./StoredText.ts"
import { TaskRun } from "./TaskRun.ts"

const name = "central_job"
const TextOrNull = Schema.NullOr(Schema.String)

/** A key as one text, without the characters that a database refuses. */
export const keyText = (key: JobKey): string => JSON.stringify(keyTuple(key))

const Key = Schema.fromJsonString(
  Schema.Tuple([Schema.String, Schema.String, Schema.String, Schema.Int, Schema.Int])
)

/** The key of such a text. */
export const keyOfText = (text: string): JobKey => {
  const [dag_id, task_id, run_id, try_number, map_index] = Schema.decodeUnknownSync(Key)(text)
  return { dag_id, task_id, run_id, try_number, map_index }
}

const Row = Schema.Struct({
  job_key: Key,
  task_instance_id: Schema.String,
  state: JobState,
  queue: Schema.String,
  slots: Whole,
  priority: Whole,
  team: TextOrNull,
  claim_rank: Whole,
  raw: Whole,
  command: Schema.String,
  conf: Schema.String,
  queued_at: Whole,
  last_update: Whole,
  worker: TextOrNull,
  claims: Whole,
  submitted_by: TextOrNull,
  reason: TextOrNull,
  task: Schema.NullOr(Schema.fromJsonString(TaskRun)),
  retries: Whole,
  retry_delay: Whole,
  retried: Whole
})

const isWorkload = Schema.is(Workload)

/** As it was read, not as a schema makes it anew: its keys stay in their order. */
const workload = (stored: string): Workload => {
  const command = Json.parse(stored)
  if (!isWorkload(command)) throw new Error("its command is no workload")
  return command
}

/** Of a row that is read; the others are for filters. */
export const jobColumns: ReadonlyArray<string> = Object.keys(Row.fields)

export const jobTable: Table<JobRecord> = {
  name,
  key: "job_key",
  toColumns: (job) => ({
    job_key: keyText(job.key),
    dag_id: toStored(job.key.dag_id),
    run_id: toStored(job.key.run_id),
    task_id: toStored(job.key.task_id),
    task_instance_id: toStored(job.taskInstanceId),
    state: job.state,
    queue: toStored(job.queue),
    slots: job.slots,
    priority: job.priority,
    team: toStoredOrNull(job.team),
    claim_rank: job.kind === "callback" ? 0 : 1,
    raw: job.raw ? 1 : 0,
    command: Json.stringify(job.command) ?? "",
    conf: Json.stringify(job.conf) ?? "null",
    queued_at: job.queuedAt,
    last_update: job.lastUpdate,
    worker: toStoredOrNull(job.worker),
    claims: job.claims,
    submitted_by: toStoredOrNull(job.submittedBy),
    reason: toStoredOrNull(job.reason),
    task: job.task === null ? null : JSON.stringify(job.task),
    retries: job.retries,
    retry_delay: job.retryDelay,
    retried: job.retried ? 1 : 0
  }),
  fromColumns: reader(name, Row, (row) => {
    const [dag_id, task_id, run_id, try_number, map_index] = row.job_key
    return {
      key: { dag_id, task_id, run_id, try_number, map_index },
      taskInstanceId: fromStored(row.task_instance_id),
      state: row.state,
      queue: fromStored(row.queue),
      slots: Number(row.slots),
      priority: Number(row.priority),
      team: fromStoredOrNull(row.team),
      kind: Number(row.claim_rank) === 0 ? "callback" : "task",
      raw: Number(row.raw) === 1,
      command: workload(row.command),
      // not through a schema: it would take the digits of a number for an object
      conf: Json.parse(row.conf) as Schema.Json,
      queuedAt: Number(row.queued_at),
      lastUpdate: Number(row.last_update),
      worker: fromStoredOrNull(row.worker),
      claims: Number(row.claims),
      submittedBy: fromStoredOrNull(row.submitted_by),
      reason: fromStoredOrNull(row.reason),
      task: row.task,
      retries: Number(row.retries),
      retryDelay: Number(row.retry_delay),
      retried: Number(row.retried) === 1
    }
  })
}
