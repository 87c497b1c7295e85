/** A whole worker under the test clock against the central in memory: tests only drive and assert. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { TestWorker, type TestWorkerOptions } from "../../src/testing/TestWorker.ts"
import { testJob } from "../../src/testing/testJob.ts"
import type { Journal } from "../../src/worker/Journal.ts"
import { Worker } from "../../src/worker/Worker.ts"

export interface Options extends TestWorkerOptions {
  readonly obeys?: ReadonlyArray<"term" | "kill">
}

export const layer = (options: Options = {}) =>
  TestWorker.layerNoRunner(options).pipe(
    Layer.provideMerge([TestRunner.layer(options.obeys), MemoryFileTail.layer])
  )

/** Lets every fiber reach its next wait. */
export const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 40 }))

/** Moves the clock in small steps, so that chains of waits run as they would. */
export const advance = Effect.fnUntraced(function* (duration: Duration.Input) {
  const total = Duration.toMillis(Duration.fromInputUnsafe(duration))
  let left = total
  yield* settle
  while (left > 0) {
    const step = Math.min(left, Math.max(250, total / 400))
    yield* TestClock.adjust(step)
    yield* settle
    left -= step
  }
})

/** Runs the clock until the wait is over; fails where it is not within `limit` of virtual time. */
export const within = Effect.fnUntraced(function* <A, E, R>(
  limit: Duration.Input,
  wait: Effect.Effect<A, E, R>
) {
  const fiber = yield* Effect.forkChild(wait)
  let left = Duration.toMillis(Duration.fromInputUnsafe(limit))
  while (true) {
    yield* settle
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return yield* Fiber.join(fiber)
    if (left <= 0)
      return yield* Effect.die(
        new Error(`did not happen within ${Duration.format(Duration.fromInputUnsafe(limit))}`)
      )
    yield* TestClock.adjust(50)
    left -= 50
  }
})

/** Runs a test against a worker that is registered. */
export const withWorker = <A, E>(
  options: Options,
  test: Effect.Effect<A, E, Worker | TestCentral | TestRunner | MemoryFileTail | Journal | Scope.Scope>
) =>
  Effect.gen(function* () {
    const worker = yield* Worker
    yield* within("5 seconds", worker.registered)
    yield* settle
    return yield* test
  }).pipe(Effect.scoped, Effect.provide(layer(options)))

/** Gives the worker one job, and waits until it was started. */
export const oneStarts = Effect.gen(function* () {
  const central = yield* TestCentral
  const runner = yield* TestRunner
  yield* central.addJob(testJob("a"))
  const [job] = yield* within(
    "10 seconds",
    runner.until((jobs) => jobs.length === 1)
  )
  return job
})

/** The same, and until the site knows that it runs. */
export const oneRuns = Effect.gen(function* () {
  const central = yield* TestCentral
  const job = yield* oneStarts
  yield* within(
    "5 seconds",
    central.until((c) => c.worker?.state === "running")
  )
  return job
})
