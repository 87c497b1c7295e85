/** JobRecord: what the central keeps of a job, and what a worker is given of it. */
import type * as Schema from "effect/Schema"
import type { JobState } from "../protocol/EdgeApi.ts"
import type { JobKey, Workload } from "../protocol/Job.ts"
import type { TaskRun } from "./TaskRun.ts"

/** One row a key. Times are epoch milliseconds of the central's clock. */
export interface JobRecord {
  readonly key: JobKey
  /**
   * Made anew with each claim, so that it names the holder: a report, a log or a call of the task that bears another one
   * comes from a former holder. Of a raw workload it is the workload's own and never changes.
   */
  readonly taskInstanceId: string
  readonly state: JobState
  readonly queue: string
  /** Slots that it needs, at least one. */
  readonly slots: number
  /** Higher first. */
  readonly priority: number
  readonly team: string | null
  readonly kind: "task" | "callback"
  /** Submitted as it is (`--allow-raw-workloads`): nothing in it is replaced at a claim. */
  readonly raw: boolean
  /** Its token is empty unless it is raw: a claim gets a fresh one, and none is stored. */
  readonly command: Workload
  /** What whoever submitted it gave along; `null` where nothing. */
  readonly conf: Schema.Json
  /** Since when it waits for a worker; of a try that waits for its time, that time. */
  readonly queuedAt: number
  readonly lastUpdate: number
  /** Who holds it, or held it last. */
  readonly worker: string | null
  /** How often it was claimed. */
  readonly claims: number
  /** Who submitted it. */
  readonly submittedBy: string | null
  /** Why it ended as it did, where the central itself decided that: "cancelled by ada", "worker w1 is gone". */
  readonly reason: string | null
  /** The last attempt of which a task's supervisor has told; `null` where there was none, as with what is no Python. */
  readonly task: TaskRun | null
  /** How often it is tried again after it has failed. Each try is a job of its own. */
  readonly retries: number
  /** Milliseconds between a failure and the next try, where the task does not say otherwise. */
  readonly retryDelay: number
  /** It has failed, and another try follows: it goes with that one. */
  readonly retried: boolean
}

/** Which jobs: all that fit every part that is given. Patterns are substrings without case (edge3 5.1.0, `routes/ui.py`). */
export interface JobFilter {
  readonly dag?: string | undefined
  readonly run?: string | undefined
  readonly task?: string | undefined
  /** Not patterns: whole names. */
  readonly exactly?: Partial<Pick<JobKey, "dag_id" | "run_id" | "task_id">> | undefined
  readonly runs?: ReadonlyArray<string> | undefined
  readonly tasks?: ReadonlyArray<string> | undefined
  readonly mapIndex?: number | undefined
  readonly states?: ReadonlyArray<JobState> | undefined
  readonly queue?: string | undefined
  readonly worker?: string | undefined
  /** Held by exactly this worker. */
  readonly heldBy?: string | undefined
  readonly updatedBefore?: number | undefined
  /** At this time or later. */
  readonly updatedSince?: number | undefined
  /** Of several tries of a job the last one alone. */
  readonly latest?: true | undefined
}

/** How many jobs of one run are in one state. */
export interface JobTally extends Pick<JobRecord, "state" | "retried"> {
  readonly run_id: string
  readonly jobs: number
  /** Of the oldest of them. */
  readonly queuedAt: number
  /** Of the one that was changed last. */
  readonly lastUpdate: number
}

/** What a worker asks for. */
export interface Ask {
  readonly worker: string
  /** `null`: every queue. */
  readonly queues: ReadonlyArray<string> | null
  /** `null`: the worker has no team, and gets the jobs of all (edge3 5.1.0, `routes/jobs.py`). */
  readonly team: string | null
  /** Only a job that needs no more slots fits. */
  readonly freeSlots: number
  readonly now: number
  /** The `taskInstanceId` that the claim gives to the job, unless it is raw. */
  readonly taskInstanceId: string
}

/** A job that nothing more will happen to. */
export const isEnded = (state: JobState): boolean =>
  state === "success" || state === "failed" || state === "removed" || state === "skipped"

/** A job that somebody holds: claimed and not yet confirmed, or running. */
export const isHeld = (state: JobState): boolean => state === "restarting" || state === "running"
