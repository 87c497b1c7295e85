/** Settlement: empties the journal of a worker that is gone, without being a worker: no heartbeat, no new jobs. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { StateFolder } from "../platform/StateFolder.ts"
import { Assignment } from "./Assignment.ts"
import { Drain } from "./Drain.ts"
import { FetchGate } from "./FetchGate.ts"
import { JobRun, type LogWaiting } from "./JobRun.ts"
import { QueueBackoff } from "./QueueBackoff.ts"
import { type Found, Recovery } from "./Recovery.ts"
import { Reports } from "./Reports.ts"
import { SiteClock } from "./SiteClock.ts"
import { SiteHealth } from "./SiteHealth.ts"
import { Slots } from "./Slots.ts"
import { supervised } from "./Supervised.ts"
import { takeover } from "./Takeover.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"
import { WorkerSysinfo } from "./WorkerSysinfo.ts"

/** What was done, and what could not be told within the time that telling may take. */
export interface Settled extends Found {
  readonly reportsLeft: number
  readonly logBytesLeft: number
  /** The logs that these bytes are of. */
  readonly logsLeft: ReadonlyArray<LogWaiting>
  /** The site knows that the worker is offline; undefined where its name was not ours to free. */
  readonly nameFreed: boolean | undefined
}

/** Settles every promise. */
export class Settlement extends Context.Service<
  Settlement,
  {
    /**
     * Waits for jobs that still run, or ends them with their whole trees, which is reported as `failed`; then tells
     * all reports and logs, and frees the name where its holder is proved dead.
     */
    readonly run: (options: { readonly kill: boolean }) => Effect.Effect<Settled>
    /** Jobs whose processes are still there. */
    readonly running: Effect.Effect<number>
  }
>()("edge-worker/worker/Settlement") {
  /** Over the parts that a worker has too; the site, the runner, the journal and the machine are the caller's. */
  static readonly layer = Layer.effect(
    Settlement,
    Effect.gen(function* () {
      const recovery = yield* Recovery
      const reports = yield* Reports
      const jobRun = yield* JobRun
      const drain = yield* Drain
      const lifecycle = yield* WorkerLifecycle
      const { freeName, nameBefore } = yield* StateFolder
      const services = yield* Effect.context<Effect.Services<typeof takeover>>()
      const leave = takeover.pipe(
        Effect.provideContext(services),
        Effect.andThen(freeName),
        Effect.as(true),
        Effect.catch((error) =>
          Effect.as(
            Effect.logWarning(`the site was not told that the worker is gone: ${error.message}`),
            false
          )
        )
      )
      return Settlement.of({
        run: Effect.fn("Settlement.run")(function* ({ kill }) {
          const found = yield* recovery.begin
          yield* Effect.forkChild(supervised("reports", reports.run))
          if (kill)
            yield* jobRun.stopAll("kill", "The edge worker is gone and this task is ended: settle --kill.")
          yield* lifecycle.until(({ jobs }) => jobs === 0)
          const left = yield* drain.deliver
          return {
            ...found,
            reportsLeft: left.reports,
            logBytesLeft: left.logBytes,
            logsLeft: yield* jobRun.logsWaiting,
            nameFreed: nameBefore === "dead" ? yield* leave : undefined
          }
        }, Effect.scoped),
        running: Effect.map(lifecycle.get, ({ jobs }) => jobs)
      })
    })
  ).pipe(
    Layer.provide([Drain.layer, Recovery.layer]),
    Layer.provide([Reports.layer, JobRun.layer]),
    Layer.provide([SiteHealth.layer, WorkerSysinfo.layer]),
    Layer.provide([FetchGate.layerOpen, QueueBackoff.layer]),
    Layer.provide([WorkerLifecycle.layer, Slots.layer, Assignment.layer, SiteClock.layer])
  )
}
