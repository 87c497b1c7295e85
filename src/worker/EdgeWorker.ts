/** EdgeWorker: a worker for programs that embed one: who it is, what runs its jobs, and the machine it runs on. */

import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import type { FileTail } from "../platform/FileTail.ts"
import type { FreeDisk } from "../platform/FreeDisk.ts"
import type { JournalStore } from "../platform/JournalStore.ts"
import type { KeptLogs } from "../platform/KeptLogs.ts"
import type { LogFiles } from "../platform/LogFiles.ts"
import type { LogFolder } from "../platform/LogFolder.ts"
import type { StateFolder } from "../platform/StateFolder.ts"
import type { TokenSigner } from "../platform/TokenSigner.ts"
import type { Runner } from "../runner/Runner.ts"
import { EdgeClient } from "./EdgeClient.ts"
import { Journal } from "./Journal.ts"
import { LogPush } from "./LogPush.ts"
import { type InstalledVersions, Versions } from "./Versions.ts"
import { Worker } from "./Worker.ts"

/** What a worker needs of its machine; `NodePlatform.layer` of `edge-worker/node` has it all. */
export type Platform =
  | FileTail
  | FreeDisk
  | HttpClient.HttpClient
  | JournalStore
  | KeptLogs
  | LogFiles
  | LogFolder
  | StateFolder
  | TokenSigner

/** What every part may ask for. */
type Known = EdgeConfig | WorkerIdentity

/** How to make a worker. */
export interface EdgeWorkerOptions<RunnerError, PlatformError> {
  /** The worker's name on the site: at most 64 characters. */
  readonly name: string
  /** `null`, the default: every queue. */
  readonly queues?: ReadonlyArray<string> | null
  readonly team?: string | null
  /** Slots; default `[edge] worker_concurrency`. */
  readonly concurrency?: number
  /** What starts the jobs. */
  readonly runner: Layer.Layer<Runner, RunnerError, Known | Platform>
  readonly platform: Layer.Layer<Platform, PlatformError, Known>
  /** What is installed on this machine; by default nothing, and the site's own versions are reported. */
  readonly installed?: Effect.Effect<InstalledVersions>
}

const identity = (options: Omit<EdgeWorkerOptions<unknown, unknown>, "runner" | "platform">) =>
  Layer.effect(
    WorkerIdentity,
    Effect.map(EdgeConfig, (config) => ({
      name: options.name,
      queues: options.queues ?? null,
      team: options.team ?? null,
      concurrency: options.concurrency ?? config.concurrency
    }))
  )

/** Makes workers. */
export const EdgeWorker = {
  /**
   * A worker that registers when the layer is built and drains when it is told to; the `Worker` service tells what it
   * does. Closing the layer's scope ends its loops without a goodbye and leaves processes alone: drain it first
   * (`worker.drain`, then `worker.ended`).
   */
  layer: <RunnerError, PlatformError>(
    options: EdgeWorkerOptions<RunnerError, PlatformError>
  ): Layer.Layer<Worker, RunnerError | PlatformError, EdgeConfig> =>
    Worker.layer.pipe(
      Layer.provide([LogPush.layer, Versions.layer(options.installed)]),
      Layer.provide([EdgeClient.layer, Journal.layer, options.runner]),
      Layer.provide(options.platform),
      Layer.provide(identity(options))
    )
}
