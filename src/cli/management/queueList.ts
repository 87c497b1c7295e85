/** queueList: `-q` of the commands that change a worker's queues, and how many of them the site can keep. */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { entries, usage } from "./managedWorker.ts"

/** edge3 5.1.0's columns (`models/edge_worker.py`, `models/edge_job.py`). */
const QUEUE_LIMIT = 256
const QUEUES_LIMIT = 256

/** `-q`, required as in Airflow. */
export const queueListFlag = (what: string) =>
  Flag.String("queues").pipe(
    Flag.withAlias("q"),
    Flag.withMetavar("A,B"),
    Flag.withDescription(`Queues to ${what}, separated by commas; required`),
    Flag.atLeast(1),
    Flag.map(entries)
  )

const characters = (text: string): number => Array.from(text).length

/** Each name stands in a path of the API: what cannot stand there cannot be changed through it. */
const problem = (queue: string): string | undefined => {
  const shown = JSON.stringify(queue.length > 30 ? `${queue.slice(0, 30)}…` : queue)
  if (queue === "") return "an entry of --queues is empty"
  if (characters(queue) > QUEUE_LIMIT) return `the queue ${shown} has more than ${QUEUE_LIMIT} characters`
  if (queue.includes("/") || queue === "." || queue === "..")
    return `the queue ${shown} cannot be named in the site's API: give it on the worker's own command line`
  return /\p{Cc}/u.test(queue) || !queue.isWellFormed()
    ? `the queue ${shown} has characters that are not text`
    : undefined
}

/** Fails where a name cannot be one. */
export const checkQueues = (command: string, queues: ReadonlyArray<string>) => {
  const problems = queues.map(problem).filter((found) => found !== undefined)
  return problems.length === 0 ? Effect.void : Effect.fail(usage(command, ...problems))
}

/** Fails where the site could not keep the whole list, which it stores as Python prints it: ['a', 'b']. */
export const checkStored = (command: string, queues: ReadonlyArray<string>) => {
  const stored = queues.reduce((sum, queue) => sum + characters(queue.replace(/[\\']/g, "\\$&")) + 4, 0)
  return stored <= QUEUES_LIMIT
    ? Effect.void
    : Effect.fail(
        usage(
          command,
          `with these the worker's queues are too many or too long: the site stores them in ${QUEUES_LIMIT} characters, they take ${stored}`
        )
      )
}
