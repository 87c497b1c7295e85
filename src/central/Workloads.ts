/** Workloads: what a worker is given for a submitted job, in the shape of Airflow's own. */
import * as Clock from "effect/Clock"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { TaskTokens } from "../platform/TaskTokens.ts"
import type { RawSubmission, Submission } from "../protocol/CentralApi.ts"
import { ExecuteTask, type Job } from "../protocol/Job.ts"
import type { JobRecord } from "./JobRecord.ts"
import { logPath } from "./logPath.ts"

const random = SecureRandom.make((size) => globalThis.crypto.getRandomValues(new Uint8Array(size)))

/** A name for a job's holder, or a version of a Dag: later ones sort after earlier ones. */
export const freshId: Effect.Effect<string> = random.uuidV7()

/** `manual__` and the time, as Airflow names a run that a person starts; `n` tells those of one millisecond apart. */
export const manualRun = (millis: number, n: number): string =>
  `manual__${new Date(millis).toISOString().replace("Z", `${String(n % 1000).padStart(3, "0")}+00:00`)}`

/** A job as it is submitted: queued, held by nobody. `retryDelay`: milliseconds, where the request names none. */
export const fromSubmission = Effect.fnUntraced(function* (
  request: Submission,
  run_id: string,
  user: string,
  retryDelay: number
): Effect.fn.Return<JobRecord> {
  const now = yield* Clock.currentTimeMillis
  const { conf = null, dag_id, map_index = -1, priority = 1, queue = "default", slots = 1, task_id } = request
  const key = { dag_id, task_id, run_id, try_number: 1, map_index }
  const id = yield* freshId
  const command: ExecuteTask = {
    type: "ExecuteTask",
    token: "",
    // Airflow's supervisor wants a file, and where it is sought: below the worker's own dags_folder.
    dag_rel_path: `${dag_id}.py`,
    bundle_info: { name: "dags-folder", version: null },
    log_path: logPath(key),
    ti: {
      ...key,
      id,
      dag_version_id: yield* freshId,
      hostname: null,
      queue,
      pool_slots: slots,
      priority_weight: priority,
      context_carrier: {}
    },
    sentry_integration: ""
  }
  const { retries = 0, retry_delay } = request
  return {
    ...record({ key, taskInstanceId: id, queue, slots, priority, command, conf, user, now, raw: false }),
    retries,
    retryDelay: retry_delay === undefined ? retryDelay : Math.round(retry_delay * 1000)
  }
})

/** Why a workload is not one that may be submitted. */
export class WorkloadRefused extends Schema.TaggedError<WorkloadRefused>()("WorkloadRefused", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

const isTask = Schema.is(ExecuteTask)
const isUuid = Schema.is(Schema.String.check(Schema.isUUID()))

/** A workload of Airflow as it is: its key, id, token and log path are its own. */
export const fromRaw = Effect.fnUntraced(function* (
  { conf = null, workload }: typeof RawSubmission.Type,
  user: string
): Effect.fn.Return<JobRecord, WorkloadRefused> {
  if (!isTask(workload)) return yield* new WorkloadRefused({ detail: "this is no ExecuteTask of Airflow" })
  const { ti } = workload
  if (!isUuid(ti.id)) return yield* new WorkloadRefused({ detail: "ti.id is no UUID" })
  const key = {
    dag_id: ti.dag_id,
    task_id: ti.task_id,
    run_id: ti.run_id,
    try_number: ti.try_number,
    map_index: ti.map_index ?? -1
  }
  if (Object.values(key).some((part) => String(part).length > 250 || String(part) === "")) {
    return yield* new WorkloadRefused({ detail: "a part of the job's key is empty or too long" })
  }
  const queue = ti.queue ?? "default"
  if (queue.length > 256) return yield* new WorkloadRefused({ detail: "the queue's name is too long" })
  const now = yield* Clock.currentTimeMillis
  return record({
    key,
    taskInstanceId: ti.id.toLowerCase(),
    queue,
    slots: Math.max(1, ti.pool_slots),
    priority: ti.priority_weight,
    command: workload,
    conf,
    user,
    now,
    raw: true
  })
})

interface Made
  extends Pick<JobRecord, "key" | "taskInstanceId" | "queue" | "slots" | "priority" | "command" | "raw"> {
  readonly conf: unknown
  readonly user: string
  readonly now: number
}

const record = ({ conf, now, user, ...made }: Made): JobRecord => ({
  ...made,
  // it was JSON when it came
  conf: conf as Schema.Json,
  state: "queued",
  team: null,
  kind: "task",
  queuedAt: now,
  lastUpdate: now,
  worker: null,
  claims: 0,
  submittedBy: user,
  reason: null,
  task: null,
  retries: 0,
  retryDelay: 0,
  retried: false
})

/** The answer to a fetch: the workload with its holder's own id and token, and the conf beside it. */
export const toJob = Effect.fnUntraced(function* (job: JobRecord): Effect.fn.Return<Job, never, TaskTokens> {
  const rest = {
    ...job.key,
    concurrency_slots: job.slots,
    task_instance_id: job.taskInstanceId,
    ...(job.conf === null ? {} : { conf: job.conf })
  }
  if (job.raw || job.command.type !== "ExecuteTask") return { ...rest, command: job.command }
  const { issue } = yield* TaskTokens
  const token = Redacted.value(yield* issue(job.taskInstanceId, "workload"))
  return { ...rest, command: { ...job.command, token, ti: { ...job.command.ti, id: job.taskInstanceId } } }
})
