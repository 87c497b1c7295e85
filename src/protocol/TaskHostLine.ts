/**
 * TaskHostLine: what a worker and a task host, a process that serves tasks, say besides a task's own words.
 *
 * A line of JSON a message. The host begins with a greeting. For each attempt the worker names a new mark; then both sides
 * speak `TaskComms`, until the host repeats the mark: on the line as `ended`, on stdout and stderr as a line of its own,
 * so that what came before it is known to be the attempt's.
 */
import * as Schema from "effect/Schema"
import { FromTask, ToTask } from "./TaskComms.ts"

/** The descriptor of the line in the host. */
export const lineDescriptor = 3

/** Nothing is ever written there: it closes when the worker is gone, which also a blocked event loop must notice. */
export const lifeDescriptor = 4

/** Grows with a change that the other side must know of. */
export const version = 1

/** The word on the command line that makes a task program a host. */
export const hostWord = "task-host"

/** What names a task in a Dag. */
const TaskName = Schema.Struct({ dag_id: Schema.String, task_id: Schema.String })

/** The first line of a host: what it can run. */
export const Greeting = Schema.Struct({
  hello: Schema.Struct({ protocol: Schema.Int, tasks: Schema.Array(TaskName) })
})
export type Greeting = typeof Greeting.Type

const Ended = Schema.Struct({ ended: Schema.String })
const Begin = Schema.Struct({ begin: Schema.String })

/** What a host says after its greeting. */
export const FromHost = Schema.Union([Ended, FromTask])
export type FromHost = typeof FromHost.Type

/** What a host hears. */
export const ToHost = Schema.Union([Begin, ToTask])
export type ToHost = typeof ToHost.Type
