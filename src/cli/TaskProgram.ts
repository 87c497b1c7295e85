/** `edge-worker/main`: makes a program of tasks in TypeScript a whole edge worker, or the host that its worker starts. */
import { hostWord } from "../protocol/TaskHostLine.ts"
import type { Task } from "../task/Task.ts"
import type { TaskBackends } from "./TaskBackends.ts"

export { LogUpload, LogUploadFailed } from "../runner/attempt/LogUpload.ts"
export {
  type ConnectionFields,
  SecretsBackendFailed,
  SecretsBackends
} from "../runner/attempt/SecretsBackends.ts"
export { XComBackend, XComBackendFailed, type XComPlace } from "../runner/attempt/XComBackend.ts"
export type { BackendLayer, TaskBackends } from "./TaskBackends.ts"

/** What the program has. */
export interface TaskProgramOptions {
  readonly tasks: ReadonlyArray<Task>
  readonly backends?: TaskBackends | undefined
}

/** How this very program is started again: a single executable is its own script. */
const thisProgram = (): ReadonlyArray<string> => {
  const { execArgv, execPath } = process
  const script = process.argv[1]
  return process.getBuiltinModule("node:sea").isSea() || script === undefined
    ? [execPath]
    : [execPath, ...execArgv, script]
}

/** Programs with tasks of their own. */
export const TaskProgram = {
  /**
   * Runs the command line that this process was started with: `worker`, `standalone` and all others of `edge-worker`, whose
   * worker has these tasks. To be called once, at the program's end; it ends the process.
   */
  run: ({ backends, tasks }: TaskProgramOptions): void => {
    const args = process.argv.slice(2)
    // Each loads only its own: a host starts in a fraction of the time.
    const run =
      args[0] === hostWord
        ? import("./taskHost.ts").then(({ runTaskHost }) => runTaskHost(tasks))
        : import("./taskWorker.ts").then(({ runTaskWorker }) =>
            runTaskWorker({ tasks, backends, program: thisProgram() }, args)
          )
    run.catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
      process.exit(1)
    })
  }
}
