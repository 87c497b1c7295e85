/** The waits after an error: what the site asks for, spread so that a thousand workers do not come at once. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { SiteUnavailable } from "../../src/worker/EdgeError.ts"
import { SiteHealth } from "../../src/worker/SiteHealth.ts"
import { settle } from "./harness.ts"

const layer = SiteHealth.layer.pipe(Layer.provide(Layer.succeed(EdgeConfig, testSettings())))
const errorOf = (retryAfterMillis?: number) =>
  new SiteUnavailable({ operation: "fetch", reason: "HTTP 503", ambiguous: false, retryAfterMillis })

/** The shortest and the longest of 300 waits, in seconds. */
const waits = Effect.fnUntraced(function* (attempt: number, retryAfterSeconds?: number) {
  const { pause } = yield* SiteHealth
  const error = errorOf(retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000)
  const timed = Effect.gen(function* () {
    const from = yield* Clock.currentTimeMillis
    yield* pause(attempt, error)
    return ((yield* Clock.currentTimeMillis) - from) / 1000
  })
  const fiber = yield* Effect.forkChild(
    Effect.all(
      Array.from({ length: 300 }, () => timed),
      { concurrency: "unbounded" }
    )
  )
  yield* settle
  yield* TestClock.adjust("1 hour")
  const all = yield* Fiber.join(fiber)
  return [Math.min(...all), Math.max(...all)] as const
})

const between = ([least, most]: readonly [number, number], from: number, to: number) => {
  assert.isAtLeast(least, from)
  assert.isAtMost(most, to)
  assert.isBelow(least, from + (to - from) / 4)
  assert.isAbove(most, to - (to - from) / 4)
}

describe("SiteHealth.pause", () => {
  it.effect("doubles from api_retry_wait_min to api_retry_wait_max, by a half to the whole", () =>
    Effect.gen(function* () {
      between(yield* waits(0), 0.5, 1)
      between(yield* waits(3), 4, 8)
      between(yield* waits(7), 45, 90)
      between(yield* waits(500), 45, 90)
    }).pipe(Effect.provide(layer))
  )

  it.effect("never comes before Retry-After, and up to a quarter of it later, half a minute at most", () =>
    Effect.gen(function* () {
      between(yield* waits(0, 20), 20, 25)
      between(yield* waits(0, 400), 400, 430)
      between(yield* waits(7, 1), 1, 91)
    }).pipe(Effect.provide(layer))
  )
})

describe("SiteHealth.back", () => {
  it.effect("ends within a second after a heartbeat that reached the site again, and not before", () =>
    Effect.gen(function* () {
      const health = yield* SiteHealth
      const waiting = yield* Effect.forkChild(health.back)
      const isOver = Effect.gen(function* () {
        yield* settle
        yield* TestClock.adjust("1 second")
        yield* settle
        return waiting.pollUnsafe() !== undefined
      })
      assert.isFalse(yield* isOver)
      yield* health.set({ lastHeartbeat: 1, problem: null })
      assert.isFalse(yield* isOver)
      yield* health.set({ lastHeartbeat: 1, problem: "refused" })
      assert.isFalse(yield* isOver)
      yield* health.set({ lastHeartbeat: 1, problem: "still refused" })
      assert.isFalse(yield* isOver)
      yield* health.set({ lastHeartbeat: 2, problem: null })
      assert.isTrue(yield* isOver)
    }).pipe(Effect.provide(layer))
  )

  it.effect("does not end for all that wait at once", () =>
    Effect.gen(function* () {
      const health = yield* SiteHealth
      yield* health.set({ lastHeartbeat: 1, problem: "refused" })
      const waiting = yield* Effect.all(Array.from({ length: 200 }, () => Effect.forkChild(health.back)))
      const over = Effect.sync(() => waiting.filter((fiber) => fiber.pollUnsafe() !== undefined).length)
      yield* settle
      yield* health.set({ lastHeartbeat: 2, problem: null })
      yield* settle
      assert.isBelow(yield* over, 10)
      yield* TestClock.adjust("500 millis")
      yield* settle
      assert.isAbove(yield* over, 50)
      assert.isBelow(yield* over, 150)
    }).pipe(Effect.provide(layer))
  )
})
