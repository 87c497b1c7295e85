/** Supervised: a loop that dies of a bug is started anew; one that ends, or is ended, is not. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { supervised } from "../../src/worker/Supervised.ts"
import { settle } from "./harness.ts"

/** Runs the loop; `lines` is what was logged. */
const watched = Effect.fnUntraced(function* (loop: Effect.Effect<void>) {
  const lines: Array<string> = []
  const log = Logger.layer([
    Logger.make(({ logLevel, message }) => {
      lines.push(`${logLevel} ${message}`)
    })
  ])
  const fiber = yield* Effect.forkChild(Effect.provide(supervised("test", loop), log))
  yield* settle
  return { fiber, lines }
})

describe("Supervised", () => {
  it.effect("starts a loop anew a second after it died, as often as it dies", () =>
    Effect.gen(function* () {
      let starts = 0
      const { fiber, lines } = yield* watched(
        Effect.suspend(() => (++starts < 3 ? Effect.die(new Error(`bug ${starts}`)) : Effect.void))
      )
      assert.strictEqual(starts, 1)
      yield* TestClock.adjust("999 millis")
      yield* settle
      assert.strictEqual(starts, 1)
      yield* TestClock.adjust("1 millis")
      yield* settle
      assert.strictEqual(starts, 2)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.strictEqual(starts, 3)
      assert.lengthOf(lines, 2)
      assert.match(lines[0] ?? "", /^Error the test loop failed and is started anew/)
    })
  )

  it.effect("lets a loop be interrupted, and says nothing", () =>
    Effect.gen(function* () {
      const { fiber, lines } = yield* watched(Effect.never)
      const exit = yield* Effect.exit(Effect.andThen(Fiber.interrupt(fiber), Fiber.join(fiber)))
      assert.isTrue(Exit.hasInterrupts(exit))
      assert.deepStrictEqual(lines, [])
    })
  )

  it.effect("a loop that interrupts itself has ended", () =>
    Effect.gen(function* () {
      const { fiber, lines } = yield* watched(Effect.interrupt)
      const exit = fiber.pollUnsafe()
      assert.isTrue(exit !== undefined && Exit.hasInterrupts(exit))
      assert.deepStrictEqual(lines, [])
    })
  )
})
