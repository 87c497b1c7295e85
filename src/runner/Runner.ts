/** Runner: what starts a job and can find it again. One service; the kinds of runner stand beside it. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Claim } from "../protocol/Job.ts"

/** How a job's process ended. `Succeeded` becomes the job state `success`, `Failed` becomes `failed`. */
export type Outcome =
  | { readonly _tag: "Succeeded" }
  | {
      readonly _tag: "Failed"
      /** One sentence for the task's log: "exited with code 3", "was killed by SIGKILL", … */
      readonly reason: string
      /** What the process wrote to its stderr file, cut to its last 64 KiB; empty if nothing. */
      readonly stderr: string
      readonly exitCode?: number | undefined
      readonly signal?: string | undefined
    }
  /**
   * Somebody else runs this very try. Nothing is reported: Airflow's scheduler would fail that one, whether the job is
   * said to be `success` or `failed`. Its executor settles the job by the task's own state.
   */
  | { readonly _tag: "Left"; readonly reason: string }

/** What a runner needs to start a job. */
export interface JobToRun {
  readonly claim: Claim
  /** Absolute path of the log file; already checked to stay under the base log folder. */
  readonly logFile: string
  /** The job's own folder under the state folder's `jobs/`: exists, mode 0700, empty; but see `needsFolder`. */
  readonly folder: string
}

/** A started job. Whoever waits for `outcome` does not own the process: interrupting the wait never touches it. */
export interface RunningJob {
  /** All that `adopt` needs after a restart of the worker, as JSON. */
  readonly handle: Schema.Json
  /**
   * Ends when the job's first process is gone, and during a `kill` when nothing of the job is left. Can be awaited any
   * number of times. What a task leaves behind on purpose, such as a daemon, is not waited for.
   */
  readonly outcome: Effect.Effect<Outcome>
  /** `term` asks the supervisor to end its task; `kill` removes the whole tree, repeated until nothing is left. */
  readonly stop: (how: "term" | "kill") => Effect.Effect<void>
}

/** What a worker that died has left of a job. */
export interface JobLeft {
  readonly claim: Claim
  /** The job's own folder, as it was left; it may be missing. */
  readonly folder: string
  /** Absent where the worker died before it had kept one: the process may exist or not. */
  readonly handle: Schema.Json | undefined
}

/** What became of it. */
export type Adopted =
  /** Its process runs, or its end can be told: `outcome` does. */
  | { readonly _tag: "Found"; readonly job: RunningJob }
  /** No process of it was ever started, and none will be. */
  | { readonly _tag: "NeverStarted" }
  /** It ran, nothing of it runs any more, and nobody can tell how it ended; `reason` is for the task's log. */
  | { readonly _tag: "Gone"; readonly reason: string }

/** The job could not be started, and is reported `failed`: no process of it exists. */
export class StartFailed extends Schema.TaggedError<StartFailed>()("StartFailed", {
  /** What is wrong and what to do next, for the task's log. */
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/**
 * This machine cannot start the job now: its disk is full, say. No process of it exists, and another worker, or this one
 * later, may run it: the claim is handed back.
 */
export class NotStarted extends Schema.TaggedError<NotStarted>()("NotStarted", {
  /** What is wrong with the machine, for the worker's own log and its sysinfo. */
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** Nothing here can run the task, another worker perhaps: nothing of it runs. The worker decides who gets it next. */
export class UnknownTask extends Schema.TaggedError<UnknownTask>()("UnknownTask", {
  /** Which task, and what there is instead. */
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** Starts jobs and finds them again after a restart. */
export class Runner extends Context.Service<
  Runner,
  {
    readonly start: (job: JobToRun) => Effect.Effect<RunningJob, StartFailed | NotStarted | UnknownTask>
    /** Finds a job of a worker that died. After any answer but `Found` nothing of it runs. */
    readonly adopt: (left: JobLeft) => Effect.Effect<Adopted>
    /** False for a job whose folder it never writes to: then it is not made. Without it each job has one. */
    readonly needsFolder?: ((claim: Claim) => Effect.Effect<boolean>) | undefined
  }
>()("edge-worker/runner/Runner") {}
