/** workerParts: what `edge-worker worker` is made of: the configuration, and the worker as one layer. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ConfigInvalid } from "../config/ConfigInvalid.ts"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import type { WorkerIdentity } from "../config/WorkerIdentity.ts"
import * as FileCalls from "../platform/FileCalls.ts"
import { FileTail } from "../platform/FileTail.ts"
import { FreeDisk } from "../platform/FreeDisk.ts"
import { HostFolder } from "../platform/HostFolder.ts"
import * as HttpTransport from "../platform/HttpTransport.ts"
import { JobFolder } from "../platform/JobFolder.ts"
import { JournalStore } from "../platform/JournalStore.ts"
import { KeptLogs } from "../platform/KeptLogs.ts"
import { LineSocket } from "../platform/LineSocket.ts"
import { type InstalledAirflow, LocalAirflow, type NoLocalAirflow } from "../platform/LocalAirflow.ts"
import { LogFiles } from "../platform/LogFiles.ts"
import { LogFolder } from "../platform/LogFolder.ts"
import { NodePlatform } from "../platform/NodePlatform.ts"
import { OomKills } from "../platform/OomKills.ts"
import type { FolderUnusable } from "../platform/PrivateFolder.ts"
import { Processes } from "../platform/Processes.ts"
import { Programs } from "../platform/Programs.ts"
import type { StateFolder } from "../platform/StateFolder.ts"
import { TokenSigner } from "../platform/TokenSigner.ts"
import type { CertificateFileError } from "../platform/TrustedCertificates.ts"
import { leftTasks } from "../runner/attempt/leftTasks.ts"
import { type TaskNotOpened, Tasks } from "../runner/attempt/TaskChannel.ts"
import { RunnerChoice } from "../runner/RunnerChoice.ts"
import type { TasksInvalid } from "../task/TaskRegistry.ts"
import { EdgeClient } from "../worker/EdgeClient.ts"
import { Journal } from "../worker/Journal.ts"
import { LogPush } from "../worker/LogPush.ts"
import { Settlement } from "../worker/Settlement.ts"
import { SysinfoProgram } from "../worker/SysinfoProgram.ts"
import { Versions } from "../worker/Versions.ts"
import { Worker } from "../worker/Worker.ts"
import { type CommandFailed, failed } from "./CommandFailed.ts"
import { lazyTaskRunner, type OwnTasks, type TasksLayer, tasksLayer } from "./taskParts.ts"
import type { WorkerOptions } from "./workerOptions.ts"

type Part<A> = Layer.Layer<
  A,
  ConfigInvalid | CommandFailed | CertificateFileError | FolderUnusable | TaskNotOpened | TasksInvalid,
  EdgeConfig | WorkerIdentity | StateFolder
>

/** Replaced by tests; everything around it (signals, lock, pid file, commands, exit codes) stays the same. */
export interface WorkerParts {
  readonly config: (options: WorkerOptions) => Layer.Layer<EdgeConfig, ConfigInvalid>
  readonly worker: (options: WorkerOptions) => Part<Worker>
  readonly settlement: (options: WorkerOptions) => Part<Settlement>
  /** The tasks that the program itself has. */
  readonly own?: OwnTasks | undefined
}

const versionsOf = (found: InstalledAirflow) => ({
  airflow: found.airflow,
  edge3: found.edge3,
  python: found.pythonVersion
})

/** Python is not the only way. */
const nothingToRun = ({ message }: NoLocalAirflow) =>
  failed(
    "config",
    `${message}. A worker without Python needs commands or tasks in TypeScript instead: [edge_worker] commands, --task-program`
  )

/**
 * The versions of the local Airflow. Where there is none, no command and no task in TypeScript either, the worker does not
 * start: it could run no job.
 */
const workerVersions = Layer.unwrap(
  Effect.gen(function* () {
    const airflow = yield* LocalAirflow
    const { commands, reportedEdgeProviderVersion } = yield* EdgeConfig
    const registered = yield* Effect.flatMap(Tasks, (tasks) => tasks.registered)
    const none = { airflow: undefined, edge3: reportedEdgeProviderVersion, python: undefined }
    const first =
      commands.size === 0 && registered.length === 0
        ? versionsOf(yield* Effect.mapError(airflow.current, nothingToRun))
        : yield* Effect.match(airflow.current, { onSuccess: versionsOf, onFailure: () => none })
    if (first === none) {
      yield* Effect.logInfo(
        "there is no local Airflow: this worker runs only its tasks in TypeScript and what [edge_worker] commands " +
          "names, and tells the site the site's own versions as its own",
        {
          commands: [...commands.keys()].join(","),
          tasks: registered.map(({ dag_id, task_id }) => `${dag_id}.${task_id}`).join(",")
        }
      )
      return Versions.layer(Effect.succeed(none))
    }
    return Versions.layer(Effect.match(airflow.current, { onSuccess: versionsOf, onFailure: () => first }))
  })
)

/** The same for who runs no job: whatever there is. */
const settlementVersions = Layer.unwrap(
  Effect.gen(function* () {
    const airflow = yield* LocalAirflow
    const { reportedEdgeProviderVersion } = yield* EdgeConfig
    const none = { airflow: undefined, edge3: reportedEdgeProviderVersion, python: undefined }
    return Versions.layer(Effect.match(airflow.current, { onSuccess: versionsOf, onFailure: () => none }))
  })
)

/** What a worker needs around it, and what settles a dead one's promises needs too. */
const around = (
  { python }: WorkerOptions,
  tasks: TasksLayer,
  versions: typeof settlementVersions | typeof workerVersions,
  own?: OwnTasks
) =>
  Layer.mergeAll(
    RunnerChoice.layer({ task: lazyTaskRunner(own?.backends) }),
    LogPush.layer,
    versions,
    SysinfoProgram.layer
  ).pipe(
    Layer.provide(tasks),
    Layer.provideMerge([
      Layer.provideMerge(Layer.provide(Journal.layer, JournalStore.layer), KeptLogs.layer),
      EdgeClient.layer,
      Layer.provide(Layer.merge(LogFolder.layer, FileTail.layer), FileCalls.layer),
      LogFiles.layer,
      FreeDisk.layer
    ]),
    Layer.provideMerge([TokenSigner.layer, HttpTransport.layer]),
    Layer.provide([
      HostFolder.layer,
      JobFolder.layer,
      LineSocket.layer,
      Programs.layer,
      LocalAirflow.layer({ python })
    ]),
    Layer.provide([Processes.layer, OomKills.layer(), NodeServices.layer])
  )

/** The real parts; `own`: the tasks that the program itself has. */
export const partsWith = (own: OwnTasks | undefined): WorkerParts => ({
  config: ({ team, concurrency, umask, python, taskProgram }) =>
    NodePlatform.config({ team, concurrency, umask, python, taskProgram }),
  worker: (options) => Layer.provide(Worker.layer, around(options, tasksLayer(own), workerVersions, own)),
  settlement: (options) => Layer.provide(Settlement.layer, around(options, leftTasks, settlementVersions)),
  own
})

/** Those of `edge-worker` itself. */
export const workerParts: WorkerParts = partsWith(undefined)
