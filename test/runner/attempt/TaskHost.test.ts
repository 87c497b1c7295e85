/** What a task host's process says at the end of a task, told by hand: nothing of it gets lost, however late it comes. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { OomKills } from "../../../src/platform/OomKills.ts"
import { type ProcessEnd, Processes } from "../../../src/platform/Processes.ts"
import { TaskProcesses, type TaskProcessHandlers } from "../../../src/platform/TaskProcesses.ts"
import type { TaskHeard } from "../../../src/runner/attempt/TaskChannel.ts"
import { startTaskHost } from "../../../src/runner/attempt/TaskHost.ts"
import { settle } from "./harness.ts"

const unexpected = Effect.die(new Error("Unexpected call"))

/** A process whose words are the test's. */
const fakeProcess = () => {
  const ended = Deferred.makeUnsafe<ProcessEnd>()
  const drained = Deferred.makeUnsafe<void>()
  let handlers: TaskProcessHandlers | undefined
  let kills = 0
  const layer = Layer.mergeAll(
    Layer.mock(Processes, {
      environment: {},
      killTree: () =>
        Effect.sync(() => {
          kills++
          return []
        }),
      isAlive: () => Effect.succeed(true)
    }),
    Layer.mock(TaskProcesses, {
      now: Effect.succeed({ lastPid: undefined, at: 0 }),
      below: () => Effect.succeed([]),
      spawn: (_, given) =>
        Effect.sync(() => {
          handlers = given
          given.onLine(JSON.stringify({ hello: { protocol: 1, tasks: [] } }))
          return {
            pid: 4711,
            startTime: "1",
            send: () => undefined,
            flow: () => undefined,
            close: unexpected,
            ended: Deferred.await(ended),
            drained: Deferred.await(drained)
          }
        })
    }),
    Layer.mock(OomKills, { count: () => Effect.succeed({}), risen: () => Effect.undefined })
  )
  return {
    layer,
    ended,
    drained,
    kills: () => kills,
    line: (message: object) => handlers?.onLine(JSON.stringify(message)),
    output: (stream: "stdout" | "stderr", ...lines: ReadonlyArray<string>) => {
      for (const line of lines) handlers?.onOutput(stream, line)
    }
  }
}

describe("a task host", () => {
  it.effect("tells what a task wrote also where the pipe is read only after the host had to be killed", () =>
    Effect.gen(function* () {
      const process = fakeProcess()
      const options = { command: "x", args: [], env: {}, shown: "x", mark: "A=1" }
      const host = yield* Effect.provide(startTaskHost(options), process.layer)
      const mark = "the end"
      const channel = yield* host.begin({ mark, pid: 1, onEnd: () => Effect.void })
      const heard: Array<TaskHeard> = []
      yield* Effect.forkChild(Effect.forever(Effect.map(channel.heard, (one) => void heard.push(one))))
      process.output("stdout", "early")
      process.line({ ended: mark })
      process.output("stderr", "", mark)
      yield* settle
      // A disk that is slow holds up whoever reads: stdout is late.
      yield* TestClock.adjust("3 seconds")
      yield* settle
      assert.strictEqual(process.kills(), 1)
      process.output("stdout", "late", "", mark)
      Deferred.doneUnsafe(process.ended, Effect.succeed({ signal: "SIGKILL" }))
      Deferred.doneUnsafe(process.drained, Effect.void)
      yield* settle
      assert.deepStrictEqual(heard, [
        { _tag: "Wrote", stream: "stdout", line: "early" },
        { _tag: "Wrote", stream: "stdout", line: "late" },
        { _tag: "Gone", how: { _tag: "Returned" } }
      ])
    })
  )
})
