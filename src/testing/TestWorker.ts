/** TestWorker: a whole worker against a central in memory, for tests of a `Runner` or of a program around a worker. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig, type EdgeSettings } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import type { JournalEntry } from "../platform/JournalStore.ts"
import type { KeptLog } from "../platform/KeptLogs.ts"
import { monotonicOfClock } from "../platform/MonotonicClock.ts"
import type { StateFolder } from "../platform/StateFolder.ts"
import type { Runner } from "../runner/Runner.ts"
import { Journal } from "../worker/Journal.ts"
import { LogPush } from "../worker/LogPush.ts"
import { type InstalledVersions, known, Versions } from "../worker/Versions.ts"
import { Worker } from "../worker/Worker.ts"
import { MemoryFileTail } from "./MemoryFileTail.ts"
import { MemoryPlatform } from "./MemoryPlatform.ts"
import { testSettings } from "./settings.ts"
import { TestCentral } from "./TestCentral.ts"

/** What a test may choose. */
export interface TestWorkerOptions {
  readonly settings?: Partial<EdgeSettings>
  /** Default 2. */
  readonly concurrency?: number
  /** Default `["default"]`; `null` for every queue. */
  readonly queues?: ReadonlyArray<string> | null
  /** What is known of a worker of this name that ended without a goodbye. */
  readonly nameBefore?: StateFolder["Service"]["nameBefore"]
  readonly provedFor?: number
  /** What is noted about the name, in order; the caller's array. */
  readonly nameNotes?: Array<"asked" | "held" | "freed">
  /** Why no job folder can be made now. */
  readonly noJobFolders?: Effect.Effect<string | undefined>
  /** Why no folder of a log can be made now. */
  readonly noLogFolders?: Effect.Effect<string | undefined>
  /** What the journal keeps; a second worker that is given the same map goes on where the first one ended. */
  readonly disk?: Map<string, JournalEntry>
  /** The same of the logs that the site has whole. */
  readonly keptLogs?: Map<string, KeptLog>
  /** The versions that are installed; default: those that a worker knows. */
  readonly installed?: InstalledVersions
  /** Bytes that are free on the disk below a folder; default: more than anybody needs. */
  readonly freeDisk?: (folder: string) => Effect.Effect<number | undefined>
}

/** Makes workers for tests. */
export const TestWorker = {
  /** The worker, the central's controls and the files; the runner may write to the files. */
  layer: <E>(options: TestWorkerOptions & { readonly runner: Layer.Layer<Runner, E, MemoryFileTail> }) =>
    TestWorker.layerNoRunner(options).pipe(
      Layer.provide(options.runner),
      Layer.provideMerge(MemoryFileTail.layer)
    ),
  /** The same, for a runner that a test keeps in its own hands. */
  layerNoRunner: (options: TestWorkerOptions = {}) =>
    Worker.layer.pipe(
      Layer.provideMerge(
        Layer.mergeAll(
          LogPush.layer,
          Versions.layer(Effect.succeed(options.installed ?? { ...known, python: "3.11.7" }))
        )
      ),
      Layer.provideMerge([TestCentral.layer, Journal.layer]),
      Layer.provideMerge(MemoryPlatform.layer(options)),
      Layer.provideMerge([
        Layer.succeed(EdgeConfig, testSettings(options.settings)),
        monotonicOfClock,
        Layer.succeed(WorkerIdentity, {
          name: "worker-1",
          queues: options.queues === undefined ? ["default"] : options.queues,
          team: null,
          concurrency: options.concurrency ?? 2
        })
      ])
    )
}
