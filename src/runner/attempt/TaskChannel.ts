/** TaskChannel: the attempt's end of a task, wherever that runs: a child process, or this one. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { FromTask, ToTask } from "../../protocol/TaskComms.ts"
import type { JobToRun } from "../Runner.ts"

/** What is heard of a task, in the order in which it happened; `Gone` is the last, and comes exactly once. */
export type TaskHeard =
  | { readonly _tag: "Said"; readonly message: FromTask }
  /** A line of its own output, without the line end; bytes that are not UTF-8 are replaced. */
  | { readonly _tag: "Wrote"; readonly stream: "stdout" | "stderr"; readonly line: string }
  /** Nothing of the task runs any more. */
  | { readonly _tag: "Gone"; readonly how: TaskGone }

/** How a task went. What it had said last counts before this. */
export type TaskGone =
  /** It came to its end by itself, and what ran it goes on. */
  | { readonly _tag: "Returned" }
  /** Its process ended under it. */
  | { readonly _tag: "Exited"; readonly code: number }
  /** `why` where it is known who sent the signal: the kernel's out-of-memory killer, or we. */
  | { readonly _tag: "Killed"; readonly signal: string; readonly why?: string | undefined }
  /** What it `said` is not TaskComms; it has been killed. Secrets may stand in it. */
  | { readonly _tag: "Garbled"; readonly reason: string; readonly said?: string | undefined }

/** One task, from before it begins until nothing of it is left. */
export interface TaskChannel {
  /**
   * Tells the site's attempts apart: the process id where the task has a process to itself, else a number above every
   * process id. Airflow takes a second `run` of the same hostname, user and pid for the first one's repetition.
   */
  readonly pid: number
  /** `NAME=VALUE` in the environment of the task's processes, where it has any: what is left of it is found by that. */
  readonly mark?: string | undefined
  /** Does nothing once the task is gone. The task begins when it has its details. */
  readonly send: (message: ToTask) => Effect.Effect<void>
  /** Waits for the next; must not be called again after `Gone`. */
  readonly heard: Effect.Effect<TaskHeard>
  /** Ends it at once and with all that it has started; `Gone` follows. */
  readonly kill: Effect.Effect<void>
}

/** What names a task in a Dag. */
export interface TaskName {
  readonly dag_id: string
  readonly task_id: string
}

/** No task could be begun: nothing of it runs. */
export class TaskNotOpened extends Schema.TaggedError<TaskNotOpened>()("TaskNotOpened", {
  /** What is wrong and what to do next, for the task's log. */
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** The tasks in TypeScript that this worker has, and the places where they run. */
export class Tasks extends Context.Service<
  Tasks,
  {
    /** Every task that can be run here. */
    readonly registered: Effect.Effect<ReadonlyArray<TaskName>>
    /** Where the scope ends before `Gone`, the task is killed. */
    readonly open: (job: JobToRun) => Effect.Effect<TaskChannel, TaskNotOpened, Scope.Scope>
  }
>()("edge-worker/runner/attempt/Tasks") {}
