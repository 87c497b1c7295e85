/** pushResult: what a task returned, as its XCom. */
import * as Effect from "effect/Effect"
import { isVerbatim } from "../protocol/Json.ts"
import type { Task } from "./Task.ts"
import { TaskClient } from "./TaskClient.ts"
import { TaskContext } from "./TaskContext.ts"
import { UnexpectedValue } from "./TaskRequestFailed.ts"
import { returnValue } from "./XCom.ts"

/** How many instances a downstream `.expand()` makes of it: one for each item, or for each key. */
const mappedLength = (value: unknown): number | undefined => {
  if (Array.isArray(value)) return value.length
  return typeof value === "object" && value !== null && !isVerbatim(value)
    ? Object.keys(value).length
    : undefined
}

const what = "what the task returned"

/**
 * Pushes the JSON of what was returned; nothing for undefined and null, as Python does for None. Airflow wants its length
 * beside it where a downstream task expands over it, and refuses one that is too long. Only the Dag knows whether one does:
 * so where the task does not say, what is too long is pushed without.
 */
export const pushResult = Effect.fnUntraced(function* (task: Task, value: unknown) {
  const { ti } = yield* TaskContext
  const client = yield* TaskClient
  const none = value === undefined || value === null || !task.pushResult
  // Airflow counts the instances of a task that is mapped itself
  const length = ti.mapIndex < 0 ? mappedLength(value) : undefined
  if (task.mapped === true && ti.mapIndex < 0 && (none || length === undefined))
    return yield* new UnexpectedValue({
      what,
      problem: "a downstream task expands over it, so it must be an array or an object"
    })
  if (none) return null
  const tooMany = Effect.fnUntraced(function* (length: number) {
    const told = `${length} are more than the site lets a task expand over ([core] max_map_length)`
    if (task.mapped === true) return yield* new UnexpectedValue({ what, problem: told })
    yield* Effect.logWarning(`${what}: ${told}`)
    return yield* push(null)
  })
  const push = (mapped_length: number | null) =>
    client.ask({
      type: "SetXCom",
      key: returnValue,
      dag_id: ti.dagId,
      run_id: ti.runId,
      task_id: ti.taskId,
      map_index: ti.mapIndex,
      value,
      mapped_length
    })
  if (length === undefined || task.mapped === false) return yield* push(null)
  return yield* push(length).pipe(
    Effect.catchTag("TaskRequestFailed", (error) =>
      error.refusedFor === "unmappable_return_value_length" ? tooMany(length) : Effect.fail(error)
    )
  )
})
