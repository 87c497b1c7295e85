/** JobFetch: asks the site for jobs, one ask in flight, never for more than the free slots. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { LogFiles } from "../platform/LogFiles.ts"
import { type Claim, display, logPathOf, slotsOf } from "../protocol/Job.ts"
import { isEnding, mayFetch } from "../protocol/Lifecycle.ts"
import { expiryOf } from "../protocol/TokenExpiry.ts"
import { Assignment } from "./Assignment.ts"
import { EdgeClient } from "./EdgeClient.ts"
import type { SiteUnavailable, WorkerNotFound } from "./EdgeError.ts"
import { FetchGate } from "./FetchGate.ts"
import * as FetchPace from "./FetchPace.ts"
import { handBack, isTooLate } from "./HandBack.ts"
import { Heartbeat } from "./Heartbeat.ts"
import { JobRun } from "./JobRun.ts"
import * as JobTrace from "./JobTrace.ts"
import { Journal } from "./Journal.ts"
import { occupy } from "./Occupy.ts"
import { QueueBackoff } from "./QueueBackoff.ts"
import { SiteClock } from "./SiteClock.ts"
import { SiteHealth } from "./SiteHealth.ts"
import { Slots } from "./Slots.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"

/** Asks for jobs while the worker is active. */
export class JobFetch extends Context.Service<
  JobFetch,
  {
    /** The loop; ends when the drain has begun and no ask is in flight. Jobs run in the given scope. */
    readonly run: Effect.Effect<void, never, Scope.Scope>
  }
>()("edge-worker/worker/JobFetch") {
  static readonly layer = Layer.effect(
    JobFetch,
    Effect.gen(function* () {
      const { name, team } = yield* WorkerIdentity
      const { jobPollInterval } = yield* EdgeConfig
      const client = yield* EdgeClient
      const lifecycle = yield* WorkerLifecycle
      const assignment = yield* Assignment
      const slots = yield* Slots
      const occupied = Context.pick(Slots, WorkerLifecycle)(yield* Effect.context<Slots | WorkerLifecycle>())
      const health = yield* SiteHealth
      const heartbeat = yield* Heartbeat
      const journal = yield* Journal
      const logFiles = yield* LogFiles
      const siteClock = yield* SiteClock
      const jobRun = yield* JobRun
      const gate = yield* FetchGate
      const backoff = yield* QueueBackoff
      /** Asks that the site may have answered with a job that never arrived here. */
      let ambiguous = 0
      let failures = 0
      let lastActivity = yield* Clock.currentTimeMillis

      const ask = (queues: ReadonlyArray<string> | null, lent: number) =>
        client.fetch({
          queues,
          free_concurrency: lent,
          team_name: team,
          supports_task_instance_uuid: true
        })

      /** Runs a claim, or hands it back where the worker must not start jobs any more. */
      const take = Effect.fnUntraced(function* (claim: Claim, lent: number, asked: JobTrace.Asked) {
        const logPath = logPathOf(claim.job)
        const log = logPath === null ? null : (logFiles.pathOf(logPath) ?? null)
        const unwritten = yield* Effect.flip(journal.claimed(claim, log)).pipe(Effect.option)
        const state = yield* lifecycle.get
        const why = Option.isSome(unwritten)
          ? unwritten.value.message
          : !mayFetch(state)
            ? `worker is ${state._tag.toLowerCase()}`
            : slotsOf(claim.job) > lent
              ? `it needs ${slotsOf(claim.job)} slots`
              : isTooLate(claim, yield* siteClock.now)
                ? "it was queued for too long to be started"
                : undefined
        if (why !== undefined) {
          yield* slots.settle(lent, 0)
          return yield* handBack(claim, why).pipe(
            Effect.provideService(Journal, journal),
            Effect.provideService(SiteClock, siteClock)
          )
        }
        yield* slots.settle(lent, slotsOf(claim.job))
        yield* occupy(claim, jobRun.run(claim, asked)).pipe(Effect.provideContext(occupied))
      })

      const failed = Effect.fnUntraced(function* (error: WorkerNotFound | SiteUnavailable) {
        if (error._tag === "WorkerNotFound") {
          yield* heartbeat.nudge
          return yield* Effect.sleep(jobPollInterval)
        }
        if (error.ambiguous) {
          ambiguous++
          yield* Effect.logWarning(
            `a job may have been claimed for this worker without reaching it (${ambiguous} such asks so far): ` +
              `the site starts it anew after [scheduler] task_queued_timeout. ${error.message}`
          )
        } else if (failures === 0) yield* Effect.logWarning(error.message)
        yield* health.pause(failures++, error)
      })

      /**
       * One ask. The site commits a claim before it answers: from asking to journalling nothing may interrupt, the
       * drain waits, and an ask ends by its own timeout only.
       */
      const once = Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const lent = yield* restore(slots.lend)
          if (!mayFetch(yield* lifecycle.get)) return yield* slots.settle(lent, 0)
          // A hand-back that waits may be there already: sent again after our own next claim it would give that one away.
          const handingBack = (yield* journal.reports).some(({ state }) => state === "queued")
          const asking = yield* backoff.mayAsk((yield* assignment.get).queues)
          if (handingBack || asking === undefined || (yield* gate.whyNot) !== undefined) {
            yield* slots.settle(lent, 0)
            return yield* restore(Effect.sleep(jobPollInterval))
          }
          const { answer, asked } = yield* JobTrace.timed(
            Effect.result(ask(asking.queues, lent)).pipe(
              // A bug ends this loop, and `supervised` starts it anew: the loan must not stay behind.
              Effect.onError(() => slots.settle(lent, 0))
            )
          )
          if (answer._tag === "Failure") {
            yield* slots.settle(lent, 0)
            return yield* restore(failed(answer.failure))
          }
          failures = 0
          const now = yield* Clock.currentTimeMillis
          if (Option.isNone(answer.success)) {
            yield* slots.settle(lent, 0)
            return yield* restore(rest(now))
          }
          lastActivity = now
          const job = answer.success.value
          const suffix = Math.floor((yield* Random.next) * 36 ** 6)
            .toString(36)
            .padStart(6, "0")
          const id = `${now.toString(36)}-${suffix}`
          const claim: Claim = { id, job, claimedAt: now, expires: expiryOf(job.command.token) ?? null }
          yield* Effect.logInfo(`received job ${display(job)}`).pipe(
            Effect.annotateLogs({ slots: job.concurrency_slots })
          )
          yield* take(claim, lent, asked)
        })
      )

      /** Nothing to do: waits by the pace, or until a job has ended, after which the next is often ready. */
      const rest = Effect.fnUntraced(function* (now: number) {
        const idle = Duration.millis(now - lastActivity)
        const { jobs } = yield* lifecycle.get
        const jobEnded = lifecycle
          .until((state) => state.jobs < jobs)
          .pipe(
            Effect.andThen(Clock.currentTimeMillis),
            Effect.tap((ended) =>
              Effect.sync(() => {
                lastActivity = ended
              })
            )
          )
        const wait = FetchPace.interval(jobPollInterval, idle, yield* Random.next)
        yield* Effect.raceFirst(
          Effect.sleep(wait),
          Effect.andThen(jobEnded, Effect.sleep(FetchPace.afterJob))
        )
      })

      const ending = lifecycle.until(isEnding)
      const loop: Effect.Effect<void, never, Scope.Scope> = Effect.gen(function* () {
        while (true) {
          // A loop that waits is left at once when the drain begins; an ask in flight is not interruptible.
          yield* lifecycle.until(mayFetch)
          yield* once
        }
      })
      return JobFetch.of({
        run: Effect.raceFirst(loop, ending).pipe(Effect.annotateLogs({ worker: name }), Effect.asVoid)
      })
    })
  )
}
