/** GaveUp: ends the jobs that the site has given up meanwhile, in an outage too long for Airflow's own rules. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { MonotonicClock } from "../platform/MonotonicClock.ts"
import { type Claim, display } from "../protocol/Job.ts"
import { JobRun, type Stop } from "./JobRun.ts"
import { SiteClock } from "./SiteClock.ts"
import { SiteHealth } from "./SiteHealth.ts"

/** How often the worker looks. */
const period = Duration.seconds(5)

/** Watches the jobs while the site is away. */
export class GaveUp extends Context.Service<
  GaveUp,
  {
    /**
     * For ever: a job whose token has ended `task_instance_heartbeat_timeout` ago, and whose site has accepted no
     * heartbeat for as long, and for two intervals, is asked to end, and killed after the drain's grace where the site is
     * still away.
     */
    readonly run: Effect.Effect<void>
  }
>()("edge-worker/worker/GaveUp") {
  static readonly layer = Layer.effect(
    GaveUp,
    Effect.gen(function* () {
      const { drainKillGrace, heartbeatInterval, taskInstanceHeartbeatTimeout } = yield* EdgeConfig
      const health = yield* SiteHealth
      const jobRun = yield* JobRun
      const monotonic = yield* MonotonicClock
      const siteClock = yield* SiteClock
      const limit = Duration.toMillis(taskInstanceHeartbeatTimeout)
      // Where heartbeats are rare, the first that fails is not yet an outage.
      const longest = Math.max(limit, 2 * Duration.toMillis(heartbeatInterval))
      const grace = Duration.toMillis(drainKillGrace)
      const seconds = Duration.toSeconds(taskInstanceHeartbeatTimeout)
      const why = `The site was away for more than ${seconds} s; it has given this task up.`

      /** In the background: one that takes long, or fails, must not keep the others from being stopped. */
      const stop = (claim: Claim, how: Stop, signal: string) =>
        jobRun.stopOne(claim, how, `${why} The edge worker ends it with ${signal}.`).pipe(
          Effect.catchDefect((defect) =>
            Effect.logError(`${display(claim.job)} could not be sent ${signal}`, defect)
          ),
          Effect.forkChild
        )

      const run = Effect.gen(function* () {
        let seen: number | null = null
        // The date of the last heartbeat is this machine's, which may jump: how long ago it was is measured.
        let seenAt = yield* monotonic
        /** By claim: when the job was asked to end; undefined once it was killed. */
        const asked = new Map<string, number | undefined>()
        while (true) {
          yield* Effect.sleep(period)
          const now = yield* monotonic
          const { lastHeartbeat, problem } = yield* health.get
          if (lastHeartbeat !== seen) {
            seen = lastHeartbeat
            seenAt = now
          }
          const isAway = (problem !== null || lastHeartbeat === null) && now - seenAt > longest
          if (!isAway) {
            asked.clear()
            continue
          }
          const siteNow = yield* siteClock.now
          for (const claim of yield* jobRun.running) {
            if (claim.expires === null || siteNow - claim.expires <= limit) continue
            if (!asked.has(claim.id)) {
              asked.set(claim.id, now)
              yield* Effect.logWarning(`sending SIGTERM to ${display(claim.job)}: the site has given it up`)
              yield* stop(claim, "term", "SIGTERM")
            } else {
              const since = asked.get(claim.id)
              if (since === undefined || now - since < grace) continue
              asked.set(claim.id, undefined)
              yield* stop(claim, "kill", "SIGKILL")
            }
          }
        }
      })
      return GaveUp.of({ run })
    })
  )
}
