/** The journal's file with anything in it: it is opened, set aside or refused with a reason, and the worker goes on. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { JournalStore } from "../../src/platform/JournalStore.ts"
import { StateFolder } from "../../src/platform/StateFolder.ts"
import { claimOf, life } from "../suites/journal.ts"
import { timeLimit, tried } from "./fuzz.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const storeIn = (path: string) =>
  JournalStore.layer.pipe(
    Layer.provide(
      Layer.succeed(
        StateFolder,
        StateFolder.of({
          path,
          jobs: join(path, "jobs"),
          predecessor: Option.none(),
          nameBefore: "none",
          provedFor: 0,
          askName: Effect.void,
          holdName: Effect.void,
          freeName: Effect.void,
          socketPath: join(path, "socket"),
          jobFolder: (id) => Effect.succeed(join(path, "jobs", id)),
          removeJobFolder: () => Effect.void,
          sweep: () => Effect.void
        })
      )
    )
  )

/** The bytes of a journal after a clean end, and of one that was copied in the middle of its work with its log. */
const real = Effect.gen(function* () {
  const path = yield* folder
  const read = (name: string) => {
    const file = join(path, name)
    return existsSync(file) ? new Uint8Array(readFileSync(file)) : new Uint8Array()
  }
  const torn = yield* life(storeIn(path), (journal) =>
    Effect.gen(function* () {
      for (let at = 0; at < 30; at++) {
        const claim = claimOf(`claim-${at}`)
        yield* journal.claimed(claim)
        yield* journal.started(claim, { pid: at })
        yield* journal.saveLogOffset({ path: `/logs/${at}`, inode: `${at}`, offset: at })
        if (at % 2 === 0) yield* journal.settled(claim, "success")
      }
      return { main: read("journal.db"), log: read("journal.db-wal") }
    })
  )
  return [torn, { main: read("journal.db"), log: new Uint8Array() }]
})

type Damage =
  | { readonly _tag: "cut"; readonly at: number }
  | { readonly _tag: "flip"; readonly at: ReadonlyArray<number>; readonly bit: number }
  | { readonly _tag: "overwrite"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly _tag: "replace"; readonly bytes: Uint8Array }

/** Half of the places lie in the first page, where the header and the schema are. */
const place = fc.oneof(fc.nat(4095), fc.nat(1 << 20))
const bytes = fc.uint8Array({ maxLength: 600, size: "max" })
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ _tag: fc.constant("cut"), at: place }),
  fc.record({
    _tag: fc.constant("flip"),
    at: fc.array(place, { minLength: 1, maxLength: 6 }),
    bit: fc.nat(7)
  }),
  fc.record({ _tag: fc.constant("overwrite"), at: place, bytes }),
  fc.record({ _tag: fc.constant("replace"), bytes })
)

const damaged = (was: Uint8Array, how: Damage): Uint8Array => {
  if (how._tag === "replace") return how.bytes
  if (was.length === 0) return was
  const copy = was.slice(0, how._tag === "cut" ? how.at % was.length : undefined)
  if (how._tag === "flip")
    for (const at of how.at) copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ (1 << how.bit)
  if (how._tag === "overwrite")
    copy.set(how.bytes.subarray(0, copy.length - (how.at % copy.length)), how.at % copy.length)
  return copy
}

describe("a damaged journal", () => {
  const seen = { asDamaged: 0, asNewer: 0, asSound: 0 }

  it.live(
    "never keeps a worker from working twice",
    () =>
      Effect.gen(function* () {
        const journals = yield* real
        const inputs = fc.record({ which: fc.nat(1), log: fc.boolean(), how: damage })
        yield* tried(120, inputs, ({ how, log, which }) =>
          Effect.gen(function* () {
            const path = yield* folder
            const was = journals[which] ?? { main: new Uint8Array(), log: new Uint8Array() }
            const file = join(path, "journal.db")
            writeFileSync(file, log ? was.main : damaged(was.main, how))
            if (was.log.length > 0) writeFileSync(`${file}-wal`, log ? damaged(was.log, how) : was.log)
            const claim = claimOf("the-new-one")
            const first = yield* Effect.result(
              life(storeIn(path), (journal) =>
                Effect.gen(function* () {
                  for (const open of yield* journal.openClaims) yield* journal.settled(open.claim, "failed")
                  for (const report of yield* journal.reports) yield* journal.accepted(report)
                  for (const open of yield* journal.openClaims) yield* journal.closed(open.claim)
                  for (const offset of yield* journal.logOffsets) yield* journal.forgetLog(offset.path)
                  yield* journal.claimed(claim)
                  assert.isUndefined(yield* journal.problem)
                })
              )
            )
            if (first._tag === "Failure") {
              assert.strictEqual(first.failure._tag, "FolderUnusable", String(first.failure))
              assert.match(first.failure.message, /holds a journal of format \d+, and this/)
              seen.asNewer += 1
              return
            }
            const aside = readdirSync(path).some((name) => name.startsWith("journal.db.damaged-"))
            seen[aside ? "asDamaged" : "asSound"] += 1
            const open = yield* life(storeIn(path), (journal) => journal.openClaims)
            assert.deepStrictEqual(
              open.map((one) => one.claim.id),
              ["the-new-one"]
            )
          })
        )
        // All of them happen, or this shows nothing.
        assert.isAbove(seen.asDamaged, 20)
        assert.isAbove(seen.asSound, 20)
      }).pipe(Effect.provide(Logger.layer([]))),
    timeLimit
  )
})
