/** taskHost: this process as a task host: serves the tasks of its program, one attempt at a time, until its worker is gone. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { type HostLine, isHost, openHostLine } from "../platform/HostLine.ts"
import * as Json from "../protocol/Json.ts"
import type { FromTask, ToTask } from "../protocol/TaskComms.ts"
import { type FromHost, type Greeting, hostWord, ToHost, version } from "../protocol/TaskHostLine.ts"
import { faultLine } from "../task/faultLine.ts"
import { serveTask } from "../task/serveTask.ts"
import type { Task } from "../task/Task.ts"
import type { ConnectionClosed, TaskConnection } from "../task/TaskConnection.ts"
import * as TaskRegistry from "../task/TaskRegistry.ts"
import { exitCode } from "./ExitCode.ts"

const decode = Schema.decodeUnknownOption(ToHost)

/** An attempt that is being served. */
interface Serving {
  readonly mark: string
  readonly messages: Queue.Queue<ToTask, ConnectionClosed>
  readonly connection: TaskConnection
}

const text = (message: Greeting | FromHost): string => Json.stringify(message) ?? "null"

const serving = (mark: string, line: HostLine): Serving => {
  const messages = Effect.runSync(Queue.unbounded<ToTask, ConnectionClosed>())
  const send = (message: FromTask) => {
    try {
      line.send(text(message))
    } catch {
      // What has no JSON form, or is too long for a text, is said by nobody; the task's own values are checked before.
    }
  }
  return { mark, messages, connection: { send, receive: Queue.take(messages) } }
}

const notUnderstood =
  "the worker said what this program does not understand: are both built with the same edge-worker?"

/** Serves until the process ends. */
const serve = Effect.fnUntraced(function* (registry: TaskRegistry.TaskRegistry) {
  const begun = yield* Queue.unbounded<Serving>()
  let current: Serving | undefined

  const hear = (text: string) => {
    const message = Option.getOrUndefined(decode(Json.parse(text)))
    // Unheard it would leave both sides waiting: thrown, it ends this process, which the worker hears.
    if (message === undefined) throw new Error(notUnderstood)
    if ("begin" in message) {
      // At once: the details are perhaps the next line.
      current = serving(message.begin, line)
      Queue.offerUnsafe(begun, current)
    } else if (current !== undefined) Queue.offerUnsafe(current.messages, message)
  }
  const line = openHostLine({
    onLine: hear,
    onClose: () => {
      if (current === undefined) process.exit(0)
      // What the task has started is in this group too; nobody wants any of it any more.
      process.kill(-process.pid, "SIGKILL")
    }
  })
  const end = (event: string, error: unknown): never => {
    if (current === undefined) process.stderr.write(`${event}: ${String(error)}\n`)
    line.send(text({ log: faultLine(event, error) }))
    return process.exit(1)
  }
  /** Nothing of what a task does outside its own effect can be told from what the process itself does. */
  const onFault = (error: unknown, origin: string) => {
    const event =
      origin === "unhandledRejection"
        ? "A promise was rejected and nobody waited for it: the task's process ends"
        : "An error was thrown outside the task: its process ends"
    end(event, error)
  }
  process.on("uncaughtException", onFault)
  process.on("SIGTERM", () => {
    if (current !== undefined) Queue.offerUnsafe(current.messages, { cancel: true })
  })
  // A terminal's signals are for the worker.
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined)

  const tasks = registry.tasks.map(({ dagId, taskId }) => ({ dag_id: dagId, task_id: taskId }))
  line.send(text({ hello: { protocol: version, tasks } }))
  while (true) {
    const { connection, mark } = yield* Queue.take(begun)
    // It never fails, so this is a defect: of ours, or of what the program has in the place of a task.
    yield* Effect.catchCause(serveTask(registry, connection), (cause) =>
      Effect.sync(() => end("The task could not be served: its process ends", cause))
    )
    yield* Effect.promise(() => line.mark(mark))
    current = undefined
    line.send(text({ ended: mark }))
  }
})

const refuse = (message: string, code: number) => {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}

/** Makes this process a host. */
export const runTaskHost = (tasks: ReadonlyArray<Task>): void => {
  if (!isHost()) refuse(`${hostWord} is for the worker that starts this program`, exitCode("usage"))
  Effect.runFork(
    TaskRegistry.make(tasks).pipe(
      Effect.flatMap(serve),
      Effect.catch((error) => Effect.sync(() => refuse(error.message, exitCode("config"))))
    )
  )
}
