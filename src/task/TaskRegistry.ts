/** TaskRegistry: the tasks of a program, each under one name. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Task } from "./Task.ts"

/** Some tasks cannot be told apart, or no Dag can have them. */
export class TasksInvalid extends Data.TaggedError("TasksInvalid")<{
  readonly problems: ReadonlyArray<string>
}> {
  override get message() {
    return this.problems.join("; ")
  }
}

/** Every task of a program. */
export interface TaskRegistry {
  readonly tasks: ReadonlyArray<Task>
  readonly find: (name: { readonly dag_id: string; readonly task_id: string }) => Task | undefined
}

/** Airflow's rule for keys (`airflow/sdk/definitions/_internal/node.py`, 3.3.2). */
const isKey = (name: string) => /^[\p{L}\p{N}_.-]{1,250}$/u.test(name)

const keyOf = (dag: string, task: string) => `${dag}\n${task}`

/** Checks the names. */
export const make = (tasks: ReadonlyArray<Task>): Effect.Effect<TaskRegistry, TasksInvalid> => {
  const byName = new Map<string, Task>()
  const problems: Array<string> = []
  for (const task of tasks) {
    for (const name of [task.dagId, task.taskId])
      if (!isKey(name))
        problems.push(`"${name}" is no name: letters, digits, "_", "-" and ".", at most 250 of them`)
    const key = keyOf(task.dagId, task.taskId)
    if (byName.has(key)) problems.push(`there are two tasks ${task.taskId} of the Dag ${task.dagId}`)
    byName.set(key, task)
  }
  return problems.length > 0
    ? Effect.fail(new TasksInvalid({ problems }))
    : Effect.succeed({ tasks, find: ({ dag_id, task_id }) => byName.get(keyOf(dag_id, task_id)) })
}

/** The site asked for a task that this program does not have. */
export class NoSuchTask extends Data.TaggedError("NoSuchTask")<{
  readonly dagId: string
  readonly taskId: string
  readonly known: ReadonlyArray<string>
}> {
  override get message() {
    const known = this.known.length === 0 ? "none" : this.known.join(", ")
    return `this program has no task ${this.dagId}.${this.taskId}; it has ${known}`
  }
}
