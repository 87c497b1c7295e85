/** TaskRun: what the central knows of a Python task from its supervisor, beside what the worker says of the job. */
import * as Schema from "effect/Schema"
import type { JobRecord } from "./JobRecord.ts"

/** One attempt of a task under its supervisor: from `run` over the Execution API to the state that it ended in. */
export const TaskRun = Schema.Struct({
  /** Whose: that of another claim is a former one. */
  taskInstanceId: Schema.String,
  state: Schema.Literals([
    "running",
    "success",
    "failed",
    "skipped",
    "removed",
    "up_for_reschedule",
    "up_for_retry"
  ]),
  hostname: Schema.String,
  unixname: Schema.String,
  pid: Schema.Int,
  /** As the supervisor wrote it. */
  startDate: Schema.String,
  /** That of the first attempt of this try: a rescheduled task comes back. */
  firstStart: Schema.String,
  reschedules: Schema.Int,
  endDate: Schema.NullOr(Schema.String),
  /** When a rescheduled task is to come back, in epoch milliseconds; of one that asks for a retry, `null`: as its job says. */
  wakeAt: Schema.NullOr(Schema.Finite)
})
export type TaskRun = typeof TaskRun.Type

/** That of the job's present claim. */
export const currentRun = ({ task, taskInstanceId }: JobRecord): TaskRun | null =>
  task?.taskInstanceId === taskInstanceId ? task : null

/**
 * How a job ends whose worker says that its process has ended: as the task itself has said, whatever the exit code. A
 * supervisor that ends well and has not said how its task ended has lost it.
 */
export const verdict = <State extends string>(
  job: JobRecord,
  said: State
): State | Exclude<TaskRun["state"], "running" | "up_for_retry"> => {
  const run = currentRun(job)
  if (run === null) return said
  if (run.state === "up_for_retry") return "failed"
  if (run.state !== "running") return run.state
  return said === "success" ? "failed" : said
}
