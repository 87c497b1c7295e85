/** runTask: one attempt of a task, from its context to the message that ends it. */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { TaskEnd } from "../protocol/TaskComms.ts"
import { read } from "./jsonValue.ts"
import { pushResult } from "./pushResult.ts"
import type { Task, TaskServices } from "./Task.ts"
import { type Gathered, TaskClient } from "./TaskClient.ts"
import { TaskContext } from "./TaskContext.ts"
import { endingOf, failed, toldAs } from "./taskEnd.ts"
import { toldOutlets } from "./toldOutlets.ts"

/** The trigger that the task waited for failed, or was too late. */
export class TriggerFailed extends Data.TaggedError("TriggerFailed")<{ readonly reason: string }> {
  override get message() {
    return `the trigger failed: ${this.reason}`
  }
}

/** The task was deferred to go on in a way that this program does not have. */
export class NoSuchResume extends Data.TaggedError("NoSuchResume")<{
  readonly method: string
  readonly known: ReadonlyArray<string>
}> {
  override get message() {
    const known = this.known.length === 0 ? "nothing" : this.known.join(", ")
    return `the task was to go on with "${this.method}", but its \`resume\` has ${known}`
  }
}

/** `next_method` where the site wants a deferred task to fail (`TRIGGER_FAIL_REPR` of `models/trigger.py`, 3.3.2). */
const failMethod = "__fail__"

const text = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? "unknown"))

/** From the beginning, or where it goes on. */
const work = (task: Task): Effect.Effect<unknown, unknown, TaskServices> =>
  TaskContext.use(({ resumption }) => {
    if (resumption === undefined) return task.run
    const { kwargs, method } = resumption
    if (method === failMethod) {
      const { traceback } = kwargs
      const told = Array.isArray(traceback)
        ? Effect.logError(`Trigger failed:\n${traceback.join("\n")}`)
        : Effect.void
      return Effect.andThen(told, new TriggerFailed({ reason: text(kwargs["error"] ?? "unknown") }))
    }
    const resume = Object.hasOwn(task.resume, method) ? task.resume[method] : undefined
    return resume === undefined
      ? new NoSuchResume({ method, known: Object.keys(task.resume) })
      : resume(kwargs)
  })

const now = Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis).toISOString())

const success = Effect.fnUntraced(function* (end_date: string, { mapIndexLabel, outlets }: Gathered) {
  return {
    type: "SucceedTask",
    end_date,
    ...(yield* toldOutlets(outlets)),
    rendered_map_index: mapIndexLabel ?? null
  } satisfies TaskEnd
})

/** Runs the task and pushes what it returned; then its success, or what it ended itself with. */
export const attempt = Effect.fnUntraced(function* (task: Task) {
  const { gathered } = yield* TaskClient
  gathered.outlets.push(...task.outlets)
  const result = yield* Effect.scoped(work(task))
  yield* pushResult(task, yield* task.encode(result))
  return yield* success(yield* now, gathered)
})

const checkedEnd = (end: TaskEnd) => read(`the task's end ${end.type}`, TaskEnd, end)

/** Says in the log what an exit means, and gives the message that ends the task. */
export const endOf = Effect.fnUntraced(function* (exit: Exit.Exit<TaskEnd, unknown>) {
  if (Exit.isSuccess(exit)) return exit.value
  const { willRetry } = yield* TaskContext
  const { gathered } = yield* TaskClient
  const at = { now: yield* now, willRetry, mapIndexLabel: gathered.mapIndexLabel }
  const ending = endingOf(exit.cause)
  if (ending === undefined || ending._tag === "RetryLater" || ending._tag === "TaskFailedNoRetry")
    yield* Effect.logError("Task failed with exception", exit.cause)
  else yield* Effect.logInfo(ending.message)
  if (ending === undefined) return failed(at)
  // a date, a duration or kwargs that cannot be told make it a failure
  return yield* Effect.catchCause(Effect.flatMap(toldAs(ending, at), checkedEnd), (cause) =>
    Effect.as(Effect.logError("Task failed with exception", cause), failed(at))
  )
})
