/** Tasks that nothing here can run: handed back, their queue left out for a while, failed when they always come back. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { TestClock } from "effect/testing"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { MonotonicClock } from "../../src/platform/MonotonicClock.ts"
import type { WorkerQueuesBody } from "../../src/protocol/EdgeApi.ts"
import type { Claim } from "../../src/protocol/Job.ts"
import { UnknownTask } from "../../src/runner/Runner.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { type Central, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { QueueBackoff } from "../../src/worker/QueueBackoff.ts"
import { advance, withWorker } from "./harness.ts"

const reason = "this worker cannot run dag.x: it has dag.y"
const unknown = new UnknownTask({ reason })

/** What passes whatever the machine's date says. */
let millis = 1_000
const claim: Claim = { id: "1", job: testJob("x", { queue: "a" }), claimedAt: 0, expires: null }

const alone = QueueBackoff.layer.pipe(
  Layer.provide([
    Layer.succeed(EdgeConfig, testSettings()),
    Layer.succeed(
      MonotonicClock,
      Effect.sync(() => millis)
    )
  ])
)

const asks = (central: Central) =>
  central.calls.filter((call) => call.operation === "fetch").map((call) => call.body as WorkerQueuesBody)
const only = (central: Central) => {
  const [job, ...others] = [...central.jobs.values()]
  assert(job !== undefined && others.length === 0)
  return job
}

describe("an unknown task", () => {
  it.effect("goes back, and its queue is not asked for until its time is over; the others are", () =>
    withWorker(
      { queues: ["a", "b"] },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* runner.refuse(unknown)
        yield* central.addJob(testJob("x", { queue: "a" }))
        yield* advance("20 seconds")
        const after = yield* central.get
        assert.deepStrictEqual(only(after).reported, ["queued"])
        const asked = asks(after).map(({ queues }) => String(queues))
        assert.strictEqual(asked[0], "a,b")
        assert.deepStrictEqual(asked.slice(-3), ["b", "b", "b"])
        yield* runner.refuse(undefined)
        yield* advance("20 seconds")
        assert.deepStrictEqual(asks(yield* central.get).at(-1)?.queues, ["a", "b"])
        assert.strictEqual((yield* runner.jobs).length, 1)
      })
    )
  )

  it.effect("waits twice as long the second time, and fails the third with what there is instead", () =>
    withWorker(
      { queues: ["a"] },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* runner.refuse(unknown)
        yield* central.addJob(testJob("x", { queue: "a" }))
        const given = Effect.map(central.get, (state) => only(state).reported)
        yield* advance("45 seconds")
        assert.deepStrictEqual(yield* given, ["queued", "queued"])
        // 60 s, less a tenth at most, since some 30 s after the start
        yield* advance("35 seconds")
        assert.deepStrictEqual(yield* given, ["queued", "queued"])
        yield* advance("40 seconds")
        assert.deepStrictEqual(yield* given, ["queued", "queued", "failed"])
        assert.include(only(yield* central.get).log, reason)
      })
    )
  )

  it.effect("a worker of every queue asks for nothing for a moment, as it can leave none out", () =>
    withWorker(
      { queues: null },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* runner.refuse(unknown)
        yield* central.addJob(testJob("x"))
        yield* advance("6 seconds")
        assert.deepStrictEqual(only(yield* central.get).reported, ["queued"])
        const asked = asks(yield* central.get).length
        yield* runner.refuse(undefined)
        yield* advance("3 seconds")
        assert.strictEqual(asks(yield* central.get).length, asked)
        yield* advance("10 seconds")
        assert.strictEqual((yield* runner.jobs).length, 1)
      })
    )
  )

  it.effect("fails at once where the setting says so", () =>
    withWorker(
      { queues: ["a"], settings: { unknownTask: "fail" } },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        yield* runner.refuse(unknown)
        yield* central.addJob(testJob("x", { queue: "a" }))
        yield* advance("10 seconds")
        assert.deepStrictEqual(only(yield* central.get).reported, ["failed"])
      })
    )
  )

  it.effect("leaves its queue out no longer because somebody has put the machine's date back", () =>
    Effect.gen(function* () {
      const backoff = yield* QueueBackoff
      yield* TestClock.setTime(86_400_000)
      yield* backoff.unknown(claim)
      assert.isUndefined(yield* backoff.mayAsk(["a"]))
      yield* TestClock.setTime(0)
      millis += 40_000
      assert.deepStrictEqual(yield* backoff.mayAsk(["a"]), { queues: ["a"] })
    }).pipe(Effect.provide(alone))
  )

  /** Waits that are `part` of the way from the shortest to the longest. */
  const withPart = (part: number) =>
    Effect.provideService(Random.Random, { nextDoubleUnsafe: () => part, nextIntUnsafe: () => 0 })
  /** Another task of the queue is not known here either. */
  const another = (task: string) => ({ ...claim, id: task, job: testJob(task, { queue: "a" }) })
  /** How long the queue is left out, in milliseconds; it may be asked for then. */
  const leftOut = Effect.gen(function* () {
    const backoff = yield* QueueBackoff
    const from = millis
    while ((yield* backoff.mayAsk(["a"])) === undefined) millis += 500
    return millis - from
  })

  it.effect("leaves its queue out twice as long each time, at most 5 minutes, a tenth more or less", () =>
    Effect.gen(function* () {
      const backoff = yield* QueueBackoff
      const seconds: Array<number> = []
      for (const task of ["t1", "t2", "t3", "t4", "t5", "t6"]) {
        assert.strictEqual(yield* backoff.unknown(another(task)).pipe(withPart(0.5)), "hand back")
        seconds.push((yield* leftOut) / 1000)
      }
      assert.deepStrictEqual(seconds, [30, 60, 120, 240, 300, 300])
      yield* backoff.unknown(another("t7")).pipe(withPart(0))
      assert.strictEqual(yield* leftOut, 270_000)
      yield* backoff.unknown(another("t8")).pipe(withPart(1))
      assert.strictEqual(yield* leftOut, 330_000)
    }).pipe(Effect.provide(alone))
  )

  it.effect("leaves its queue out no longer for what was fetched before it was known to be unknown", () =>
    Effect.gen(function* () {
      const backoff = yield* QueueBackoff
      yield* backoff.unknown(another("t1")).pipe(withPart(0.5))
      millis += 20_000
      yield* backoff.unknown(another("t2")).pipe(withPart(0.5))
      assert.strictEqual(yield* leftOut, 10_000)
      yield* backoff.unknown(another("t3")).pipe(withPart(0.5))
      assert.strictEqual(yield* leftOut, 60_000)
    }).pipe(Effect.provide(alone))
  )

  it.effect("is the first one again after a task of its queue has begun in its time", () =>
    Effect.gen(function* () {
      const backoff = yield* QueueBackoff
      yield* backoff.unknown(another("t1")).pipe(withPart(0.5))
      assert.strictEqual(yield* leftOut, 30_000)
      yield* backoff.begun(another("t2"))
      yield* backoff.unknown(another("t3")).pipe(withPart(0.5))
      assert.strictEqual(yield* leftOut, 30_000)
    }).pipe(Effect.provide(alone))
  )

  it.effect("is failed the third time, and then forgotten; other tasks are counted for themselves", () =>
    Effect.gen(function* () {
      const { unknown } = yield* QueueBackoff
      const said: Array<string> = []
      for (const task of ["a", "a", "b", "a", "a", "b", "b", "a", "a"])
        said.push(yield* unknown(another(task)))
      const [back, fail] = ["hand back", "fail"]
      assert.deepStrictEqual(said, [back, back, back, fail, back, back, fail, back, fail])
    }).pipe(Effect.provide(alone))
  )

  it.effect("is forgotten after an hour without it, not before", () =>
    Effect.gen(function* () {
      const { unknown } = yield* QueueBackoff
      yield* unknown(another("a"))
      millis += 3_600_000
      yield* unknown(another("a"))
      millis += 3_600_000
      assert.strictEqual(yield* unknown(another("a")), "fail")
      yield* unknown(another("b"))
      yield* unknown(another("b"))
      millis += 3_600_001
      assert.strictEqual(yield* unknown(another("b")), "hand back")
    }).pipe(Effect.provide(alone))
  )

  it.effect(
    "of every queue is a pause of two polls; no list becomes an empty one but that which was empty",
    () =>
      Effect.gen(function* () {
        const { mayAsk, unknown } = yield* QueueBackoff
        assert.deepStrictEqual(yield* mayAsk(null), { queues: null })
        yield* unknown(claim)
        assert.deepStrictEqual(yield* mayAsk(["a", "b"]), { queues: ["b"] })
        assert.deepStrictEqual(yield* mayAsk([]), { queues: [] })
        millis += 9_999
        assert.isUndefined(yield* mayAsk(null))
        millis += 1
        assert.deepStrictEqual(yield* mayAsk(null), { queues: null })
      }).pipe(Effect.provide(alone))
  )

  it.effect("leaves its queue out although a known task of it, fetched before, begins meanwhile", () =>
    Effect.gen(function* () {
      const backoff = yield* QueueBackoff
      yield* backoff.unknown(claim)
      yield* backoff.begun({ ...claim, id: "2", job: testJob("y", { queue: "a" }) })
      assert.isUndefined(yield* backoff.mayAsk(["a"]))
      millis += 40_000
      assert.deepStrictEqual(yield* backoff.mayAsk(["a"]), { queues: ["a"] })
    }).pipe(Effect.provide(alone))
  )
})
