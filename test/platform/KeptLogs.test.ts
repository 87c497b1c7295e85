/** The kept logs in memory and on disk, where that is damaged, newer or full too. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { KeptLogs } from "../../src/platform/KeptLogs.ts"
import { StateFolder } from "../../src/platform/StateFolder.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { keptLog, life, suite } from "../suites/keptLogs.ts"
import { logged } from "../worker/lives.ts"

const onDisk = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  ),
  (airflowHome) => {
    const stateFolder = join(airflowHome, "state")
    const store = KeptLogs.layer.pipe(
      Layer.provide(StateFolder.layer),
      Layer.provide([
        Layer.succeed(EdgeConfig, testSettings({ airflowHome, stateFolder })),
        Layer.succeed(WorkerIdentity, { name: "worker-1", queues: null, team: null, concurrency: 1 })
      ])
    )
    const aside = () => readdirSync(stateFolder).filter((name) => /^logs\.db\.damaged-\d+$/.test(name))
    return { store, stateFolder, file: join(stateFolder, "logs.db"), aside }
  }
)

suite(
  "disk",
  Effect.map(onDisk, ({ store }) => store)
)
suite(
  "memory",
  Effect.sync(() => KeptLogs.layerMemory(new Map()))
)

const a = keptLog("/logs/a", 1)

describe("KeptLogs on disk", () => {
  it.effect("has no file before it is used", () =>
    Effect.gen(function* () {
      const { file, store } = yield* onDisk
      yield* life(store, () => Effect.sync(() => assert.isFalse(existsSync(file))))
      yield* life(store, (kept) => kept.find("/logs/a"))
      assert.isTrue(existsSync(file))
    })
  )

  it.effect("is used by many at once from its first moment on", () =>
    Effect.gen(function* () {
      const { store } = yield* onDisk
      const found = yield* life(store, (kept) =>
        Effect.andThen(
          Effect.all([kept.keep([a]), kept.find("/logs/b"), kept.bytes], { concurrency: "unbounded" }),
          kept.bytes
        )
      )
      assert.strictEqual(found, 10)
    })
  )

  it.effect(
    "a damaged file is set aside, with a line that says what that means, and an empty one is used",
    () =>
      Effect.gen(function* () {
        const { aside, file, stateFolder, store } = yield* onDisk
        yield* life(store, (kept) => kept.keep([a]))
        writeFileSync(file, "this was a list ".repeat(400))
        const [found, lines] = yield* logged(
          life(store, (kept) =>
            Effect.all([kept.find(a.path), kept.keep([keptLog("/logs/b", 2)]), kept.bytes])
          )
        )
        assert.deepStrictEqual(found, [undefined, undefined, 10])
        assert.lengthOf(aside(), 1)
        assert.include(readFileSync(join(stateFolder, aside()[0] ?? ""), "utf8"), "this was a list")
        assert.lengthOf(lines, 1)
        assert.include(lines[0], aside()[0])
        assert.include(lines[0], "not removed by log_retention any more")
      })
  )

  it.effect("a file that somebody else holds is not damaged, and is used once it is let go", () =>
    Effect.gen(function* () {
      const { aside, file, store } = yield* onDisk
      yield* life(store, (kept) => kept.keep([a]))
      const other = new DatabaseSync(file)
      other.exec("BEGIN EXCLUSIVE")
      yield* life(store, (kept) =>
        Effect.gen(function* () {
          assert.include((yield* Effect.flip(kept.find(a.path))).message, "database is locked")
          other.close()
          assert.isDefined(yield* kept.find(a.path))
        })
      )
      assert.deepStrictEqual(aside(), [])
    })
  )

  it.effect("a batch that does not fit its table is refused whole, and damages nothing", () =>
    Effect.gen(function* () {
      const { aside, store } = yield* onDisk
      yield* life(store, (kept) =>
        Effect.gen(function* () {
          const wrong = { ...keptLog("/logs/b", 1), size: "many" as never }
          assert.strictEqual((yield* Effect.flip(kept.keep([a, wrong])))._tag, "KeptLogsUnusable")
          assert.strictEqual(yield* kept.bytes, 0)
          yield* kept.keep([a])
          assert.strictEqual(yield* kept.bytes, 10)
        })
      )
      assert.deepStrictEqual(aside(), [])
    })
  )

  it.effect("a table of another program is damage too", () =>
    Effect.gen(function* () {
      const { aside, file, store } = yield* onDisk
      yield* life(store, (kept) => kept.keep([a]))
      const database = new DatabaseSync(file)
      database.exec("DROP TABLE log; CREATE TABLE log (line TEXT)")
      database.close()
      const [found] = yield* logged(life(store, (kept) => kept.find(a.path)))
      assert.isUndefined(found)
      assert.lengthOf(aside(), 1)
    })
  )

  it.effect("one of a newer edge-worker is left as it is, and each use says so", () =>
    Effect.gen(function* () {
      const { aside, file, store } = yield* onDisk
      yield* life(store, (kept) => kept.keep([a]))
      const version = (number: number) => {
        const database = new DatabaseSync(file)
        database.exec(`PRAGMA user_version = ${number}`)
        database.close()
      }
      version(2)
      for (const use of [
        (kept: KeptLogs["Service"]) => kept.find(a.path),
        (kept: KeptLogs["Service"]) => kept.keep([a])
      ]) {
        const error = yield* Effect.flip(life(store, use))
        assert.strictEqual(error._tag, "KeptLogsUnusable")
        assert.include(error.message, "a newer edge-worker has written it (format 2)")
        assert.include(error.message, file)
      }
      version(1)
      assert.isDefined(yield* life(store, (kept) => kept.find(a.path)))
      assert.deepStrictEqual(aside(), [])
    })
  )

  it.effect("on a disk that takes no more none of a batch is kept, and all of it once there is room", () =>
    Effect.gen(function* () {
      const { store } = yield* onDisk
      const largestFile = (bytes: string) =>
        Effect.sync(() => void execFileSync("prlimit", ["--pid", `${process.pid}`, `--fsize=${bytes}:`]))
      const many = Array.from({ length: 5_000 }, (_, at) => keptLog(`/logs/${"x".repeat(100)}/${at}`, at))
      yield* life(store, (kept) =>
        Effect.gen(function* () {
          yield* kept.keep([a])
          assert.strictEqual(yield* kept.bytes, 10)
          const error = yield* Effect.acquireUseRelease(
            largestFile("65536"),
            () => Effect.flip(kept.keep(many)),
            () => largestFile("unlimited")
          )
          assert.strictEqual(error._tag, "KeptLogsUnusable")
          assert.strictEqual(yield* kept.bytes, 10)
          assert.isUndefined(yield* kept.find(many[0]?.path ?? ""))
          yield* kept.keep(many)
          assert.strictEqual(yield* kept.bytes, 50_010)
        })
      )
    })
  )
})
