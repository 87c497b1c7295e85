/** SiteHealth: whether the site can be reached, as the heartbeat sees it, and the waits of all loops after an error. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import type { SiteUnavailable } from "./EdgeError.ts"

/** What the last heartbeats met. */
export interface Health {
  /** Epoch milliseconds of the last heartbeat that the site accepted. */
  readonly lastHeartbeat: number | null
  /** What keeps the site from being reached, in words. */
  readonly problem: string | null
}

/** The worker's view of the site. */
export class SiteHealth extends Context.Service<
  SiteHealth,
  {
    readonly get: Effect.Effect<Health>
    /** Written by the heartbeat only. */
    readonly set: (health: Health) => Effect.Effect<void>
    /**
     * Waits before attempt `attempt + 1`: exponential from `api_retry_wait_min`, jittered, at most `cap` (default
     * `api_retry_wait_max`), and that much after the site's `Retry-After` where it names one. Ends early, spread over a second, when a
     * heartbeat finds the site back.
     */
    readonly pause: (attempt: number, error: SiteUnavailable, cap?: Duration.Duration) => Effect.Effect<void>
    /** Waits until a heartbeat finds the site back after one that did not reach it; then up to a second more. */
    readonly back: Effect.Effect<void>
  }
>()("edge-worker/worker/SiteHealth") {
  static readonly layer = Layer.effect(
    SiteHealth,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const ref = yield* SubscriptionRef.make<Health>({ lastHeartbeat: null, problem: null })
      const back = SubscriptionRef.changes(ref).pipe(
        Stream.map((health) => health.problem === null),
        Stream.dropWhile((reached) => reached),
        Stream.filter((reached) => reached),
        Stream.runHead,
        Effect.andThen(Random.next),
        Effect.flatMap((part) => Effect.sleep(Duration.seconds(part)))
      )
      const pause = Effect.fnUntraced(function* (
        attempt: number,
        error: SiteUnavailable,
        cap?: Duration.Duration
      ) {
        const min = Duration.toMillis(config.apiRetryWaitMin)
        const max = Duration.toMillis(cap ?? config.apiRetryWaitMax)
        const step = Math.min(max, min * 2 ** Math.min(attempt, 20))
        const jittered = step * (0.5 + (yield* Random.next) / 2)
        if (error.retryAfterMillis !== undefined) {
          // The site may name one moment to all workers.
          const spread = Math.max(step, Math.min(30_000, error.retryAfterMillis / 4))
          return yield* Effect.sleep(Duration.millis(error.retryAfterMillis + spread * (yield* Random.next)))
        }
        yield* Effect.raceFirst(Effect.sleep(Duration.millis(jittered)), back)
      })
      return SiteHealth.of({
        get: SubscriptionRef.get(ref),
        set: (health) => SubscriptionRef.set(ref, health),
        pause,
        back
      })
    })
  )
}
