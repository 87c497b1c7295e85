/** Tasks that nothing here can run: handed back, their queue left out for a while, failed when they always come back. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
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
