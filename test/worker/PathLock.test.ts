/** PathLock: one holder a path, however many come and go. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { makePathLock } from "../../src/worker/PathLock.ts"
import { settle } from "./harness.ts"

describe("PathLock", () => {
  it.effect("holds a path for one at a time, also where one comes while another has just gone", () =>
    Effect.gen(function* () {
      const lock = makePathLock()
      const inside: Array<string> = []
      /** Holds the path until it is told to go. */
      const hold = Effect.fnUntraced(function* (name: string, path = "/logs/a") {
        const go = yield* Deferred.make<void>()
        const enter = Effect.sync(() => void inside.push(name))
        const leave = Effect.sync(() => void inside.splice(inside.indexOf(name), 1))
        const held = Effect.ensuring(Effect.andThen(enter, Deferred.await(go)), leave)
        const fiber = yield* Effect.forkChild(lock(path, held))
        yield* settle
        return { go: Effect.andThen(Deferred.succeed(go, undefined), settle), fiber }
      })
      const one = yield* hold("one")
      const two = yield* hold("two")
      const other = yield* hold("other", "/logs/b")
      assert.deepStrictEqual(inside, ["one", "other"])
      yield* one.go
      assert.deepStrictEqual(inside, ["other", "two"])
      const three = yield* hold("three")
      assert.deepStrictEqual(inside, ["other", "two"], "two still holds it")
      yield* two.go
      assert.deepStrictEqual(inside, ["other", "three"])
      const four = yield* hold("four")
      yield* Fiber.interrupt(four.fiber)
      yield* three.go
      yield* other.go
      assert.deepStrictEqual(inside, [])
      const five = yield* hold("five")
      assert.deepStrictEqual(inside, ["five"], "one that gave up waiting leaves it free")
      yield* five.go
    })
  )
})
