/** TaskContext: what a task is told about itself and its run. */
import * as Context from "effect/Context"
import type { StartupDetails } from "../protocol/TaskComms.ts"

/** Which task this is, and the how-manieth try of it. */
export interface TaskInstance {
  /** Of this try; the site gives the next one another. */
  readonly id: string
  readonly dagId: string
  readonly taskId: string
  readonly runId: string
  /** From 1. */
  readonly tryNumber: number
  /** The try that the site counts as the last one is `maxTries + 1`. */
  readonly maxTries: number
  /** -1 where the task is not mapped. */
  readonly mapIndex: number
  /** The worker's name. */
  readonly hostname: string | undefined
  readonly queue: string | undefined
  readonly dagVersionId: string
}

/**
 * The run of the Dag. Times are ISO 8601 as the site wrote them: neither `Date` nor `DateTime` keeps microseconds, and the
 * site compares them when it is asked for a time.
 */
export interface DagRunInfo {
  readonly dagId: string
  readonly runId: string
  /** `manual`, `scheduled`, `backfill`, `asset_triggered`, … */
  readonly runType: string
  /** What the run was triggered with; empty where with nothing. */
  readonly conf: Readonly<Record<string, unknown>>
  /** Null where nobody gave one (a manual or asset-triggered run). */
  readonly logicalDate: string | null
  readonly dataIntervalStart: string | null
  readonly dataIntervalEnd: string | null
  readonly runAfter: string
  readonly startDate: string | null
  readonly triggeringUser: string | null
  readonly partitionKey: string | null
  /** The events of assets that led to the run, as the site tells them. */
  readonly consumedAssetEvents: ReadonlyArray<unknown>
}

/** Where the task goes on after it had deferred itself or awaited an input. */
export interface Resumption {
  readonly method: string
  readonly kwargs: Readonly<Record<string, unknown>>
}

/** The context of the attempt that runs. */
export class TaskContext extends Context.Service<
  TaskContext,
  {
    readonly ti: TaskInstance
    readonly dagRun: DagRunInfo
    /** The run's `conf` over the task's defaults, not yet read through the task's schema. */
    readonly params: Readonly<Record<string, unknown>>
    /** -1 where the task is not mapped. */
    readonly mapIndex: number
    /** The number of the try, from 1. */
    readonly attempt: number
    /** Whether a failure of this try is followed by another one. */
    readonly willRetry: boolean
    /** How often this try was rescheduled before. */
    readonly rescheduleCount: number
    /** ISO 8601: when this try began, its parts before a deferral or a reschedule included. */
    readonly startDate: string
    readonly resumption: Resumption | undefined
    /** All of it in the site's own words. */
    readonly details: StartupDetails
  }
>()("edge-worker/task/TaskContext") {}
