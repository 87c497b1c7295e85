/** taskParts: what `edge-worker worker` runs tasks in TypeScript with; loaded only where there are such tasks. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type { ConfigInvalid } from "../config/ConfigInvalid.ts"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import type { WorkerIdentity } from "../config/WorkerIdentity.ts"
import type { JobFolder } from "../platform/JobFolder.ts"
import type { OomKills } from "../platform/OomKills.ts"
import type { Processes } from "../platform/Processes.ts"
import type { Programs } from "../platform/Programs.ts"
import type { StateFolder } from "../platform/StateFolder.ts"
import { noTasks } from "../runner/attempt/noTasks.ts"
import type { TaskNotOpened, Tasks } from "../runner/attempt/TaskChannel.ts"
import { Runner } from "../runner/Runner.ts"
import type { Task } from "../task/Task.ts"
import type { TasksInvalid } from "../task/TaskRegistry.ts"
import type { TaskBackends } from "./TaskBackends.ts"

/** The tasks of a program that is a worker itself. */
export interface OwnTasks {
  readonly tasks: ReadonlyArray<Task>
  readonly backends?: TaskBackends | undefined
  /** How it is started again, without `task-host`. */
  readonly program: ReadonlyArray<string>
}

/** What the worker is and where. */
type Known = EdgeConfig | WorkerIdentity | Processes

/** Where tasks come from. */
export type TasksLayer = Layer.Layer<
  Tasks,
  ConfigInvalid | TaskNotOpened | TasksInvalid,
  Known | OomKills | Programs | StateFolder
>

const load = Effect.promise(() => import("./taskKind.ts"))

/** The tasks: the program's own, else those that `[edge_worker] task_program` has. */
export const tasksLayer = (own: OwnTasks | undefined): TasksLayer =>
  Layer.unwrap(
    Effect.gen(function* (): Effect.fn.Return<TasksLayer, ConfigInvalid, EdgeConfig> {
      const { taskIsolation, taskProgram } = yield* EdgeConfig
      if (own === undefined && taskProgram === undefined) return noTasks
      const { inProcesses, inThisProcess, refuseUnsupported } = yield* load
      yield* refuseUnsupported(own?.backends ?? {})
      if (own === undefined) return inProcesses({ program: taskProgram ?? [] })
      if (taskProgram !== undefined) {
        yield* Effect.logWarning("[edge_worker] task_program is not used: this program has tasks of its own")
      }
      if (taskIsolation === "none") return inThisProcess(own.tasks)
      const tasks = own.tasks.map(({ dagId, taskId }) => ({ dag_id: dagId, task_id: taskId }))
      return inProcesses({ program: own.program, tasks })
    })
  )

type RunnerNeeds = Known | HttpClient.HttpClient | JobFolder | Tasks

/** The kind of runner for them, made when the first one is asked for; at once where the program has backends of its own. */
export const lazyTaskRunner = (
  backends: TaskBackends | undefined
): Layer.Layer<Runner, TaskNotOpened, RunnerNeeds> =>
  Layer.effect(
    Runner,
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const context = yield* Effect.context<RunnerNeeds>()
      const made = yield* Effect.cached(
        load.pipe(
          Effect.flatMap(({ taskRunner }) => Layer.buildWithScope(taskRunner(backends ?? {}), scope)),
          Effect.map((built) => Context.get(built, Runner)),
          Effect.provideContext(context)
        )
      )
      // A backend that cannot be used must not be found out by a task.
      if (backends !== undefined) yield* made
      const known = Effect.orDie(made)
      return Runner.of({
        start: (job) => Effect.flatMap(known, (runner) => runner.start(job)),
        adopt: (left) => Effect.flatMap(known, (runner) => runner.adopt(left))
      })
    })
  )
