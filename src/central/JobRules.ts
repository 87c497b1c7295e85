/** JobRules: what each event makes of a job, and who may cause it; pure. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { JobState } from "../protocol/EdgeApi.ts"
import { isEnded, isHeld, type JobRecord } from "./JobRecord.ts"
import type { Change } from "./Repository.ts"
import { withRetry } from "./Retries.ts"
import { currentRun, verdict } from "./TaskRun.ts"

/** 409: whoever says so does not hold the job (any more), and has to stop it. */
export class StaleHolder extends Schema.TaggedError<StaleHolder>()("StaleHolder", { detail: Schema.String }) {
  override get message() {
    return this.detail
  }
}

/** 400: a state that no worker can report. */
export class NotReportable extends Schema.TaggedError<NotReportable>()("NotReportable", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** 404: there is no such job. */
export class JobUnknown extends Schema.TaggedError<JobUnknown>()("JobUnknown", {}) {
  override get message() {
    return "there is no such job"
  }
}

/** 409: the job ended before it could be cancelled. */
export class JobEnded extends Schema.TaggedError<JobEnded>()("JobEnded", {
  state: Schema.String,
  /** Another try has followed. */
  retried: Schema.Boolean
}) {
  override get message() {
    return `the job has ended already: ${this.state}`
  }
}

/** The same UUID, in whatever case it was written. */
const isHolder = (job: JobRecord, taskInstanceId: string | null): boolean =>
  taskInstanceId?.toLowerCase() === job.taskInstanceId.toLowerCase()

const stale = (detail: string) => Result.fail(new StaleHolder({ detail }))

/** What a worker can say of a job that it holds. */
const reportable: ReadonlyArray<JobState> = ["running", "queued", "success", "failed", "skipped", "removed"]

/**
 * A worker's report. The same one again is accepted again, as its answer may have been lost. Of a job that is not there
 * Airflow accepts everything (edge3 5.1.0, `routes/jobs.py`), and so do we: it was purged, long after its end. `nextId` is
 * the task instance's of the next try, where one follows.
 */
export const reported =
  (
    said: JobState,
    taskInstanceId: string | null,
    now: number,
    nextId: string
  ): Change<
    JobRecord,
    { readonly job: JobRecord | undefined; readonly before: JobState | undefined },
    StaleHolder | NotReportable
  > =>
  (job) => {
    if (!reportable.includes(said))
      return Result.fail(new NotReportable({ detail: `no worker reports ${said}` }))
    if (job === undefined) return Result.succeed([{ job, before: undefined }, undefined])
    if (!isHolder(job, taskInstanceId)) return stale("this job was given to another worker")
    if (job.state === "removed" && job.reason !== null) return stale(`this job was ${job.reason}`)
    // Of a Python task its supervisor has said how it ended; the worker knows an exit code.
    const state = isEnded(said) ? verdict(job, said) : said
    if (job.state === state && !isHeld(state)) return Result.succeed([{ job, before: state }, job])
    if (isEnded(job.state)) {
      return stale(`this job has ended already: ${job.state}${job.reason === null ? "" : `, ${job.reason}`}`)
    }
    // Said again, as its answer was lost, after the job was queued anew.
    if (job.state === "queued" && state === "up_for_reschedule")
      return Result.succeed([{ job, before: job.state }, job])
    // Its claim went back: nobody holds it, and the next one may be given it at any moment.
    if (!isHeld(job.state)) return stale("this job is queued again: it was not confirmed in time")
    const lost = state === "failed" && said === "success" && currentRun(job)?.state === "running"
    const reason = lost ? "its supervisor ended without saying how the task did" : job.reason
    const [changed, next] = withRetry({ ...job, state, lastUpdate: now, reason }, now, nextId)
    return Result.succeed([{ job: changed, before: job.state }, changed, next])
  }

/** A queued job never begins; whoever holds one hears of it with the next report. */
export const cancelled =
  (user: string, now: number): Change<JobRecord, JobRecord, JobUnknown | JobEnded> =>
  (job) => {
    if (job === undefined) return Result.fail(new JobUnknown())
    if (job.state === "removed") return Result.succeed([job, job])
    if (isEnded(job.state)) return Result.fail(new JobEnded({ state: job.state, retried: job.retried }))
    const changed: JobRecord = { ...job, state: "removed", lastUpdate: now, reason: `cancelled by ${user}` }
    return Result.succeed([changed, changed])
  }

/**
 * A job of whose end nobody will tell any more, unless somebody has told of it since `before`. Gives what has become of it;
 * `undefined` where it is as it was.
 */
export const gaveUp =
  (
    reason: string,
    before: number,
    now: number,
    nextId: string
  ): Change<JobRecord, JobRecord | undefined, never> =>
  (job) => {
    if (job === undefined || job.state !== "running" || job.lastUpdate >= before)
      return Result.succeed([undefined, job])
    const state = verdict(job, "failed")
    const ended = { ...job, state, lastUpdate: now, reason: state === "failed" ? reason : job.reason }
    const [changed, next] = withRetry(ended, now, nextId)
    return Result.succeed([changed, changed, next])
  }

/** A claim that nobody confirmed goes back, as old as it was. */
export const released =
  (now: number) =>
  (job: JobRecord): JobRecord =>
    job.state === "restarting" ? { ...job, state: "queued", lastUpdate: now } : job

/** Whether a log chunk comes from who holds the job, or held it last. */
export const mayLog = (job: JobRecord, taskInstanceId: string | null): boolean =>
  isHolder(job, taskInstanceId)
