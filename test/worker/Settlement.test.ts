/** Settlement: what a worker that is gone has promised is kept, without a worker. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type { JournalEntry } from "../../src/platform/JournalStore.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { down, TestCentral } from "../../src/testing/TestCentral.ts"
import { SiteUnavailable } from "../../src/worker/EdgeError.ts"
import { Settlement } from "../../src/worker/Settlement.ts"
import { advance, within } from "./harness.ts"
import { first, log, oneRunning, own, test } from "./lives.ts"

/** Uses a settlement of what is on the disk. */
const settling = <A, E>(
  disk: Map<string, JournalEntry>,
  use: (settlement: Settlement["Service"]) => Effect.Effect<A, E>,
  options: Parameters<typeof MemoryPlatform.layer>[0] = {}
) =>
  Effect.flatMap(Settlement, use).pipe(
    Effect.provide(
      Layer.provideMerge(Settlement.layer, own(disk)).pipe(
        Layer.provide(MemoryPlatform.layer({ nameBefore: "dead", ...options }))
      )
    )
  )

describe("Settlement", () => {
  test(
    "settle tells everything without a worker, and frees the name",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const disk = yield* (yield* oneRunning).kill
      const settled = yield* within(
        "20 seconds",
        settling(disk, ({ run }) => run({ kill: true }))
      )
      assert.deepStrictEqual(settled, {
        open: 1,
        logs: 0,
        reports: 0,
        reportsLeft: 0,
        logBytesLeft: 0,
        logsLeft: [],
        nameFreed: true
      })
      const { worker, ...after } = yield* central.get
      assert.deepStrictEqual(first({ worker, ...after })?.reported, ["running", "failed"])
      assert.include(first({ worker, ...after })?.log, "settle --kill")
      assert.strictEqual(worker?.state, "offline")
    })
  )

  for (const [what, status] of [
    ["refuses", 500],
    ["does not take", undefined]
  ] as const) {
    test(
      `settle says which log the site ${what}, and leaves it to the next worker`,
      Effect.gen(function* () {
        const central = yield* TestCentral
        const disk = yield* (yield* oneRunning).kill
        const refuse = new SiteUnavailable({ operation: "log", reason: "no", status, ambiguous: false })
        yield* central.fault("log", { refuse })
        const settled = yield* within(
          "60 seconds",
          settling(disk, ({ run }) => run({ kill: true }))
        )
        assert.strictEqual(settled.reportsLeft, 0)
        const [left, ...more] = settled.logsLeft
        assert.deepStrictEqual(more, [])
        assert.deepInclude(left, { file: log, refused: status === 500, bytes: settled.logBytesLeft })
        assert.isAbove(settled.logBytesLeft, 0)
        assert.strictEqual(left?.job.task_id, "a")
        assert.isTrue([...disk.values()].some(({ kind }) => kind === "claim"))
      })
    )
  }

  test(
    "settle waits for a job that runs on, and touches it only with --kill",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const { job, kill } = yield* oneRunning
      const disk = yield* kill
      const settled = yield* settling(disk, ({ run, running }) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(run({ kill: false }))
          yield* advance("1 minute")
          assert.strictEqual(yield* running, 1)
          assert.isUndefined(fiber.pollUnsafe())
          yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
          const settled = yield* within("10 seconds", Fiber.join(fiber))
          assert.strictEqual(yield* running, 0)
          return settled
        })
      )
      assert.deepInclude(settled, { open: 1, reportsLeft: 0, logBytesLeft: 0 })
      assert.deepStrictEqual(first(yield* central.get)?.reported, ["running", "success"])
      assert.strictEqual(first(yield* central.get)?.log, "one\n")
    })
  )

  test(
    "settle counts what had ended apart from what runs",
    Effect.gen(function* () {
      const central = yield* TestCentral
      const files = yield* MemoryFileTail
      const { job, kill } = yield* oneRunning
      yield* central.fault("report", { refuse: down })
      yield* central.fault("log", { refuse: down })
      yield* files.append(log, "last\n")
      yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
      yield* advance("5 seconds")
      const disk = yield* kill
      yield* central.fault("report", undefined)
      yield* central.fault("log", undefined)
      const settled = yield* within(
        "20 seconds",
        settling(disk, ({ run }) => run({ kill: false }))
      )
      assert.deepInclude(settled, { open: 0, logs: 1, reports: 1, reportsLeft: 0, logBytesLeft: 0 })
      assert.deepStrictEqual(first(yield* central.get)?.reported, ["running", "success"])
    })
  )

  for (const [what, nameBefore, nameFreed] of [
    ["says so where the site cannot be told that the name is free", "dead", false],
    ["leaves a name alone whose holder may live", "unproved", undefined]
  ] as const) {
    test(
      `settle ${what}`,
      Effect.gen(function* () {
        const central = yield* TestCentral
        const disk = yield* (yield* oneRunning).kill
        yield* central.fault("heartbeat", { refuse: down })
        const nameNotes: Array<"asked" | "held" | "freed"> = []
        const settled = yield* within(
          "20 seconds",
          settling(disk, ({ run }) => run({ kill: true }), { nameBefore, nameNotes })
        )
        assert.deepInclude(settled, { reportsLeft: 0, logBytesLeft: 0, nameFreed })
        assert.deepStrictEqual(nameNotes, [])
      })
    )
  }
})
