/** inProcessLine: the line between a task and its attempt in the same process: what is said waits in bounded memory. */
import type * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import * as Json from "../../protocol/Json.ts"
import type { FromTask, LogEvent } from "../../protocol/TaskComms.ts"
import { heardQueue } from "./heardQueue.ts"
import type { TaskGone, TaskHeard } from "./TaskChannel.ts"

/** The two ends of it. */
export interface InProcessLine {
  /** Holds the task's fibers while more is said than anybody takes, as a pipe that nobody reads holds a process. */
  readonly scheduler: Scheduler.Scheduler
  /** At once. A line of the log is left out where code says it that no scheduler can hold, such as a loop. */
  readonly say: (message: FromTask) => void
  /** Once: what is said or ends later is not heard. */
  readonly end: (how: TaskGone) => void
  readonly heard: Effect.Effect<TaskHeard>
}

const holding = (inner: Scheduler.Scheduler) => {
  let held: Array<() => void> | undefined
  const scheduler: Scheduler.Scheduler = {
    executionMode: inner.executionMode,
    shouldYield: (fiber) => held !== undefined || inner.shouldYield(fiber),
    makeDispatcher: () => {
      const dispatcher = inner.makeDispatcher()
      return {
        scheduleTask: (task, priority) => {
          if (held === undefined) dispatcher.scheduleTask(task, priority)
          else held.push(() => dispatcher.scheduleTask(task, priority))
        },
        flush: () => dispatcher.flush()
      }
    }
  }
  const flow = (on: boolean) => {
    const waiting = held ?? []
    held = on ? undefined : waiting
    if (on) for (const go of waiting) go()
  }
  return { scheduler, flow }
}

/** Characters, nearly: only what has many must be measured well. */
const sizeOf = (log: LogEvent): number => {
  let size = 0
  for (const value of Object.values(log))
    size +=
      typeof value === "string"
        ? value.length
        : typeof value === "object"
          ? (Json.stringify(value)?.length ?? 0)
          : 8
  return size
}

/** @param inner what the task's fibers run on otherwise */
export const inProcessLine = (inner: Scheduler.Scheduler): InProcessLine => {
  const { flow, scheduler } = holding(inner)
  const queue = heardQueue(flow)
  let gone = false
  let lost = 0
  const sayWhatIsMissing = () => {
    if (lost === 0) return
    const event = `${lost} lines are missing here: the task logged them faster than they could be written`
    // The log gives it the time.
    queue.offer(
      {
        _tag: "Said",
        message: { log: { timestamp: "", level: "warning", event, logger: "task" } }
      },
      event.length
    )
    lost = 0
  }
  return {
    scheduler,
    say: (message) => {
      if (gone) return
      if ("log" in message && queue.isFull()) {
        lost += 1
        return
      }
      sayWhatIsMissing()
      queue.offer({ _tag: "Said", message }, "log" in message ? sizeOf(message.log) : 0)
    },
    end: (how) => {
      if (gone) return
      sayWhatIsMissing()
      gone = true
      queue.offer({ _tag: "Gone", how }, 0)
      // Nobody takes any more: what is held would never be let go, its finalizers neither.
      flow(true)
    },
    heard: queue.take
  }
}
