/** A job: one unit of work that the central site hands out, its key, and the workload it carries. */
import * as Schema from "effect/Schema"

/** What identifies a job on the wire: five parts, in the order in which they stand in a path. */
export const JobKey = Schema.Struct({
  dag_id: Schema.String,
  task_id: Schema.String,
  run_id: Schema.String,
  try_number: Schema.Int,
  map_index: Schema.Int
})
export type JobKey = typeof JobKey.Type

const rest = [Schema.Record(Schema.String, Schema.Unknown)] as const

/** `TaskInstanceDTO` of the Edge API (edge3 5.1.0). Keys that we do not read are kept for the task. */
export const TaskInstance = Schema.StructWithRest(
  Schema.Struct({
    id: Schema.String,
    task_id: Schema.String,
    dag_id: Schema.String,
    run_id: Schema.String,
    try_number: Schema.Int,
    dag_version_id: Schema.String,
    map_index: Schema.optionalKey(Schema.Int),
    hostname: Schema.optionalKey(Schema.NullOr(Schema.String)),
    queue: Schema.optionalKey(Schema.String),
    pool_slots: Schema.Int,
    priority_weight: Schema.Int,
    context_carrier: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown)))
  }),
  rest
)
export type TaskInstance = typeof TaskInstance.Type

/** `BundleInfo`: which Dag bundle the workload's code comes from. */
export const BundleInfo = Schema.Struct({
  name: Schema.String,
  version: Schema.optionalKey(Schema.NullOr(Schema.String))
})

/** `ExecuteTask`: run this task instance. `token` is the task's own credential for the Execution API. */
export const ExecuteTask = Schema.StructWithRest(
  Schema.Struct({
    type: Schema.Literal("ExecuteTask"),
    token: Schema.String,
    dag_rel_path: Schema.String,
    bundle_info: BundleInfo,
    log_path: Schema.NullOr(Schema.String),
    ti: TaskInstance,
    sentry_integration: Schema.optionalKey(Schema.String)
  }),
  rest
)
export type ExecuteTask = typeof ExecuteTask.Type

/** `ExecuteCallback`: run this callback (a Dag's or task's, such as a deadline alert). */
export const ExecuteCallback = Schema.StructWithRest(
  Schema.Struct({
    type: Schema.Literal("ExecuteCallback"),
    token: Schema.String,
    dag_rel_path: Schema.String,
    bundle_info: BundleInfo,
    log_path: Schema.NullOr(Schema.String),
    callback: Schema.Struct({
      id: Schema.String,
      fetch_method: Schema.Literals(["dag_attribute", "import_path"]),
      data: Schema.Record(Schema.String, Schema.Unknown)
    })
  }),
  rest
)
export type ExecuteCallback = typeof ExecuteCallback.Type

/** `TestConnection`: published by Airflow 3.3.2, not sent to edge workers today. */
export const TestConnection = Schema.StructWithRest(
  Schema.Struct({
    type: Schema.Literal("TestConnection"),
    token: Schema.String,
    connection_test_id: Schema.String,
    connection_id: Schema.String,
    timeout: Schema.Int,
    queue: Schema.optionalKey(Schema.NullOr(Schema.String))
  }),
  rest
)
export type TestConnection = typeof TestConnection.Type

/** What a job carries. Every key travels on to the runner as it came, numbers digit by digit (`protocol/Json`). */
export const Workload = Schema.Union([ExecuteTask, ExecuteCallback, TestConnection])
export type Workload = typeof Workload.Type

/** `EdgeJobFetched` of the Edge API (edge3 5.1.0): the answer to a fetch. */
export const Job = Schema.Struct({
  ...JobKey.fields,
  command: Workload,
  concurrency_slots: Schema.Int,
  task_instance_id: Schema.optionalKey(Schema.NullOr(Schema.String)),
  /** What was submitted along with the job; only our own central sends it, and Airflow's worker ignores it. */
  conf: Schema.optionalKey(Schema.Unknown)
})
export type Job = typeof Job.Type

/**
 * A job that this worker was given, from the moment of the claim until the site has accepted its end.
 *
 * `id` is unique to the claim: a deferred or rescheduled task comes back with the same key, try and task instance.
 */
export interface Claim {
  /** Unique; also the name of the job's folder: `[0-9a-z-]+`. */
  readonly id: string
  readonly job: Job
  /** When the claim's answer arrived, in epoch milliseconds of this machine. */
  readonly claimedAt: number
  /** The end of its workload's token, in epoch milliseconds of the site's clock; null where that is not known. */
  readonly expires: number | null
}

/** The slots that a job holds: at least one, whatever the site says, or running jobs would make room. */
export const slotsOf = (job: Job): number => Math.max(1, job.concurrency_slots)

/** The queue that the job came from; a workload that does not name one is of Airflow's default. */
export const queueOf = ({ command }: Job): string =>
  (command.type === "ExecuteTask" ? command.ti.queue : undefined) ?? "default"

/** Where the site wants the job's log, below base_log_folder; null where it does not say. */
export const logPathOf = ({ command }: Job): string | null =>
  "log_path" in command && typeof command.log_path === "string" ? command.log_path : null

/** The job's key as one readable line for logs: `dag.task run=… try=… map=…`. */
export const display = (key: JobKey): string =>
  `${key.dag_id}.${key.task_id} run=${key.run_id} try=${key.try_number}${key.map_index >= 0 ? ` map=${key.map_index}` : ""}`

/** The job's key as edge3's `status` prints a `TaskInstanceKey`: a list of five in this order. */
export const keyTuple = (key: JobKey): readonly [string, string, string, number, number] => [
  key.dag_id,
  key.task_id,
  key.run_id,
  key.try_number,
  key.map_index
]

/** Whether two keys name one job. */
export const isSameJob = (a: JobKey, b: JobKey): boolean => {
  const other = keyTuple(b)
  return keyTuple(a).every((part, at) => part === other[at])
}

/** The part of a job that names it. */
export const keyOf = (job: JobKey): JobKey => ({
  dag_id: job.dag_id,
  task_id: job.task_id,
  run_id: job.run_id,
  try_number: job.try_number,
  map_index: job.map_index
})
