/** SimWorker: the real worker's layers over a simulated site, machine and disk; a planted defect wraps one of them. */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { FileTail } from "../../src/platform/FileTail.ts"
import { JournalStore } from "../../src/platform/JournalStore.ts"
import type { KeptLog } from "../../src/platform/KeptLogs.ts"
import { Runner } from "../../src/runner/Runner.ts"
import type { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { Assignment } from "../../src/worker/Assignment.ts"
import { Drain } from "../../src/worker/Drain.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { FetchGate } from "../../src/worker/FetchGate.ts"
import { GaveUp } from "../../src/worker/GaveUp.ts"
import { Heartbeat } from "../../src/worker/Heartbeat.ts"
import { JobFetch } from "../../src/worker/JobFetch.ts"
import { JobRun } from "../../src/worker/JobRun.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { LogPush } from "../../src/worker/LogPush.ts"
import { LogRetention } from "../../src/worker/LogRetention.ts"
import { QueueBackoff } from "../../src/worker/QueueBackoff.ts"
import { Recovery } from "../../src/worker/Recovery.ts"
import { Reports } from "../../src/worker/Reports.ts"
import { SiteClock } from "../../src/worker/SiteClock.ts"
import { SiteHealth } from "../../src/worker/SiteHealth.ts"
import { Slots } from "../../src/worker/Slots.ts"
import { known, Versions } from "../../src/worker/Versions.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { WorkerLifecycle } from "../../src/worker/WorkerLifecycle.ts"
import { WorkerSysinfo } from "../../src/worker/WorkerSysinfo.ts"

/** A defect: the same service, with something wrong in it. */
export interface Defect {
  readonly name: string
  readonly runner?: (real: Runner["Service"]) => Runner["Service"]
  readonly client?: (real: EdgeClient["Service"]) => EdgeClient["Service"]
  readonly slots?: (real: Slots["Service"]) => Slots["Service"]
  readonly journal?: (real: Journal["Service"], client: EdgeClient["Service"]) => Journal["Service"]
  readonly tail?: (real: FileTail["Service"], journal: Journal["Service"]) => FileTail["Service"]
  /** For the fetch loop alone. */
  readonly fetchClient?: (
    real: EdgeClient["Service"],
    lifecycle: WorkerLifecycle["Service"]
  ) => EdgeClient["Service"]
  readonly fetch?: (real: JobFetch["Service"], health: SiteHealth["Service"]) => JobFetch["Service"]
}

interface Parts {
  readonly client: EdgeClient["Service"]
  readonly runner: Runner["Service"]
  readonly store: JournalStore["Service"]
  readonly keptLogs: Map<string, KeptLog>
  readonly files: Context.Context<MemoryFileTail | FileTail>
  readonly concurrency: number
  readonly drainTimeout: number | undefined
  readonly first: boolean
  readonly defect: Defect | undefined
  readonly begun: (worker: Worker["Service"]) => void
}

const same = <A>(real: A): A => real

/** A worker from its start to its own end. */
export const workerOf = (parts: Parts) => {
  const { defect } = parts
  const client = (defect?.client ?? same)(parts.client)
  const journal = Layer.effect(
    Journal,
    Effect.map(Journal, (real) => (defect?.journal ?? same)(real, client))
  ).pipe(Layer.provide(Journal.layer))
  const slots = Layer.effect(Slots, Effect.map(Slots, defect?.slots ?? same)).pipe(Layer.provide(Slots.layer))
  const tail = Layer.effect(
    FileTail,
    Effect.gen(function* () {
      const [files, kept] = [yield* FileTail, yield* Journal]
      return (defect?.tail ?? same)(files, kept)
    })
  )
  const fetchClient = Layer.effect(
    EdgeClient,
    Effect.map(WorkerLifecycle, (lifecycle) => (defect?.fetchClient ?? same)(client, lifecycle))
  )
  const jobFetch = Layer.effect(
    JobFetch,
    Effect.gen(function* () {
      const [fetch, health] = [yield* JobFetch, yield* SiteHealth]
      return (defect?.fetch ?? same)(fetch, health)
    })
  ).pipe(Layer.provide(JobFetch.layer.pipe(Layer.provide(fetchClient))))
  // As in `Worker.layer`, for a defect inside of it.
  const planted = Worker.layerNoDeps.pipe(
    Layer.provide([Drain.layer, GaveUp.layer]),
    Layer.provide([jobFetch, Recovery.layer]),
    Layer.provide([Heartbeat.layer, Reports.layer, JobRun.layer, LogRetention.layer]),
    Layer.provide([WorkerSysinfo.layer, SiteHealth.layer]),
    Layer.provide([FetchGate.layer, QueueBackoff.layer]),
    Layer.provide([WorkerLifecycle.layer, slots, Assignment.layer, SiteClock.layer])
  )
  const inside = [defect?.slots, defect?.fetch, defect?.fetchClient].some((part) => part !== undefined)
  const worker = inside ? planted : Worker.layer
  const below = Layer.mergeAll(
    MemoryPlatform.layer({
      nameBefore: parts.first ? "none" : "dead",
      keptLogs: parts.keptLogs
    }).pipe(Layer.provide(Layer.succeedContext(parts.files))),
    Layer.succeedContext(parts.files)
  )
  const all = worker.pipe(
    Layer.provide(
      Layer.mergeAll(
        LogPush.layer.pipe(Layer.provide(tail)),
        Versions.layer(Effect.succeed({ ...known, python: "3.11.7" }))
      )
    ),
    Layer.provide(journal),
    Layer.provide(Layer.succeed(JournalStore, parts.store)),
    Layer.provide(Layer.succeed(Runner, (defect?.runner ?? same)(parts.runner))),
    Layer.provide(Layer.succeed(EdgeClient, client)),
    Layer.provide(below),
    Layer.provide([
      Layer.succeed(
        EdgeConfig,
        testSettings({
          drainTimeout: parts.drainTimeout === undefined ? undefined : Duration.millis(parts.drainTimeout),
          drainKillGrace: Duration.seconds(10)
        })
      ),
      Layer.succeed(WorkerIdentity, {
        name: "worker-1",
        queues: ["default"],
        team: null,
        concurrency: parts.concurrency
      })
    ])
  )
  return Worker.pipe(
    Effect.tap((service) => Effect.sync(() => parts.begun(service))),
    Effect.flatMap((service) => service.ended),
    Effect.provide(all)
  )
}
