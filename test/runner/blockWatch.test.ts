/** BlockWatch: names the tasks that ran while the worker could do nothing, and nobody else. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { MonotonicClock } from "../../src/platform/MonotonicClock.ts"
import * as BlockWatch from "../../src/runner/attempt/BlockWatch.ts"
import { Tasks } from "../../src/runner/attempt/TaskChannel.ts"
import { testJob } from "../../src/testing/testJob.ts"

const tasks = Layer.succeed(Tasks, {
  registered: Effect.succeed([]),
  open: () => Effect.succeed({ pid: 1, send: () => Effect.void, heard: Effect.never, kill: Effect.void })
})
const open = (task: string) =>
  Effect.flatMap(Tasks, ({ open }) =>
    open({
      claim: { id: task, job: testJob(task), claimedAt: 0, expires: null },
      folder: "/jobs/x",
      logFile: "/logs/x"
    })
  )

describe("BlockWatch", () => {
  it.effect("warns by name where the clock has gone on without it", () => {
    const warnings: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") warnings.push(JSON.stringify(message))
    })
    let millis = 0
    const second = (took: number) =>
      Effect.gen(function* () {
        yield* Effect.yieldNow
        millis += took
        yield* TestClock.adjust("1 second")
        yield* Effect.yieldNow
      })
    return Effect.gen(function* () {
      yield* second(60_000)
      yield* Effect.scoped(Effect.andThen(open("quick"), second(1_500)))
      yield* second(1_000)
      assert.deepStrictEqual(warnings, [])
      // it has ended by the time that anybody can look
      yield* Effect.scoped(open("busy"))
      yield* second(9_000)
      assert.strictEqual(warnings.length, 1)
      assert.match(warnings[0] ?? "", /could do nothing for 8\.0 s.*"tasks":"dag\.busy"/)
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.provide(BlockWatch.layer, tasks)),
      Effect.provideService(
        MonotonicClock,
        Effect.sync(() => millis)
      ),
      Effect.provide(Logger.layer([logger]))
    )
  })
})
