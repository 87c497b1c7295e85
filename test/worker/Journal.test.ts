/** The journal in memory and on disk, where that is damaged, newer, full or not writable too. */
import { execFileSync } from "node:child_process"
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { type JournalEntry, JournalStore, JournalUnwritable } from "../../src/platform/JournalStore.ts"
import { KeptLogs, KeptLogsUnusable } from "../../src/platform/KeptLogs.ts"
import { StateFolder } from "../../src/platform/StateFolder.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { all, claimOf, life, suite, token } from "../suites/journal.ts"
import { logged } from "./lives.ts"

const home = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** A store in the state folder of a worker, with the path of its file. */
const onDisk = Effect.map(home, (airflowHome) => {
  const stateFolder = join(airflowHome, "state")
  const store = JournalStore.layer.pipe(
    Layer.provide(StateFolder.layer),
    Layer.provide([
      Layer.succeed(EdgeConfig, testSettings({ airflowHome, stateFolder })),
      Layer.succeed(WorkerIdentity, { name: "worker-1", queues: null, team: null, concurrency: 1 })
    ])
  )
  return { store, stateFolder, file: join(stateFolder, "journal.db") }
})

suite(
  "disk",
  Effect.map(onDisk, ({ store }) => store)
)
suite(
  "memory",
  Effect.sync(() => JournalStore.layerMemory(new Map()))
)

describe("what a disk that refused has kept", () => {
  it.effect("a running whose job has ended, or is forgotten, is not told after the end", () =>
    Effect.gen(function* () {
      const entries = new Map<string, JournalEntry>()
      const store = JournalStore.layerMemory(entries)
      const [open, ended, closed] = [claimOf("open"), claimOf("ended"), claimOf("closed")]
      yield* life(store, (journal) =>
        Effect.gen(function* () {
          for (const claim of [open, ended, closed]) {
            yield* journal.claimed(claim)
            yield* journal.started(claim, {})
          }
          const kept = new Map(entries)
          for (const claim of [ended, closed]) yield* journal.settled(claim, "success")
          for (const report of yield* journal.reports)
            if (report.state !== "running") yield* journal.accepted(report)
          yield* journal.closed(closed)
          for (const [key, entry] of kept) if (entry.kind === "report") entries.set(key, entry)
        })
      )
      yield* life(store, (journal) =>
        Effect.gen(function* () {
          const left = (yield* journal.reports).map(({ claimId, state }) => `${claimId} ${state}`)
          assert.deepStrictEqual(left, [`${open.id} running`])
          const kept = [...entries.values()].filter(({ kind }) => kind === "report")
          assert.strictEqual(kept.length, 1, "on the disk it is gone too")
        })
      )
    })
  )
})

describe("what makes no sense in what was left", () => {
  it.effect("is named in the log and left out; all else is settled", () =>
    Effect.gen(function* () {
      const entries = new Map<string, JournalEntry>()
      const store = JournalStore.layerMemory(entries)
      const [good, wrongId, torn] = [claimOf("good"), claimOf("wrong-id"), claimOf("torn")]
      yield* life(store, (journal) =>
        Effect.gen(function* () {
          for (const claim of [good, wrongId, torn]) yield* journal.claimed(claim)
          yield* journal.settled(good, "success")
        })
      )
      for (const [key, entry] of entries) {
        if (entry.id === "wrong-id") entries.set(key, { ...entry, id: "another" })
        if (entry.id === "torn") entries.set(key, { ...entry, value: entry.value.slice(0, -5) })
      }
      const [open, lines] = yield* logged(
        life(store, (journal) => Effect.all([journal.openClaims, journal.reports]))
      )
      assert.deepStrictEqual(
        open[0].map(({ claim }) => claim.id),
        ["good"]
      )
      assert.deepStrictEqual(
        open[1].map(({ state }) => state),
        ["success"]
      )
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("cannot be read")).map((line) => line.split(" ").slice(2, 4)),
        [
          ["claim", "another"],
          ["claim", "torn"]
        ]
      )
    })
  )
})

/** The largest file that this process may write: a write beyond it fails as one on a full disk does. */
const largestFile = (bytes: string) =>
  Effect.sync(() => void execFileSync("prlimit", ["--pid", `${process.pid}`, `--fsize=${bytes}:`]))

/** Overwrites all of the file but its head. */
const damage = (file: string) => {
  const handle = openSync(file, "r+")
  const { size } = fstatSync(handle)
  writeSync(handle, Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096)
  closeSync(handle)
}

const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 40 }))

describe("Journal on disk", () => {
  it.effect("keeps no token, not even while it is open", () =>
    Effect.gen(function* () {
      const { stateFolder, store } = yield* onDisk
      const bytes = () =>
        readdirSync(stateFolder)
          .filter((name) => name.startsWith("journal.db"))
          .map((name) => readFileSync(join(stateFolder, name), "latin1"))
          .join("")
      yield* life(store, (journal) =>
        Effect.gen(function* () {
          const claim = claimOf("the-claim")
          yield* journal.claimed(claim)
          yield* journal.started(claim, { pid: 1 })
          assert.include(bytes(), "the-claim")
          assert.notInclude(bytes(), token.slice(0, 10))
          yield* journal.settled(claim, "success")
        })
      )
      assert.include(bytes(), "the-claim")
      assert.notInclude(bytes(), token.slice(0, 10))
    })
  )

  it.effect("refuses what a newer edge-worker has written, and leaves it as it is", () =>
    Effect.gen(function* () {
      const { file, store } = yield* onDisk
      yield* life(store, (journal) => journal.claimed(claimOf("one")))
      const database = new DatabaseSync(file)
      database.exec("PRAGMA user_version = 3")
      database.close()
      const error = yield* Effect.flip(life(store, all))
      assert.strictEqual(error._tag, "FolderUnusable")
      assert.include(error.message, "format 3")
      assert.include(error.message, "Start the newer edge-worker")
      const after = new DatabaseSync(file)
      after.exec("PRAGMA user_version = 2")
      after.close()
      assert.strictEqual((yield* life(store, (journal) => journal.openClaims)).length, 1)
    })
  )

  it.effect("reads what an older edge-worker has written, which no older one can read from then on", () =>
    Effect.gen(function* () {
      const { file, store } = yield* onDisk
      yield* life(store, (journal) => journal.claimed(claimOf("one")))
      const older = new DatabaseSync(file)
      older.exec("PRAGMA user_version = 1")
      older.close()
      const [open] = yield* life(store, (journal) => journal.openClaims)
      assert.strictEqual(open?.claim.id, "one")
      assert.isUndefined(open?.log)
      const after = new DatabaseSync(file)
      assert.deepStrictEqual({ ...after.prepare("PRAGMA user_version").get() }, { user_version: 2 })
      after.close()
    })
  )

  it.effect("a file that is damaged while it is written to is set aside; the new one has all of it", () =>
    Effect.gen(function* () {
      const { file, stateFolder, store } = yield* onDisk
      const [before, lines] = yield* logged(
        life(store, (journal) =>
          Effect.gen(function* () {
            // More than SQLite keeps of the file in memory.
            for (let at = 0; at < 6000; at++) yield* journal.claimed(claimOf(`claim-${at}`))
            assert.isUndefined(yield* journal.problem)
            damage(file)
            for (let at = 0; at < 6000; at += 100) yield* journal.settled(claimOf(`claim-${at}`), "success")
            yield* settle
            assert.isDefined(yield* journal.problem)
            const refused = yield* Effect.flip(journal.claimed(claimOf("refused")))
            assert.strictEqual(refused._tag, "JournalUnwritable")
            yield* TestClock.adjust("1 minute")
            yield* settle
            assert.isUndefined(yield* journal.problem)
            yield* journal.claimed(claimOf("after"))
            return yield* all(journal)
          })
        )
      )
      const aside = readdirSync(stateFolder).filter((name) => /^journal\.db\.damaged-\d+$/.test(name))
      assert.strictEqual(aside.length, 1)
      assert.strictEqual(lines.filter((line) => line.includes(aside[0] ?? "?")).length, 1)
      assert.isTrue((yield* life(store, all)) === before)
    })
  )

  it.effect("on a disk that takes no more a claim fails; all is on disk once there is room", () =>
    Effect.gen(function* () {
      const { file, store } = yield* onDisk
      const before = yield* life(store, (journal) =>
        Effect.gen(function* () {
          yield* Effect.acquireRelease(largestFile("65536"), () => largestFile("unlimited"))
          let at = 0
          const filling = Effect.suspend(() => journal.claimed(claimOf(`claim-${at++}`)))
          const error = yield* Effect.flip(Effect.forever(filling))
          assert.strictEqual(error._tag, "JournalUnwritable")
          assert.include(error.message, file)
          assert.isAbove(at, 1)
          yield* journal.settled(claimOf("claim-0"), "failed")
          yield* journal.closed(claimOf(`claim-${at - 1}`))
          yield* settle
          yield* TestClock.adjust("1 minute")
          assert.isDefined(yield* journal.problem)
          yield* largestFile("unlimited")
          yield* TestClock.adjust("5 seconds")
          yield* settle
          assert.isUndefined(yield* journal.problem)
          yield* journal.claimed(claimOf("after"))
          return yield* all(journal)
        })
      )
      assert.strictEqual(yield* life(store, all), before)
    })
  )

  it.effect("sets a damaged file aside, says so, and goes on with an empty one", () =>
    Effect.gen(function* () {
      const { file, stateFolder, store } = yield* onDisk
      yield* life(store, (journal) => journal.claimed(claimOf("one")))
      writeFileSync(file, "this was a journal ".repeat(400))
      const [open, lines] = yield* logged(life(store, (journal) => journal.openClaims))
      assert.deepStrictEqual(open, [])
      const aside = readdirSync(stateFolder).filter((name) => name.startsWith("journal.db.damaged-"))
      assert.strictEqual(aside.length, 1)
      assert.isTrue(lines.some((line) => line.includes("damaged") && line.includes(aside[0] ?? "?")))
      assert.include(readFileSync(join(stateFolder, aside[0] ?? ""), "utf8"), "this was a journal")
      yield* life(store, (journal) => journal.claimed(claimOf("two")))
      assert.strictEqual((yield* life(store, (journal) => journal.openClaims)).length, 1)
    })
  )
})

it.effect(
  "where the list of the kept logs cannot be used, a log begins anew, with a line, and the journal keeps its own",
  () =>
    Effect.gen(function* () {
      const broken = Effect.fail(new KeptLogsUnusable({ reason: "disk I/O error" }))
      const list = Layer.mock(KeptLogs, { find: () => broken, keep: () => broken })
      const layer = Journal.layer.pipe(Layer.provide([JournalStore.layerMemory(), list]))
      const [, lines] = yield* logged(
        Effect.gen(function* () {
          const journal = yield* Journal
          const first = yield* Effect.forkChild(journal.logOffset("/logs/a"))
          yield* TestClock.adjust("5 seconds")
          assert.isUndefined(yield* Fiber.join(first))
          assert.isUndefined(yield* journal.logOffset("/logs/b"))
          const offset = { path: "/logs/b", inode: "1", offset: 5 }
          yield* journal.saveLogOffset(offset)
          yield* Effect.flip(journal.keepLogs([{ path: "/logs/b", inode: "1", size: 5, changed: 0 }]))
          assert.deepStrictEqual(yield* journal.logOffsets, [offset])
        }).pipe(Effect.scoped, Effect.provide(layer))
      )
      assert.deepStrictEqual(lines, [
        "the list of the logs that are kept cannot be used: disk I/O error; a log that a deferred task goes on with is sent again from its beginning"
      ])
    })
)

it.effect("a list that cannot be used for a moment costs a moment", () =>
  Effect.gen(function* () {
    let tries = 0
    const list = Layer.mock(KeptLogs, {
      find: (path) =>
        Effect.suspend(() =>
          ++tries < 3
            ? Effect.fail(new KeptLogsUnusable({ reason: "database is locked" }))
            : Effect.succeed({ path, inode: "1", size: 5, changed: 0 })
        )
    })
    const layer = Journal.layer.pipe(Layer.provide([JournalStore.layerMemory(), list]))
    const [offset, lines] = yield* logged(
      Effect.gen(function* () {
        const offset = yield* Effect.forkChild((yield* Journal).logOffset("/logs/a"))
        yield* TestClock.adjust("2 seconds")
        return yield* Fiber.join(offset)
      }).pipe(Effect.scoped, Effect.provide(layer))
    )
    assert.deepStrictEqual([offset, lines], [{ path: "/logs/a", inode: "1", offset: 5 }, []])
  })
)

describe("Journal on a store that refuses", () => {
  /** A store in memory whose writes fail while `refuse.reason` is set, and the number of tries. */
  const refusing = () => {
    const disk = new Map<string, JournalEntry>()
    const refuse: { reason: string | undefined; tries: number } = { reason: undefined, tries: 0 }
    const guarded = (effect: Effect.Effect<void, JournalUnwritable>) =>
      Effect.suspend(() => {
        if (refuse.reason === undefined) return effect
        refuse.tries += 1
        return new JournalUnwritable({ reason: refuse.reason })
      })
    const store = Layer.effect(
      JournalStore,
      Effect.map(JournalStore, (inner) =>
        JournalStore.of({
          left: inner.left,
          write: (changes) => guarded(inner.write(changes)),
          replace: (entries) => guarded(inner.replace(entries))
        })
      )
    ).pipe(Layer.provide(JournalStore.layerMemory(disk)))
    return { disk, refuse, store }
  }

  it.effect("a claim fails, all else goes on in memory, and it is on disk once the disk is back", () =>
    Effect.gen(function* () {
      const { refuse, store } = refusing()
      const [one, two] = [claimOf("one"), claimOf("two")]
      const [before, lines] = yield* logged(
        life(store, (journal) =>
          Effect.gen(function* () {
            yield* journal.claimed(one)
            yield* settle
            assert.isUndefined(yield* journal.problem)
            refuse.reason = "database or disk is full"
            const error = yield* Effect.flip(journal.claimed(two))
            assert.strictEqual(error._tag, "JournalUnwritable")
            assert.strictEqual(yield* journal.problem, refuse.reason)
            yield* journal.closed(two)
            yield* journal.started(one, { pid: 3 })
            yield* journal.settled(one, "failed")
            yield* journal.saveLogOffset({ path: "/logs/a", inode: "1", offset: 5 })
            assert.deepStrictEqual(
              (yield* journal.reports).map(({ state }) => state),
              ["failed"]
            )
            yield* settle
            yield* TestClock.adjust("1 hour")
            assert.strictEqual(yield* journal.problem, refuse.reason)
            assert.isAbove(refuse.tries, 100)
            refuse.reason = undefined
            yield* TestClock.adjust("5 seconds")
            yield* settle
            assert.isUndefined(yield* journal.problem)
            return yield* all(journal)
          })
        )
      )
      assert.strictEqual(yield* life(store, all), before)
      assert.strictEqual(lines.filter((line) => line.includes("written again")).length, 1)
    })
  )

  it.effect("a disk that stays full for a thousand writes is complained of once", () =>
    Effect.gen(function* () {
      const { refuse, store } = refusing()
      const [, lines] = yield* logged(
        life(store, (journal) =>
          Effect.gen(function* () {
            refuse.reason = "database or disk is full"
            for (let offset = 1; offset <= 1000; offset++)
              yield* journal.saveLogOffset({ path: "/logs/a", inode: "1", offset })
            yield* settle
            refuse.reason = undefined
            yield* TestClock.adjust("5 seconds")
            yield* settle
            assert.isUndefined(yield* journal.problem)
          })
        )
      )
      assert.strictEqual(lines.filter((line) => line.includes("disk is full")).length, 1)
      assert.strictEqual(lines.filter((line) => line.includes("written again")).length, 1)
    })
  )
})
