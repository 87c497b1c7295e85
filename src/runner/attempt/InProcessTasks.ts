/** InProcessTasks: tasks that run in the worker's own process, for small ones that are trusted with all that it has. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import type { ToTask } from "../../protocol/TaskComms.ts"
import { faultLine } from "../../task/faultLine.ts"
import { serveTask } from "../../task/serveTask.ts"
import type { Task } from "../../task/Task.ts"
import type { TaskConnection } from "../../task/TaskConnection.ts"
import * as TaskRegistry from "../../task/TaskRegistry.ts"
import type { JobToRun } from "../Runner.ts"
import { attemptNumbers } from "./attemptNumbers.ts"
import { inProcessLine } from "./inProcessLine.ts"
import { type TaskChannel, TaskNotOpened, Tasks } from "./TaskChannel.ts"

const open = Effect.fnUntraced(function* (registry: TaskRegistry.TaskRegistry, pid: number, job: JobToRun) {
  const name = job.claim.job
  if (registry.find(name) === undefined)
    return yield* new TaskNotOpened({
      reason: `this worker has no task ${name.dag_id}.${name.task_id}: is it in the list that it was started with?`
    })
  const toTask = yield* Queue.unbounded<ToTask>()
  const line = inProcessLine(yield* Scheduler.Scheduler)
  const connection: TaskConnection = { send: line.say, receive: Queue.take(toTask) }
  const running = yield* serveTask(registry, connection).pipe(
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (Exit.isFailure(exit) && Exit.hasDies(exit))
          connection.send({ log: faultLine("The task could not be served", exit.cause) })
        line.end({ _tag: "Returned" })
      })
    ),
    // What the worker says in its own lines has no place in the task's.
    Effect.provideService(References.CurrentLogAnnotations, {}),
    Effect.provideService(References.CurrentLogSpans, []),
    // A task may hand its place in the Dag run's trace on, also where the worker makes no spans.
    Effect.withTracerEnabled(true),
    Effect.provideService(Scheduler.Scheduler, line.scheduler),
    Effect.forkDetach
  )
  // Code of this process cannot be ended, only left alone: nobody hears it any more.
  const kill = Effect.andThen(
    Effect.sync(() =>
      line.end({ _tag: "Killed", signal: "SIGKILL", why: "the worker stopped listening to it" })
    ),
    Effect.asVoid(Effect.forkDetach(Fiber.interrupt(running)))
  )
  yield* Effect.addFinalizer(() => kill)
  return {
    pid,
    send: (message) => Effect.sync(() => void Queue.offerUnsafe(toTask, message)),
    heard: line.heard,
    kill
  } satisfies TaskChannel
})

/**
 * Runs these tasks in this process: no start to wait for, but a task that loops stops the worker's heartbeat, one that leaks
 * takes the worker's memory, and one that ignores its interruption goes on after a kill.
 */
export const layer = (tasks: ReadonlyArray<Task>): Layer.Layer<Tasks, TaskRegistry.TasksInvalid> =>
  Layer.effect(
    Tasks,
    Effect.gen(function* () {
      const registry = yield* TaskRegistry.make(tasks)
      const nextNumber = yield* attemptNumbers
      return Tasks.of({
        registered: Effect.succeed(
          registry.tasks.map(({ dagId, taskId }) => ({ dag_id: dagId, task_id: taskId }))
        ),
        open: (job) => Effect.suspend(() => open(registry, nextNumber(), job))
      })
    })
  )
