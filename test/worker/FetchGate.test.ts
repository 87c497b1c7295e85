/** FetchGate: closed while the journal cannot be written or the disk is full, with both reasons. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { JournalStore, JournalUnwritable } from "../../src/platform/JournalStore.ts"
import { KeptLogs } from "../../src/platform/KeptLogs.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { FetchGate } from "../../src/worker/FetchGate.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { advance } from "./harness.ts"

it.effect("is closed for half a minute after the last job that could not be started", () => {
  const layer = FetchGate.layer.pipe(
    Layer.provide(Layer.provide(Journal.layer, [JournalStore.layerMemory(), KeptLogs.layerMemory()])),
    Layer.provide(MemoryPlatform.layer()),
    Layer.provide([MemoryFileTail.layer, Layer.succeed(EdgeConfig, testSettings())]),
    Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "None"))
  )
  return Effect.gen(function* () {
    const gate = yield* FetchGate
    yield* gate.startRefused("EROFS")
    assert.strictEqual(yield* gate.whyNot, "a job could not be started here: EROFS")
    yield* advance("20 seconds")
    yield* gate.startRefused("EIO")
    yield* advance("29 seconds")
    assert.strictEqual(yield* gate.whyNot, "a job could not be started here: EIO")
    yield* advance("2 seconds")
    assert.isUndefined(yield* gate.whyNot)
  }).pipe(Effect.provide(layer))
})

it.effect("names what keeps it closed, and opens when that is over", () => {
  let full = false
  const refusal = Effect.suspend(() => (full ? new JournalUnwritable({ reason: "ENOSPC" }) : Effect.void))
  const store = Layer.succeed(JournalStore, { left: [], write: () => refusal, replace: () => refusal })
  const layer = FetchGate.layer.pipe(
    Layer.provideMerge(Layer.provide(Journal.layer, [store, KeptLogs.layerMemory()])),
    Layer.provide(MemoryPlatform.layer({ freeDisk: () => Effect.sync(() => (full ? 2 ** 20 : 2 ** 30)) })),
    Layer.provide([MemoryFileTail.layer, Layer.succeed(EdgeConfig, testSettings())]),
    Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "None"))
  )
  return Effect.gen(function* () {
    const gate = yield* FetchGate
    const journal = yield* Journal
    const save = journal.saveLogOffset({ path: "/logs/a", inode: "1", offset: 1 })
    yield* save
    assert.isUndefined(yield* gate.whyNot)
    full = true
    yield* save
    assert.strictEqual(yield* gate.whyNot, "the journal cannot be written: ENOSPC")
    yield* advance("31 seconds")
    assert.match(
      (yield* gate.whyNot) ?? "",
      /^the journal cannot be written: ENOSPC; only 1 MiB are free below \/state, and .* is 100 MiB$/
    )
    full = false
    yield* advance("31 seconds")
    assert.isUndefined(yield* gate.whyNot)
  }).pipe(Effect.provide(layer))
})
