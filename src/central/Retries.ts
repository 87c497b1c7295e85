/** Retries: whether another try follows one that has failed, when it begins, and as which job; pure. */
import { type JobKey, keyOf, type Workload } from "../protocol/Job.ts"
import type { JobRecord } from "./JobRecord.ts"
import { logPath } from "./logPath.ts"
import { currentRun } from "./TaskRun.ts"

/** Nobody waits longer for a try. */
export const longestDelay = 365 * 86_400_000

/** Whether this try is not the last one that the job may have (Airflow 3.3.2, `is_eligible_to_retry`). */
export const mayRetry = ({ key, retries }: JobRecord): boolean => key.try_number <= retries

/** The key of the try that follows. */
export const nextKey = (key: JobKey): JobKey => ({ ...keyOf(key), try_number: key.try_number + 1 })

/** A task that has said that it failed, and not that it asks for a retry, is not tried again. */
const isFinal = (job: JobRecord): boolean => currentRun(job)?.state === "failed"

const commandOf = (command: Workload, key: JobKey, id: string): Workload =>
  command.type === "ExecuteTask"
    ? { ...command, log_path: logPath(key), ti: { ...command.ti, try_number: key.try_number, id } }
    : command

/**
 * A job as it is after a change, and the try that follows where that has made it fail: a job of its own, with a task
 * instance of its own, as in Airflow 3. Until its time it is `up_for_retry`.
 */
export const withRetry = (
  job: JobRecord,
  now: number,
  id: string
): readonly [job: JobRecord, next: JobRecord | undefined] => {
  if (job.state !== "failed" || !mayRetry(job) || isFinal(job)) return [job, undefined]
  const key = nextKey(job.key)
  const due = currentRun(job)?.wakeAt ?? now + job.retryDelay
  const next: JobRecord = {
    ...job,
    key,
    taskInstanceId: id,
    state: due > now ? "up_for_retry" : "queued",
    command: commandOf(job.command, key, id),
    queuedAt: Math.max(due, now),
    lastUpdate: now,
    worker: null,
    claims: 0,
    reason: null,
    task: null
  }
  return [{ ...job, retried: true }, next]
}
