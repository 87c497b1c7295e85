/** One contract for a time limit by the machine's clock and by the test clock. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { within } from "../../src/platform/within.ts"

const late = () => Effect.succeed("late")

/** @param pass lets the limit of `millis` pass for what was forked */
const suite = (
  name: string,
  test: typeof it.effect | typeof it.live,
  pass: (millis: number) => Effect.Effect<void>
) =>
  describe(name, () => {
    test("what is in time is given, also where it is there at once", () =>
      Effect.gen(function* () {
        expect(yield* within(60_000, late)(Effect.succeed("now"))).toBe("now")
        const ready = yield* Deferred.make<string>()
        const waiting = yield* Effect.forkChild(within(60_000, late)(Deferred.await(ready)))
        yield* Effect.yieldNow
        yield* Deferred.succeed(ready, "then")
        expect(yield* Fiber.join(waiting)).toBe("then")
      }))

    test("a failure is its own, also a defect", () =>
      Effect.gen(function* () {
        expect(yield* Effect.flip(within(60_000, late)(Effect.fail("no")))).toBe("no")
        const defect = yield* Effect.exit(within(60_000, late)(Effect.die("broken")))
        expect(String(defect)).toContain("broken")
      }))

    test("what is late is interrupted, and its finalizers run before what stands for it", () =>
      Effect.gen(function* () {
        const order: Array<string> = []
        const slow = Effect.never.pipe(
          Effect.onInterrupt(() =>
            Effect.yieldNow.pipe(Effect.andThen(Effect.sync(() => void order.push("ended"))))
          )
        )
        const running = yield* Effect.forkChild(
          within(20, () =>
            Effect.sync(() => {
              order.push("late")
              return "late"
            })
          )(slow)
        )
        yield* pass(20)
        expect(yield* Fiber.join(running)).toBe("late")
        expect(order).toEqual(["ended", "late"])
      }))

    test("it is late also where its caller must not be interrupted", () =>
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(Effect.uninterruptible(within(20, late)(Effect.never)))
        yield* pass(20)
        expect(yield* Fiber.join(running)).toBe("late")
      }))

    test("an interruption from outside goes in, and waits for the end", () =>
      Effect.gen(function* () {
        const begun = yield* Deferred.make<void>()
        let ended = false
        const slow = Deferred.succeed(begun, undefined).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() =>
            Effect.yieldNow.pipe(
              Effect.andThen(
                Effect.sync(() => {
                  ended = true
                })
              )
            )
          )
        )
        const running = yield* Effect.forkChild(within(60_000, late)(slow))
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(running)
        expect(ended).toBe(true)
      }))
  })

suite("by the machine's clock", it.live, () => Effect.void)
suite("by the test clock", it.effect, (millis) => Effect.andThen(Effect.yieldNow, TestClock.adjust(millis)))
