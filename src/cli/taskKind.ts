/** taskKind: all that runs and supervises tasks in TypeScript; a bundle of its own, loaded by a worker that has any. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { LogAppender } from "../platform/LogAppender.ts"
import { Processes } from "../platform/Processes.ts"
import { TaskProcesses } from "../platform/TaskProcesses.ts"
import { Attempts } from "../runner/attempt/Attempts.ts"
import * as BlockWatch from "../runner/attempt/BlockWatch.ts"
import { ExecutionClients } from "../runner/attempt/ExecutionClient.ts"
import * as InProcessTasks from "../runner/attempt/InProcessTasks.ts"
import { LogUpload } from "../runner/attempt/LogUpload.ts"
import { fromVariables, SecretsBackends } from "../runner/attempt/SecretsBackends.ts"
import * as TaskHosts from "../runner/attempt/TaskHosts.ts"
import { XComBackend } from "../runner/attempt/XComBackend.ts"
import { TaskRunner } from "../runner/TaskRunner.ts"
import type { Task } from "../task/Task.ts"

/** The worker's variables, which its task processes do not get. */
const secrets = Layer.effect(
  SecretsBackends,
  Effect.gen(function* () {
    const { environment } = yield* Processes
    return SecretsBackends.of(fromVariables(environment, yield* EdgeConfig))
  })
)

/** What supervises tasks, but for the transport, which is the worker's. */
export const attemptsLayer = Attempts.layer.pipe(
  Layer.provide([ExecutionClients.layer, LogAppender.layer, LogUpload.layer, secrets, XComBackend.layer])
)

/** The runner's kind. */
export const taskRunner = Layer.provide(TaskRunner.layer, attemptsLayer)

/** Tasks in processes of their own. */
export const inProcesses = (options: TaskHosts.TaskHostsOptions) =>
  Layer.provide(TaskHosts.layer(options), TaskProcesses.layer)

/** Tasks in this process. */
export const inThisProcess = (tasks: ReadonlyArray<Task>) =>
  Layer.provide(BlockWatch.layer, InProcessTasks.layer(tasks))
