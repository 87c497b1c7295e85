/** A thousand workers and one site that restarts: their heartbeats come back one after the other, not at once. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { TestClock } from "effect/testing"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { StateFolder } from "../../src/platform/StateFolder.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { down } from "../../src/testing/TestCentral.ts"
import { Assignment } from "../../src/worker/Assignment.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { SiteUnavailable } from "../../src/worker/EdgeError.ts"
import { Heartbeat } from "../../src/worker/Heartbeat.ts"
import { SiteHealth } from "../../src/worker/SiteHealth.ts"
import { Slots } from "../../src/worker/Slots.ts"
import { WorkerLifecycle } from "../../src/worker/WorkerLifecycle.ts"
import { WorkerSysinfo } from "../../src/worker/WorkerSysinfo.ts"

const workers = 1000

/** The site that all of them talk to. */
interface Site {
  refuses: SiteUnavailable | undefined
  /** When a gateway says that the site comes back, in milliseconds. */
  closedUntil: number
  /** When each heartbeat came that was answered, in milliseconds. */
  beats: Array<number>
}

const closed = (retryAfterMillis: number) =>
  new SiteUnavailable({
    operation: "test",
    reason: "closed",
    status: 503,
    ambiguous: false,
    retryAfterMillis
  })

/** One worker's heartbeats, which all begin at once: as if one command had started them. */
const worker = (site: Site, seed: number) =>
  Effect.gen(function* () {
    const lifecycle = yield* WorkerLifecycle
    yield* lifecycle.send({ _tag: "Registered" })
    yield* Effect.flatMap(Heartbeat, (heartbeat) => heartbeat.run)
  }).pipe(
    Effect.provide(
      Heartbeat.layer.pipe(
        Layer.provideMerge(SiteHealth.layer),
        Layer.provideMerge([WorkerLifecycle.layer, Slots.layer, Assignment.layer]),
        Layer.provide([
          Layer.mock(WorkerSysinfo, { current: Effect.succeed({}) as never }),
          Layer.mock(EdgeClient, {
            setState: ({ state }) =>
              Effect.gen(function* () {
                const now = yield* Clock.currentTimeMillis
                if (site.refuses !== undefined) return yield* site.refuses
                if (now < site.closedUntil) return yield* closed(site.closedUntil - now)
                site.beats.push(now)
                return { state, queues: null } as never
              })
          }),
          Layer.mock(StateFolder, {
            path: "/state",
            jobs: "/state/jobs",
            socketPath: "/state/socket",
            predecessor: Option.none(),
            nameBefore: "none",
            provedFor: 0,
            askName: Effect.void,
            holdName: Effect.void
          }),
          Layer.succeed(EdgeConfig, testSettings()),
          Layer.succeed(WorkerIdentity, { name: `edge-${seed}`, queues: null, team: null, concurrency: 1 })
        ])
      ),
      { local: true }
    ),
    Random.withSeed(seed)
  )

/** Moves the clock second by second. */
const pass = Effect.fnUntraced(function* (seconds: number) {
  for (let at = 0; at < seconds; at++) yield* TestClock.adjust("1 second")
})

/** How many came in the busiest second from `from` on. */
const busiest = (times: ReadonlyArray<number>, from: number): number => {
  const counts = new Map<number, number>()
  for (const time of times) {
    const at = Math.floor(time / 1000)
    if (time >= from) counts.set(at, (counts.get(at) ?? 0) + 1)
  }
  return Math.max(...counts.values())
}

const begin = Effect.gen(function* () {
  const site: Site = { refuses: undefined, closedUntil: 0, beats: [] }
  for (let seed = 0; seed < workers; seed++) yield* Effect.forkChild(worker(site, seed))
  return site
})

// Without any spread a thousand come in one second; 34 a second are the least there can be.
describe("the heartbeats of a thousand workers", () => {
  it.effect("that were started at once are spread from the second one on", () =>
    Effect.gen(function* () {
      const site = yield* begin
      yield* pass(70)
      assert.strictEqual(busiest(site.beats, 0), workers)
      assert.isAtMost(busiest(site.beats, 1000), 80)
    })
  )

  // In the second case all of them miss the site at the same moment.
  for (const [before, length, most] of [
    [40, 5, 200],
    [0, 60, 150]
  ] as const) {
    it.effect(`come back one after the other: ${length} s without the site after ${before} s with it`, () =>
      Effect.gen(function* () {
        const site = yield* begin
        yield* pass(before)
        site.refuses = down
        yield* pass(length)
        site.refuses = undefined
        site.beats = []
        yield* pass(32)
        assert.isAtLeast(site.beats.length, workers)
        assert.isAtMost(busiest(site.beats, 0), most)
        yield* pass(35)
        assert.isAtMost(busiest(site.beats, (before + length + 33) * 1000), 70, "and more so the second time")
      })
    )
  }

  it.effect("to all of which a gateway has named the same moment", () =>
    Effect.gen(function* () {
      const site = yield* begin
      yield* pass(10)
      site.closedUntil = 80_000
      yield* pass(100)
      const after = site.beats.filter((time) => time >= site.closedUntil)
      assert.isAtLeast(after.length, workers)
      assert.isAtMost(busiest(after, 0), 200)
    })
  )
})
