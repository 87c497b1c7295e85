/** line: a task's line to its attempt, of which the test is the attempt. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type { FromTask, TaskAnswer, TaskEnd, TaskRequest, ToTask } from "../../src/protocol/TaskComms.ts"
import { serveTask } from "../../src/task/serveTask.ts"
import type { Task } from "../../src/task/Task.ts"
import { ConnectionClosed } from "../../src/task/TaskConnection.ts"
import * as TaskRegistry from "../../src/task/TaskRegistry.ts"

/** Serves these tasks on a line. The fiber ends with `serveTask`. */
export const connect = Effect.fnUntraced(function* (tasks: ReadonlyArray<Task>) {
  const registry = yield* TaskRegistry.make(tasks)
  const toTask = yield* Queue.unbounded<ToTask, ConnectionClosed>()
  const fromTask = yield* Queue.unbounded<FromTask>()
  const served = yield* Effect.forkChild(
    serveTask(registry, {
      send: (message) => void Queue.offerUnsafe(fromTask, message),
      receive: Queue.take(toTask)
    })
  )
  /** The next request or end; what is logged before it goes to `log`. */
  const log: Array<FromTask & { readonly log: unknown }> = []
  const next: Effect.Effect<{ readonly id: number; readonly body: TaskRequest | TaskEnd }> = Effect.suspend(
    () =>
      Effect.flatMap(Queue.take(fromTask), (message) => {
        if (!("log" in message)) return Effect.succeed(message)
        log.push(message)
        return next
      })
  )
  return {
    send: (message: ToTask) => Effect.asVoid(Queue.offer(toTask, message)),
    answer: (id: number, body: TaskAnswer) => Effect.asVoid(Queue.offer(toTask, { id, body, error: null })),
    next,
    take: Queue.take(fromTask),
    /** What is there and was not taken. */
    rest: Queue.clear(fromTask),
    close: Queue.fail(toTask, new ConnectionClosed({ reason: "the worker is gone" })),
    log,
    served: Fiber.join(served)
  }
})
