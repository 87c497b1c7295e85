/** Goodbye: what a worker says last, word by word, and when its name is free. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import { TestClock } from "effect/testing"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import type { WorkerSetStateReturn, WorkerStateBody } from "../../src/protocol/EdgeApi.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { down } from "../../src/testing/TestCentral.ts"
import { Assignment } from "../../src/worker/Assignment.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { type SiteUnavailable, VersionRejected, WorkerNotFound } from "../../src/worker/EdgeError.ts"
import { goodbye } from "../../src/worker/Goodbye.ts"
import { SiteHealth } from "../../src/worker/SiteHealth.ts"
import { WorkerLifecycle } from "../../src/worker/WorkerLifecycle.ts"
import { WorkerSysinfo } from "../../src/worker/WorkerSysinfo.ts"
import { settle } from "./harness.ts"

type Answer = Partial<WorkerSetStateReturn> | VersionRejected | WorkerNotFound | SiteUnavailable
type Note = "asked" | "held" | "freed"

/** The longest of the waits that a jitter allows. */
const longest = { nextDoubleUnsafe: () => 1, nextIntUnsafe: () => 0 }

const isError = (answer: Answer): answer is Exclude<Answer, Partial<WorkerSetStateReturn>> => "_tag" in answer

/**
 * The goodbye of a worker, in maintenance where it has `comments`, to a site that answers this, one after the other, and then
 * what it is told. Gives the fiber, the bodies that were sent, what became of the name, and the lines of the log.
 */
const saying = Effect.fnUntraced(function* (comments: string | null, answers: ReadonlyArray<Answer>) {
  const left = [...answers]
  const bodies: Array<WorkerStateBody> = []
  const notes: Array<Note> = []
  const lines: Array<string> = []
  const client = new Proxy({} as EdgeClient["Service"], {
    get: (_, name) => {
      if (name !== "setState") throw new Error(`Unexpected call: ${String(name)}`)
      return (body: WorkerStateBody) =>
        Effect.suspend(() => {
          bodies.push(body)
          const answer: Answer = left.shift() ?? {}
          return isError(answer)
            ? Effect.fail(answer)
            : Effect.succeed({ state: body.state, queues: null, versions_match: true, ...answer })
        })
    }
  })
  const parts = Layer.mergeAll(
    Assignment.layer,
    WorkerLifecycle.layer,
    SiteHealth.layer,
    MemoryPlatform.layer({ nameNotes: notes }),
    Layer.succeed(EdgeClient, client),
    Layer.succeed(WorkerSysinfo, {
      current: Effect.succeed({ status: 30, status_text: "Takes no jobs", airflow_version: "3.3.2" }),
      ready: Effect.void
    }),
    Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
  ).pipe(
    Layer.provideMerge([
      MemoryFileTail.layer,
      Layer.succeed(EdgeConfig, testSettings()),
      Layer.succeed(WorkerIdentity, { name: "worker-1", queues: ["a"], team: "blue", concurrency: 2 })
    ])
  )
  const fiber = yield* Effect.gen(function* () {
    const { send } = yield* WorkerLifecycle
    if (comments !== null) yield* send({ _tag: "MaintenanceOn", comments })
    yield* send({ _tag: "Registered" })
    yield* send({ _tag: "Drain", reason: "test" })
    yield* send({ _tag: "Emptied" })
    yield* goodbye
  }).pipe(Effect.provide(parts), Effect.provideService(Random.Random, longest), Effect.forkChild)
  yield* settle
  const said = () => bodies.map(({ maintenance_comments, state }) => [state, maintenance_comments ?? null])
  return { fiber, bodies, said, notes, lines }
})

/** One that is over without a wait, and has freed the name: what was said. */
const toTheEnd = Effect.fnUntraced(function* (comments: string | null, answers: ReadonlyArray<Answer>) {
  const { fiber, notes, said } = yield* saying(comments, answers)
  assert.isDefined(fiber.pollUnsafe())
  yield* Fiber.join(fiber)
  assert.deepStrictEqual(notes, ["freed"])
  return said()
})

describe("Goodbye", () => {
  it.effect("is one word, with status 0 and no text; then the name is free", () =>
    Effect.gen(function* () {
      const { bodies, fiber, notes } = yield* saying(null, [])
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(bodies, [
        {
          state: "offline",
          jobs_active: 0,
          queues: ["a"],
          sysinfo: { status: 0, airflow_version: "3.3.2" },
          maintenance_comments: null,
          team_name: "blue"
        }
      ])
      assert.deepStrictEqual(notes, ["freed"])
    })
  )

  it.effect("from maintenance is another word; the comment that the site keeps is not said again", () =>
    Effect.gen(function* () {
      const said = yield* toTheEnd("cleaning", [{ maintenance_comments: "cleaning" }])
      assert.deepStrictEqual(said, [["offline maintenance", null]])
    })
  )

  it.effect("says the comment where the site has dropped it", () =>
    Effect.gen(function* () {
      const said = yield* toTheEnd("cleaning", [{ maintenance_comments: null }])
      assert.deepStrictEqual(said, [
        ["offline maintenance", null],
        ["offline maintenance", "cleaning"]
      ])
    })
  )

  it.effect("says no comment where the site is told otherwise", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toTheEnd("cleaning", [{ state: "offline" }]), [
        ["offline maintenance", null]
      ])
    })
  )

  it.effect("goes through maintenance as often as the site holds a request", () =>
    Effect.gen(function* () {
      const held = { state: "maintenance request", maintenance_comments: "theirs" } as const
      const said = yield* toTheEnd(null, [held, {}, held])
      assert.deepStrictEqual(said, [
        ["offline", null],
        ["maintenance mode", null],
        ["offline maintenance", null],
        ["maintenance mode", null],
        ["offline maintenance", null]
      ])
    })
  )

  it.effect("is heard although the site rejects the versions: it has stored the word, and the comment", () =>
    Effect.gen(function* () {
      const rejected = new VersionRejected({ detail: "too old" })
      assert.deepStrictEqual(yield* toTheEnd(null, [rejected]), [["offline", null]])
      assert.deepStrictEqual(yield* toTheEnd("cleaning", [rejected, rejected]), [
        ["offline maintenance", null],
        ["offline maintenance", "cleaning"]
      ])
    })
  )

  it.effect("is over where the site does not know the worker: nothing is left to keep a comment", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toTheEnd("cleaning", [new WorkerNotFound()]), [
        ["offline maintenance", null]
      ])
    })
  )

  it.effect(
    "is tried again, from its beginning and ever later, while the site is away; the name is held",
    () =>
      Effect.gen(function* () {
        const held = { state: "maintenance request", maintenance_comments: "theirs" } as const
        const { fiber, lines, notes, said } = yield* saying(null, [down, held, down, down, {}])
        const words = () => said().map(([word]) => word)
        assert.deepStrictEqual(words(), ["offline"])
        for (const [seconds, calls] of [
          [1, 3],
          [2, 4],
          [4, 5]
        ] as const) {
          const before = said().length
          yield* TestClock.adjust(seconds * 1000 - 1)
          yield* settle
          assert.lengthOf(said(), before)
          assert.deepStrictEqual(notes, [])
          yield* TestClock.adjust(1)
          yield* settle
          assert.lengthOf(said(), calls)
        }
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(words(), ["offline", "offline", "maintenance mode", "offline", "offline"])
        assert.deepStrictEqual(notes, ["freed"])
        assert.deepStrictEqual(
          lines.filter((line) => line.startsWith("cannot")),
          Array.from({ length: 3 }, () => `cannot say goodbye yet: ${down.message}`)
        )
      })
  )
})
