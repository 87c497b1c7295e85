/** taskHostSettings: the keys that say where tasks in TypeScript run, and which tasks are such. */
import * as Option from "effect/Option"
import { splitCommand } from "../platform/splitCommand.ts"
import { coordinatorTable, queueTable } from "./coordinators.ts"
import type { Setting } from "./settings.ts"
import { anyCase, optional, type SettingType, seconds, size, whole } from "./settingTypes.ts"

const own = <A>(
  key: string,
  fallback: string | undefined,
  type: SettingType<A>,
  sentence: string
): Setting<A> => ({ section: "edge_worker", key, default: fallback, type, sentence })

/** A program and its arguments, split as Airflow splits a `…_CMD`; no shell ever reads it. */
const commandWords: SettingType<ReadonlyArray<string>> = {
  words: "a program (an absolute path, or a name on the PATH) and its arguments",
  decode: (text) => {
    const words = splitCommand(text ?? "")
    return typeof words === "string" ? Option.none() : Option.some(words)
  }
}

/** By the name of the field that it ends in. */
export const taskHostSettings = {
  taskProgram: own(
    "task_program",
    undefined,
    optional(commandWords),
    "The program that has this worker's tasks in TypeScript, and its arguments; the worker starts it with task-host as one more argument. A program that is a worker itself knows its own and ignores this."
  ),
  taskIsolation: own(
    "task_isolation",
    "process",
    anyCase("process", "none"),
    "Where the tasks of a program that is a worker itself run: process, each attempt alone in a process of its own, or none, in the worker's own process, where one task can hold up or end all of it."
  ),
  taskHostIdle: own(
    "task_host_idle",
    "60",
    seconds(0),
    "How long a process that has run a task in TypeScript waits for the next one before it ends, in seconds."
  ),
  taskHostTasks: own(
    "task_host_tasks",
    "1000",
    whole(1),
    "How many attempts a process runs, one after the other, before another one takes its place; with 1 each has a process to itself."
  ),
  taskHostMemory: own(
    "task_host_memory",
    "512 MiB",
    size,
    "How much memory a process may hold after a task for another one to run there."
  ),
  unknownTask: own(
    "unknown_task",
    "hand_back",
    anyCase("hand_back", "fail"),
    "What happens with a task that nothing here can run: hand_back gives it back for another worker, twice, and fails it the third time; fail fails it at once."
  ),
  coordinators: {
    section: "sdk",
    key: "coordinators",
    default: undefined,
    type: coordinatorTable,
    sentence:
      "Airflow's coordinators by name. One whose classpath ends in NodeCoordinator stands for TypeScript."
  },
  queueToCoordinator: {
    section: "sdk",
    key: "queue_to_coordinator",
    default: undefined,
    type: queueTable,
    sentence: "Which coordinator runs the tasks of a queue: those of a TypeScript queue never go to Python."
  }
} satisfies Record<string, Setting<unknown>>
