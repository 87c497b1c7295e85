/** What heartbeats say and when: at once what is new, never a goodbye, and what the log has of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type { WorkerStateBody } from "../../src/protocol/EdgeApi.ts"
import { type Central, down, TestCentral } from "../../src/testing/TestCentral.ts"
import { WorkerConflict } from "../../src/worker/EdgeError.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, oneRuns, within, withWorker } from "./harness.ts"

const said = (central: Central) =>
  central.calls
    .filter((call) => call.operation === "heartbeat")
    .map((call) => (call.body as WorkerStateBody).state)

/** The test's log lines. */
const withLog = <A, E, R>(test: (lines: ReadonlyArray<string>) => Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  return Effect.provide(test(lines), Logger.layer([logger]))
}

describe("Heartbeat", () => {
  for (const [what, comments] of [
    ["", null],
    [" in maintenance", "new disk"]
  ] as const) {
    it.effect(`a drain${what} is told at once, and no heartbeat says goodbye while a report waits`, () =>
      withWorker(
        {},
        Effect.gen(function* () {
          const central = yield* TestCentral
          const worker = yield* Worker
          const job = yield* oneRuns
          if (comments !== null) yield* worker.enterMaintenance(comments)
          yield* advance("5 seconds")
          yield* central.fault("report", { refuse: down })
          const before = said(yield* central.get).length
          yield* worker.drain("SIGTERM")
          yield* within(
            "1 second",
            central.until((c) => c.worker?.state === "terminating")
          )
          yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
          yield* advance("20 seconds")
          const words = said(yield* central.get).slice(before)
          assert.isAbove(words.length, 1)
          assert.deepStrictEqual([...new Set(words)], ["terminating"])
        })
      )
    )
  }

  it.effect("none comes after the goodbye has begun", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        const worker = yield* Worker
        yield* oneRuns
        yield* central.fault("heartbeat", { refuse: down })
        yield* worker.kill("SIGKILL")
        yield* within("1 minute", worker.ended)
        const words = said(yield* central.get)
        const goodbye = words.slice(words.indexOf("offline"))
        assert.isAbove(goodbye.length, 1)
        assert.deepStrictEqual([...new Set(goodbye)], ["offline"])
      })
    )
  )

  it.effect("another comment is told at once, and once", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        const worker = yield* Worker
        yield* worker.enterMaintenance("cleaning")
        yield* advance("5 seconds")
        const before = said(yield* central.get).length
        yield* worker.enterMaintenance("new disk")
        yield* within(
          "1 second",
          central.until((c) => c.worker?.comments?.endsWith("new disk") === true)
        )
        yield* advance("20 seconds")
        assert.strictEqual(said(yield* central.get).length, before + 1)
      })
    )
  )

  it.effect("a concurrency of one from the site is obeyed, and a change of it is one line", () =>
    withLog((lines) =>
      withWorker(
        { concurrency: 2 },
        Effect.gen(function* () {
          const central = yield* TestCentral
          const worker = yield* Worker
          yield* central.editWorker((stored) => ({ ...stored, concurrency: 1 }))
          yield* advance("3 minutes")
          assert.strictEqual((yield* worker.status).concurrency, 1)
          assert.deepStrictEqual(
            lines.filter((line) => line.startsWith("concurrency changed")),
            ["concurrency changed from 2 to 1 by the site"]
          )
        })
      )
    )
  )

  it.effect("an outage is one warning, its end one line, and the worker's states a line each", () =>
    withLog((lines) =>
      withWorker(
        {},
        Effect.gen(function* () {
          const central = yield* TestCentral
          const worker = yield* Worker
          yield* central.fault("heartbeat", { refuse: down })
          yield* advance("5 minutes")
          yield* central.fault("heartbeat", undefined)
          yield* advance("5 minutes")
          yield* worker.drain("SIGTERM")
          yield* within("30 seconds", worker.ended)
          const count = (part: string) => lines.filter((line) => line.startsWith(part)).length
          assert.strictEqual(count("the site is back"), 1)
          assert.deepStrictEqual(
            lines.filter((line) => line.startsWith("worker is")),
            ["worker is active", "worker is draining: SIGTERM", "worker is offline"]
          )
        })
      )
    )
  )

  it.effect("registering again that is refused leaves the tasks alone, and is tried again", () =>
    withLog((lines) =>
      withWorker(
        {},
        Effect.gen(function* () {
          const central = yield* TestCentral
          const worker = yield* Worker
          const job = yield* oneRuns
          yield* central.fault("register", { refuse: new WorkerConflict({ detail: "active" }) as never })
          yield* central.editWorker(() => undefined)
          yield* advance("2 minutes")
          assert.isTrue(job?.alive)
          assert.isNull((yield* worker.status).site_problem, "the site is there")
          const refusals = lines.filter((line) => line.startsWith("registering again was refused"))
          assert.isAtLeast(refusals.length, 1)
          yield* central.fault("register", undefined)
          yield* within(
            "35 seconds",
            central.until((c) => c.worker?.state === "running")
          )
        })
      )
    )
  )
})
