/** endings: the ways in which a task ends itself. Each is an error: fail with it, or throw it in an async function. */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"

const because = (what: string, reason: string | undefined) => (reason === undefined ? what : reason)

/** The task has nothing to do; it and, by Airflow's rules, what depends on it is skipped. */
export class TaskSkipped extends Data.TaggedError("TaskSkipped")<{ readonly reason?: string }> {
  override get message() {
    return because("the task skipped itself", this.reason)
  }
}

/** The task has failed and must not be tried again, whatever its retries (Python: `AirflowFailException`). */
export class TaskFailedNoRetry extends Data.TaggedError("TaskFailedNoRetry")<{
  readonly reason: string
  readonly cause?: unknown
}> {
  override get message() {
    return this.reason
  }
}

/** The task has failed; where it has a retry left, that one comes after this delay instead of the Dag's. */
export class RetryLater extends Data.TaggedError("RetryLater")<{
  readonly delay?: Duration.Input
  /** Shown by the site; it keeps 500 characters. */
  readonly reason?: string
  readonly cause?: unknown
}> {
  override get message() {
    return because("the task asks for a retry", this.reason)
  }
}

/** The task frees its slot and runs again from the beginning, in the same try: a sensor's way to wait. */
export class Reschedule extends Data.TaggedError("Reschedule")<{
  /** When it runs again at the earliest, or how long from now. */
  readonly at: Date | { readonly in: Duration.Input }
}> {
  override get message() {
    return "the task asks to run again later"
  }
}

/** What is called when a task goes on. */
interface GoesOn {
  /** A key of the task's `resume`. */
  readonly nextMethod: string
  /** What that one is given, besides the `event`: plain JSON. */
  readonly nextKwargs?: Readonly<Record<string, unknown>>
  readonly timeout?: Duration.Input
}

/** The task frees its slot until a trigger in the site's triggerer fires. */
export class Defer extends Data.TaggedError("Defer")<
  GoesOn & {
    /** The trigger's Python class, which the triggerer imports: `airflow.providers.….MyTrigger`. */
    readonly classpath: string
    /** What the class is made with: plain JSON, as the trigger's own `serialize` gives it. */
    readonly kwargs?: Readonly<Record<string, unknown>>
    /** Of triggerers; only where the site has `[triggerer] queues_enabled`. */
    readonly queue?: string
  }
> {
  override get message() {
    return `the task waits for the trigger ${this.classpath}`
  }
}

/** The task frees its slot until a person has answered what `HumanInput.ask` asked. */
export class AwaitInput extends Data.TaggedError("AwaitInput")<GoesOn> {
  override get message() {
    return "the task waits for a person's answer"
  }
}

/** Every way but returning and failing. */
export type Ending = TaskSkipped | TaskFailedNoRetry | RetryLater | Reschedule | Defer | AwaitInput

/** Whether an error or defect is one of them. */
export const isEnding = (error: unknown): error is Ending =>
  error instanceof TaskSkipped ||
  error instanceof TaskFailedNoRetry ||
  error instanceof RetryLater ||
  error instanceof Reschedule ||
  error instanceof Defer ||
  error instanceof AwaitInput
