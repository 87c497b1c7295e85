/** Slots: lends what is free, once, and lets the rest wait. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { Slots } from "../../src/worker/Slots.ts"
import { settle } from "./harness.ts"

const withSlots = <A, E, R>(test: (slots: Slots["Service"]) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Slots, test).pipe(
    Effect.provide(
      Slots.layer.pipe(
        Layer.provide(
          Layer.succeed(WorkerIdentity, { name: "one", queues: ["default"], team: null, concurrency: 3 })
        )
      )
    )
  )

describe("Slots", () => {
  it.effect("what is lent is nobody else's until it is settled", () =>
    withSlots((slots) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* slots.lend, 3)
        const second = yield* Effect.forkChild(slots.lend)
        yield* settle
        assert.isUndefined(second.pollUnsafe(), "nothing is free")
        yield* slots.settle(3, 1)
        assert.strictEqual(yield* Fiber.join(second), 2)
        assert.deepStrictEqual(yield* slots.usage, { capacity: 3, held: 1, lent: 2 })
      })
    )
  )

  it.effect("of two that wait, one gets what comes free, and the other goes on waiting", () =>
    withSlots((slots) =>
      Effect.gen(function* () {
        yield* slots.settle(0, 3)
        const waiting = [yield* Effect.forkChild(slots.lend), yield* Effect.forkChild(slots.lend)]
        yield* settle
        yield* slots.release(1)
        yield* settle
        const got = waiting.map((fiber) => fiber.pollUnsafe()).filter((exit) => exit !== undefined)
        assert.lengthOf(got, 1)
        yield* slots.release(2)
        const lent = yield* Effect.all(waiting.map((fiber) => Fiber.join(fiber)))
        assert.deepStrictEqual([...lent].sort(), [1, 2])
      })
    )
  )

  it.effect("a capacity below what is held lends nothing until it rises", () =>
    withSlots((slots) =>
      Effect.gen(function* () {
        yield* slots.settle(0, 2)
        yield* slots.resize(1)
        const waiting = yield* Effect.forkChild(slots.lend)
        yield* settle
        assert.isUndefined(waiting.pollUnsafe())
        yield* slots.resize(4)
        assert.strictEqual(yield* Fiber.join(waiting), 2)
      })
    )
  )
})
