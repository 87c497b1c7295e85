/** taskKind: all that runs and supervises tasks in TypeScript; a bundle of its own, loaded by a worker that has any. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ConfigInvalid } from "../config/ConfigInvalid.ts"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import * as FileCalls from "../platform/FileCalls.ts"
import { LogAppender } from "../platform/LogAppender.ts"
import { Processes } from "../platform/Processes.ts"
import { TaskProcesses } from "../platform/TaskProcesses.ts"
import { Attempts } from "../runner/attempt/Attempts.ts"
import * as BlockWatch from "../runner/attempt/BlockWatch.ts"
import { ExecutionClients } from "../runner/attempt/ExecutionClient.ts"
import { fromVariables } from "../runner/attempt/fromVariables.ts"
import * as InProcessTasks from "../runner/attempt/InProcessTasks.ts"
import { LogUpload } from "../runner/attempt/LogUpload.ts"
import { SecretsBackends } from "../runner/attempt/SecretsBackends.ts"
import { TaskNotOpened } from "../runner/attempt/TaskChannel.ts"
import * as TaskHosts from "../runner/attempt/TaskHosts.ts"
import { unsupportedBackends } from "../runner/attempt/unsupportedBackends.ts"
import { XComBackend } from "../runner/attempt/XComBackend.ts"
import { TaskRunner } from "../runner/TaskRunner.ts"
import type { Task } from "../task/Task.ts"
import type { TaskBackends } from "./TaskBackends.ts"

/** The worker's variables, which its task processes do not get. */
const secrets = Layer.effect(
  SecretsBackends,
  Effect.gen(function* () {
    const { environment } = yield* Processes
    return SecretsBackends.of(fromVariables(environment, yield* EdgeConfig))
  })
)

/** Fails where the site's configuration names what neither this worker nor the program with the tasks has. */
export const refuseUnsupported = Effect.fnUntraced(function* (provided: TaskBackends) {
  const mistakes = unsupportedBackends(yield* EdgeConfig, {
    secrets: provided.secrets !== undefined,
    xcoms: provided.xcoms !== undefined,
    logUpload: provided.logUpload !== undefined
  })
  if (mistakes.length > 0) return yield* new ConfigInvalid({ mistakes })
})

const named = <A, R>(what: string, layer: Layer.Layer<A, unknown, R>) =>
  Layer.catch(layer, (error) => {
    const reason = `the ${what} of this program cannot be used: ${error instanceof Error ? error.message : String(error)}`
    return Layer.effectContext(Effect.fail(new TaskNotOpened({ reason })))
  })

/** Those of the program, and the worker's own for what it has not. */
const backendsLayer = (provided: TaskBackends) =>
  Layer.mergeAll(
    named("SecretsBackends", provided.secrets ?? secrets),
    named("XComBackend", provided.xcoms ?? XComBackend.layer),
    named("LogUpload", provided.logUpload ?? LogUpload.layer)
  )

/** What supervises tasks, but for the transport, which is the worker's. */
export const attemptsLayer = (backends: TaskBackends = {}) =>
  Attempts.layer.pipe(
    Layer.provide([
      ExecutionClients.layer,
      Layer.provide(LogAppender.layer, FileCalls.layer),
      backendsLayer(backends)
    ])
  )

/** The runner's kind. */
export const taskRunner = (backends: TaskBackends) => Layer.provide(TaskRunner.layer, attemptsLayer(backends))

/** Tasks in processes of their own. */
export const inProcesses = (options: TaskHosts.TaskHostsOptions) =>
  Layer.provide(TaskHosts.layer(options), TaskProcesses.layer)

/** Tasks in this process. */
export const inThisProcess = (tasks: ReadonlyArray<Task>) =>
  Layer.provide(BlockWatch.layer, InProcessTasks.layer(tasks))
