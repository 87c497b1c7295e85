/** TaskRules: what a supervisor's words make of a task, and when they come too late; pure. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { EnterRunning, HeartbeatInfo } from "../protocol/execution/TaskInstances.ts"
import type { TaskStateBody } from "../protocol/execution/TaskStates.ts"
import { isEnded, isHeld, type JobRecord } from "./JobRecord.ts"
import type { Change, Writer } from "./Repository.ts"
import { longestDelay, mayRetry } from "./Retries.ts"
import { currentRun, type TaskRun } from "./TaskRun.ts"

/** 404, and 410 to a heartbeat: no claim has this id any more; whoever bears it is a former holder. */
export class TaskUnknown extends Schema.TaggedError<TaskUnknown>()("TaskUnknown", {}) {
  readonly detail = {
    reason: "not_found",
    message: "Task Instance not found: its job was given away, or purged"
  }
  override get message() {
    return this.detail.message
  }
}

/** 409: the task is not where this would make sense. `detail` is Airflow's own (3.3.2, `routes/task_instances.py`). */
export class TaskConflict extends Schema.TaggedError<TaskConflict>()("TaskConflict", {
  detail: Schema.Record(Schema.String, Schema.Unknown)
}) {
  override get message() {
    return String(this.detail["message"])
  }
}

/** 422: nothing here could bring such a task on. */
export class TaskUnsupported extends Schema.TaggedError<TaskUnsupported>()("TaskUnsupported", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

const isClaimed = (job: JobRecord | undefined, id: string): job is JobRecord => job?.taskInstanceId === id

const unknown = () => Result.fail(new TaskUnknown())

/** The state of a task instance as Airflow would tell it: a job that is claimed is queued until its task runs. */
const taskState = (job: JobRecord): string => {
  if (isEnded(job.state)) return job.state
  return currentRun(job)?.state ?? "queued"
}

const invalid = (job: JobRecord, message: string) =>
  Result.fail(
    new TaskConflict({ detail: { reason: "invalid_state", message, previous_state: taskState(job) } })
  )

/** `PATCH …/run`: confirms the claim too. The same again is answered again, as its answer may have been lost. */
export const started =
  (
    id: string,
    { hostname, pid, start_date, unixname }: EnterRunning,
    now: number
  ): Change<JobRecord, JobRecord, TaskUnknown | TaskConflict> =>
  (job) => {
    if (!isClaimed(job, id)) return unknown()
    const run = currentRun(job)
    const again =
      run?.state === "running" && run.hostname === hostname && run.unixname === unixname && run.pid === pid
    if (again && isHeld(job.state)) return Result.succeed([job, job])
    if (run !== null || !isHeld(job.state))
      return invalid(job, "TI was not in a state where it could be marked as running")
    const before = job.task?.state === "up_for_reschedule" ? job.task : null
    const task: TaskRun = {
      taskInstanceId: id,
      state: "running",
      hostname,
      unixname,
      pid,
      startDate: start_date,
      firstStart: before?.firstStart ?? start_date,
      reschedules: before?.reschedules ?? 0,
      endDate: null,
      wakeAt: null
    }
    const changed: JobRecord = { ...job, state: "running", lastUpdate: now, task }
    return Result.succeed([changed, changed])
  }

const unsupported = (reason: string) => Result.fail(new TaskUnsupported({ reason }))

/** When a retry is to begin whose task has said so itself. */
const ownDelay = (seconds: number | null | undefined, now: number): number | null =>
  typeof seconds === "number" ? now + Math.min(Math.max(0, Math.round(seconds * 1000)), longestDelay) : null

/** What a body makes of a run; a task that asks for a retry where none is left has failed. */
const after = (
  job: JobRecord,
  run: TaskRun,
  body: TaskStateBody,
  now: number
): Result.Result<TaskRun, TaskUnsupported> => {
  switch (body.state) {
    case "success":
    case "failed":
    case "skipped":
    case "removed":
      return Result.succeed({ ...run, state: body.state, endDate: body.end_date })
    case "upstream_failed":
      return Result.succeed({ ...run, state: "failed", endDate: body.end_date })
    case "up_for_retry":
      return Result.succeed(
        mayRetry(job)
          ? {
              ...run,
              state: "up_for_retry",
              endDate: body.end_date,
              wakeAt: ownDelay(body.retry_delay_seconds, now)
            }
          : { ...run, state: "failed", endDate: body.end_date }
      )
    case "up_for_reschedule":
      return Result.succeed({
        ...run,
        state: "up_for_reschedule",
        endDate: body.end_date,
        wakeAt: Date.parse(body.reschedule_date),
        reschedules: run.reschedules + 1
      })
    case "deferred":
      return unsupported(
        "this central has no triggerer: a task cannot be deferred here. Set deferrable=False, or mode='reschedule'"
      )
    case "awaiting_input":
      return unsupported("this central asks nobody: a task cannot wait for a person's input here")
  }
}

/** What a body says in our words. */
const wordOf = (job: JobRecord, { state }: TaskStateBody): string =>
  state === "upstream_failed" || (state === "up_for_retry" && !mayRetry(job)) ? "failed" : state

/** `PATCH …/state`. Answers whether it was so already. The job itself ends with its worker's report. */
export const ended =
  (
    id: string,
    body: TaskStateBody,
    now: number
  ): Change<JobRecord, "changed" | "already", TaskUnknown | TaskConflict | TaskUnsupported> =>
  (job) => {
    if (!isClaimed(job, id)) return unknown()
    const run = currentRun(job)
    if (run !== null && run.state === wordOf(job, body)) return Result.succeed(["already", job])
    if (run?.state !== "running" || !isHeld(job.state))
      return invalid(job, "TI was not in the running state so it cannot be updated")
    return Result.map(after(job, run, body, now), (task) => ["changed", { ...job, task }] as const)
  }

/** `PUT …/heartbeat`; also whether the task may write at all. Where it fails, the task has to be stopped. */
export const alive = (
  job: JobRecord | undefined,
  id: string,
  who?: HeartbeatInfo
): Result.Result<JobRecord, TaskUnknown | TaskConflict> => {
  if (!isClaimed(job, id)) return unknown()
  const run = currentRun(job)
  const conflict = (detail: Readonly<Record<string, unknown>>) => Result.fail(new TaskConflict({ detail }))
  if (who !== undefined && run !== null && (run.hostname !== who.hostname || run.pid !== who.pid))
    return conflict({
      reason: "running_elsewhere",
      message: "TI is already running elsewhere",
      current_hostname: run.hostname,
      current_pid: run.pid
    })
  if (run?.state !== "running" || !isHeld(job.state))
    return conflict({
      reason: "not_running",
      message: `TI is no longer in the running state and task should terminate${job.reason === null ? "" : `: ${job.reason}`}`,
      current_state: taskState(job)
    })
  return Result.succeed(job)
}

/** A task that writes: as long as it is alive. */
export const writerOf = (id: string): Writer<TaskUnknown | TaskConflict> => ({
  taskInstanceId: id,
  may: (job) => alive(job, id)
})

/** A job whose task asked to come back, and a try that waits, are queued once it is time. */
export const woken =
  (now: number) =>
  (job: JobRecord): JobRecord =>
    (job.state === "up_for_reschedule" && (job.task?.wakeAt ?? 0) <= now) ||
    (job.state === "up_for_retry" && job.queuedAt <= now)
      ? { ...job, state: "queued", lastUpdate: now }
      : job
