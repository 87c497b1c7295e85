/** The log pusher under any bytes, pieces, rotations, truncations and answers: the site has each byte, in order. */
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { JournalStore } from "../../src/platform/JournalStore.ts"
import { KeptLogs } from "../../src/platform/KeptLogs.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { decodeLog } from "../../src/worker/LogChunks.ts"
import { LogPush } from "../../src/worker/LogPush.ts"
import { claimOf } from "../suites/journal.ts"
import { type Fate, makeLogSite } from "../worker/logSite.ts"
import { timeLimit, tried } from "./fuzz.ts"

const file = "/logs/a.log"
const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 30 }))
const advance = (duration: Duration.Input) =>
  settle.pipe(Effect.andThen(TestClock.adjust(duration)), Effect.andThen(settle))

/** Runs the clock until the effect has ended. */
const drive = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  for (let step = 0; fiber.pollUnsafe() === undefined; step++) {
    if (step > 20_000) return yield* Effect.die(new Error("does not end"))
    yield* advance("20 seconds")
  }
  return yield* Fiber.join(fiber)
})

/** The copies among `chunks` that `text` does not explain; undefined if a byte is missing or out of order. */
const copies = (chunks: ReadonlyArray<string>, text: string): number | undefined => {
  let states = new Map([[0, 0]])
  for (const chunk of chunks) {
    const next = new Map<number, number>()
    const add = (at: number, count: number) => next.set(at, Math.min(count, next.get(at) ?? count))
    for (const [at, count] of states) {
      if (!text.startsWith(chunk, at)) continue
      add(at + chunk.length, count)
      add(at, count + 1)
    }
    states = next
  }
  return states.get(text.length)
}

type Step =
  | { readonly _tag: "append"; readonly bytes: Uint8Array }
  | { readonly _tag: "rotate" | "truncate" | "wait" }

const bytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 12 }),
  fc.string({ unit: "binary", minLength: 1, maxLength: 8 }).map((text) => new Uint8Array(Buffer.from(text))),
  fc
    .constantFrom("line\n", "é", "€", "😀", "\0", "\x1b[31m", '"')
    .map((text) => new Uint8Array(Buffer.from(text))),
  // The first half of a character; what comes next decides what it is.
  fc.constantFrom([0xe2, 0x82], [0xf0, 0x9f], [0xc3], [0xed, 0xa0]).map((all) => new Uint8Array(all))
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: bytes.map((bytes) => ({ _tag: "append" as const, bytes })) },
  { weight: 3, arbitrary: fc.constant({ _tag: "wait" as const }) },
  { weight: 1, arbitrary: fc.constantFrom({ _tag: "rotate" as const }, { _tag: "truncate" as const }) }
)
const fates = fc.array(
  fc.oneof(
    fc
      .constantFrom<Fate>("ok", "away", "lost-before", "lost-after", "502-after", "busy", 8, 20)
      .map((fate) => [fate]),
    // A single 500 to a question, twice, with a 2xx between: that is a chunk that arrived. An outage lasts longer.
    fc
      .tuple(fc.constantFrom<Fate>("500-before", "500-after"), fc.integer({ min: 2, max: 5 }))
      .map(([fate, times]) => Array.from({ length: times }, () => fate))
  ),
  { maxLength: 16 }
)
const ambiguous: ReadonlyArray<Fate> = ["lost-before", "lost-after", "500-before", "500-after", "502-after"]

describe("a log", () => {
  it.effect(
    "arrives whole and in order, with at most one more copy for each answer that left it open",
    () =>
      Effect.gen(function* () {
        const seen = { rotated: 0, truncated: 0, copies: 0 }
        const inputs = fc.record({
          steps: fc.array(step, { minLength: 1, maxLength: 40, size: "max" }),
          fates,
          chunkSize: fc.integer({ min: 8, max: 80 })
        })
        yield* tried(150, inputs, ({ chunkSize, fates, steps }) => {
          const site = makeLogSite()
          site.site.script.push(...fates.flat())
          const layer = LogPush.layer.pipe(
            Layer.provideMerge([
              site.layer,
              MemoryFileTail.layer,
              Layer.provide(Journal.layer, [JournalStore.layerMemory(), KeptLogs.layerMemory()]),
              Layer.succeed(EdgeConfig, testSettings({ pushLogChunkSize: chunkSize }))
            ]),
            Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "None")),
            Layer.merge(TestClock.layer())
          )
          return Effect.gen(function* () {
            const files = yield* MemoryFileTail
            const push = yield* LogPush
            const tail = yield* push.tail({ claim: claimOf("one"), file })
            /** What the files of the path held, one after the other. */
            let texts = ""
            let now: Array<Uint8Array> = []
            const pushed = Effect.gen(function* () {
              for (let tries = 0; (yield* tail.waiting) > 0; tries++) {
                if (tries > 5000) return yield* Effect.die(new Error("is never pushed"))
                yield* advance("20 seconds")
              }
            })
            const begun = () => {
              texts += decodeLog(Buffer.concat(now))
              now = []
            }
            const append = (bytes: Uint8Array) => {
              now.push(bytes)
              return files.append(file, bytes)
            }
            for (const one of steps) {
              if (one._tag === "append") yield* append(one.bytes)
              else if (one._tag === "wait") yield* advance("700 millis")
              else if (now.length > 0) {
                // What is cut off or moved away before it was read is gone for everybody.
                yield* append(new Uint8Array(Buffer.from("end of this file\n")))
                yield* drive(pushed)
                yield* one._tag === "rotate" ? files.rotate(file) : files.truncate(file)
                seen[one._tag === "rotate" ? "rotated" : "truncated"] += 1
                begun()
                yield* drive(advance("10 seconds"))
              }
            }
            yield* append(new Uint8Array([0x0a]))
            yield* drive(tail.finish)
            begun()
            const extra = copies(site.appended, texts)
            assert.isDefined(extra, "a byte is missing or out of order")
            const open = site.requests.filter(
              ({ fate, text }) => text !== "" && ambiguous.includes(fate)
            ).length
            assert.isAtMost(extra ?? 0, open)
            assert.isAtMost(extra ?? 0, yield* push.doubles)
            assert.strictEqual(yield* tail.waiting, 0)
            seen.copies += extra ?? 0
          }).pipe(Effect.provide(layer, { local: true }))
        })
        // All of them happen, or this shows nothing.
        assert.isAbove(seen.rotated, 20)
        assert.isAbove(seen.truncated, 20)
        assert.isAbove(seen.copies, 5)
      }),
    timeLimit
  )
})
