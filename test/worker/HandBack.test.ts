/** A hand-back: while its token is good, by the clock of the site that gave it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { MonotonicClock } from "../../src/platform/MonotonicClock.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { handBack } from "../../src/worker/HandBack.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { SiteClock } from "../../src/worker/SiteClock.ts"

const minute = 60_000
const site = Date.UTC(2026, 10, 24, 12)

/** What the journal hears of a claim whose token ends `left` milliseconds from the site's now on. */
const heard = (left: number | null, machine: number) =>
  Effect.gen(function* () {
    const told: Array<string> = []
    const journal = Layer.mock(Journal, {
      settled: (_claim, state) => Effect.sync(() => void told.push(state)),
      closed: () => Effect.sync(() => void told.push("closed"))
    })
    yield* TestClock.setTime(machine)
    yield* Effect.gen(function* () {
      const { observe } = yield* SiteClock
      yield* observe(new Date(site).toUTCString(), 0, 0)
      const expires = left === null ? null : site + 500 + left
      yield* handBack({ id: "a", job: testJob("a"), claimedAt: machine, expires }, "a test")
    }).pipe(
      Effect.provide(Layer.merge(journal, SiteClock.layer)),
      Effect.provideService(MonotonicClock, Effect.succeed(0))
    )
    return told
  })

describe("handBack", () => {
  for (const machine of [0, site - 86_400_000, site, site + 86_400_000]) {
    it.effect(`on a machine in ${new Date(machine).toISOString()}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* heard(2 * minute, machine), ["queued", "closed"])
        assert.deepStrictEqual(yield* heard(minute / 2, machine), ["closed"])
        assert.deepStrictEqual(yield* heard(null, machine), ["queued", "closed"])
      })
    )
  }
})
