/** serveTask: the task's side of one attempt: hears the details, runs the task, and says its last word. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type { StartupDetails, TaskEnd } from "../protocol/TaskComms.ts"
import { firstDetails, open } from "./Conversation.ts"
import { contextOf } from "./contextOf.ts"
import { attempt, endOf } from "./runTask.ts"
import type { Task } from "./Task.ts"
import { TaskClient } from "./TaskClient.ts"
import type { TaskConnection } from "./TaskConnection.ts"
import { TaskContext } from "./TaskContext.ts"
import { taskLogger } from "./TaskLogger.ts"
import { NoSuchTask, type TaskRegistry } from "./TaskRegistry.ts"
import { withTaskSpan } from "./taskSpan.ts"

/** What stands for a task that this program does not have. */
const missing = ({ ti }: StartupDetails, { tasks }: TaskRegistry): Task => ({
  dagId: ti.dag_id,
  taskId: ti.task_id,
  defaults: {},
  outlets: [],
  pushResult: false,
  mapped: undefined,
  run: new NoSuchTask({
    dagId: ti.dag_id,
    taskId: ti.task_id,
    known: tasks.map(({ dagId, taskId }) => `${dagId}.${taskId}`)
  }),
  resume: {},
  encode: Effect.succeed
})

/**
 * Serves one attempt; ends when its last word has been answered, or the line is closed. Never fails: whatever goes wrong in
 * a task is that task's end.
 */
export const serveTask = Effect.fnUntraced(
  function* (registry: TaskRegistry, connection: TaskConnection) {
    const details = yield* firstDetails(connection)
    if (details === undefined) return
    const conversation = yield* open(connection)
    const task = registry.find(details.ti) ?? missing(details, registry)
    const served = Effect.gen(function* () {
      const running = yield* Effect.forkChild(withTaskSpan(details, attempt(task)))
      const why = yield* Effect.raceFirst(
        Effect.as(Fiber.await(running), "ended" as const),
        conversation.cancelled
      )
      if (why === "cancelled") yield* Effect.logInfo("The task was asked to end")
      if (why !== "ended") yield* Fiber.interrupt(running)
      const end: TaskEnd = yield* endOf(yield* Fiber.await(running))
      yield* Effect.catch(conversation.ask(end), (error) => Effect.logError("The end was refused", error))
    })
    yield* served.pipe(
      Effect.provideService(TaskContext, contextOf(details, task)),
      Effect.provideService(TaskClient, {
        ask: conversation.ask,
        gathered: { outlets: [], mapIndexLabel: undefined }
      }),
      Effect.provide(Logger.layer([taskLogger((log) => conversation.log(log))])),
      // which lines are kept is the attempt's to say
      Effect.provideService(References.MinimumLogLevel, "Debug")
    )
  },
  Effect.scoped,
  Effect.catchTag("ConnectionClosed", () => Effect.void)
)
