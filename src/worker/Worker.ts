/** Worker: the whole worker as one service: what it is doing, and the few things one can ask of it. */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import type { WorkerStatus } from "../protocol/Control.ts"
import { isEnding } from "../protocol/Lifecycle.ts"
import { Assignment } from "./Assignment.ts"
import { Drain, type Harm } from "./Drain.ts"
import { FetchGate } from "./FetchGate.ts"
import { GaveUp } from "./GaveUp.ts"
import { goodbye } from "./Goodbye.ts"
import { Heartbeat } from "./Heartbeat.ts"
import { JobFetch } from "./JobFetch.ts"
import { JobRun } from "./JobRun.ts"
import { LogRetention } from "./LogRetention.ts"
import * as NotOurs from "./NotOurs.ts"
import { QueueBackoff } from "./QueueBackoff.ts"
import { Recovery } from "./Recovery.ts"
import { type RegistrationRefused, register } from "./Registration.ts"
import { Reports } from "./Reports.ts"
import { SiteClock } from "./SiteClock.ts"
import { SiteHealth } from "./SiteHealth.ts"
import { Slots } from "./Slots.ts"
import { supervised } from "./Supervised.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"
import { statusOf } from "./WorkerStatus.ts"
import { WorkerSysinfo } from "./WorkerSysinfo.ts"

/** How a worker ended. */
export interface WorkerEnd {
  /** Why it drained: "SIGTERM", "shutdown requested by the site", "the site rejects …". */
  readonly reason: string
  /** Set where the site does not accept this worker's versions. */
  readonly rejected: string | undefined
  /** The hardest thing that was done to a task to end the worker. */
  readonly tasks: Harm
  /** Reports that the site has not accepted. */
  readonly reportsLeft: number
  /** Bytes of task logs that the site has not accepted. */
  readonly logBytesLeft: number
}

/** How long the site has to hear the goodbye. */
const goodbyeLimit = "10 seconds"
/** How long it has to answer the heartbeat that is under way then. */
const lastBeatLimit = "5 seconds"

/** A running worker. */
export class Worker extends Context.Service<
  Worker,
  {
    readonly status: Effect.Effect<WorkerStatus>
    /** Enters maintenance with this comment, or replaces the comment; the site hears of it at once. */
    readonly enterMaintenance: (comments: string) => Effect.Effect<void>
    readonly leaveMaintenance: Effect.Effect<void>
    /** Stops fetching; tasks finish, heartbeats go on, then the worker goes offline. The first reason stays. */
    readonly drain: (reason: string) => Effect.Effect<void>
    /** Drains, and asks every running task to end (SIGTERM to its supervisor), with a notice in its log. */
    readonly terminate: (reason: string) => Effect.Effect<void>
    /** Drains, and removes every running task's whole tree, with a notice in its log. */
    readonly kill: (reason: string) => Effect.Effect<void>
    /** Waits until the site has taken the worker. */
    readonly registered: Effect.Effect<void, RegistrationRefused>
    /** Waits until the worker is offline, or was never taken. */
    readonly ended: Effect.Effect<WorkerEnd, RegistrationRefused>
  }
>()("edge-worker/worker/Worker") {
  /** The worker over its loops, for tests that replace one of them. */
  static readonly layerNoDeps = Layer.effect(
    Worker,
    Effect.gen(function* () {
      const { name } = yield* WorkerIdentity
      const lifecycle = yield* WorkerLifecycle
      const heartbeat = yield* Heartbeat
      const jobFetch = yield* JobFetch
      const reports = yield* Reports
      const drain = yield* Drain
      const gaveUp = yield* GaveUp
      const sysinfo = yield* WorkerSysinfo
      const recovery = yield* Recovery
      const retention = yield* LogRetention
      const registered = yield* Deferred.make<void, RegistrationRefused>()
      const ended = yield* Deferred.make<WorkerEnd, RegistrationRefused>()
      const asked = lifecycle.until(isEnding)

      const life = Effect.gen(function* () {
        yield* sysinfo.ready
        // Before the site is asked: what an earlier worker has left runs, and is told as soon as the site hears.
        yield* Effect.forkChild(supervised("reports", reports.run))
        yield* recovery.begin
        yield* Effect.forkChild(supervised("log retention", retention.run))
        const taken = yield* Effect.raceFirst(Effect.as(register, true), Effect.as(asked, false))
        let fetching: Fiber.Fiber<void> | undefined
        let beating: Fiber.Fiber<void> | undefined
        if (taken) {
          yield* lifecycle.send({ _tag: "Registered" })
          yield* Effect.logInfo(`registered as ${name}`)
          yield* Deferred.succeed(registered, undefined)
          beating = yield* Effect.forkChild(supervised("heartbeat", heartbeat.run))
          yield* Effect.forkChild(supervised("given-up jobs", gaveUp.run))
          fetching = yield* Effect.forkChild(supervised("job fetch", jobFetch.run))
          yield* asked
        }
        yield* Effect.forkChild(drain.deadlines)
        if (fetching !== undefined) yield* Fiber.await(fetching)
        yield* lifecycle.until((state) => isEnding(state) && state.jobs === 0)
        const left = yield* drain.deliver
        const { reason } = yield* lifecycle
          .send({ _tag: "Emptied" })
          .pipe(Effect.map((state) => ("reason" in state ? state : { reason: "ended" })))
        // A heartbeat that the site took up after the goodbye would leave the worker `terminating` there.
        if (beating !== undefined) {
          yield* Effect.timeoutOption(Fiber.await(beating), lastBeatLimit)
          yield* Fiber.interrupt(beating)
          yield* Effect.timeoutOption(goodbye, goodbyeLimit)
        }
        return {
          reason,
          rejected: yield* heartbeat.rejection,
          tasks: yield* drain.harm,
          reportsLeft: left.reports,
          logBytesLeft: left.logBytes
        }
      })
      yield* life.pipe(
        Effect.tapError((error) => Deferred.fail(registered, error)),
        Effect.onExit((exit) => Deferred.done(ended, exit)),
        Effect.forkScoped
      )

      const services = yield* Effect.context<Effect.Services<typeof statusOf>>()
      const stop = (how: "term" | "kill") =>
        Effect.fnUntraced(function* (reason: string) {
          yield* lifecycle.send({ _tag: "Drain", reason })
          yield* drain.stop(how, reason)
        })
      return Worker.of({
        status: statusOf.pipe(Effect.provideContext(services)),
        enterMaintenance: (comments) => Effect.asVoid(lifecycle.send({ _tag: "MaintenanceOn", comments })),
        leaveMaintenance: Effect.asVoid(lifecycle.send({ _tag: "MaintenanceOff" })),
        drain: (reason) => Effect.asVoid(lifecycle.send({ _tag: "Drain", reason })),
        terminate: stop("term"),
        kill: stop("kill"),
        registered: Deferred.await(registered),
        ended: Deferred.await(ended)
      })
    })
  )

  /** The worker with its own loops; the site, the runner and the machine are the caller's. */
  static readonly layer = Worker.layerNoDeps.pipe(
    Layer.provide([Drain.layer, GaveUp.layer]),
    Layer.provide([JobFetch.layer, Recovery.layer]),
    Layer.provide([Heartbeat.layer, Reports.layer, LogRetention.layer]),
    Layer.provide(NotOurs.layer),
    Layer.provide(JobRun.layer),
    Layer.provide([WorkerSysinfo.layer, SiteHealth.layer]),
    Layer.provide([FetchGate.layer, QueueBackoff.layer]),
    Layer.provide([WorkerLifecycle.layer, Slots.layer, Assignment.layer, SiteClock.layer])
  )
}
