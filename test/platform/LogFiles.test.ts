/** LogFiles on real files: what is removed and what is left alone, folders too. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { LogFiles } from "../../src/platform/LogFiles.ts"
import { testSettings } from "../../src/testing/settings.ts"

type Setup = { readonly base: string; readonly root: string; readonly files: LogFiles["Service"] }
const test = <E>(name: string, body: (setup: Setup) => Effect.Effect<void, E>) =>
  it.live(name, () =>
    Effect.gen(function* () {
      const root = yield* Effect.acquireRelease(
        Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "edge-worker-log-files-")))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const base = join(root, "logs")
      const settings = Layer.succeed(EdgeConfig, testSettings({ baseLogFolder: base }))
      const layer = Layer.provide(LogFiles.layer, settings)
      return yield* Effect.provide(
        Effect.flatMap(LogFiles, (files) => body({ root, base, files })),
        layer
      )
    })
  )
const write = (path: string, text = "12345") => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}
const nothing = new Set<string>()
const seen = (files: LogFiles["Service"], path: string) => Effect.map(files.look(path), Option.getOrThrow)

describe("LogFiles", () => {
  test("looks at size and time of the last change; none where there is no file", ({ base, files }) =>
    Effect.gen(function* () {
      const path = write(join(base, "a", "b.log"))
      utimesSync(path, 1_000, 2_000)
      const found = yield* seen(files, path)
      assert.deepStrictEqual([found.size, found.changed], [5, 2_000_000])
      assert.isTrue(Option.isNone(yield* files.look(join(base, "a", "c.log"))))
      assert.isTrue(Option.isNone(yield* files.look(join(base, "no", "c.log"))))
      const error = yield* Effect.flip(files.look(join(base, "a")))
      assert.include(error.message, "not a regular file")
    }))

  test("removes a file and the folders that are empty then, never the base", ({ base, files }) =>
    Effect.gen(function* () {
      const one = write(join(base, "d", "r1", "t", "attempt=1.log"))
      const two = write(join(base, "d", "r2", "t", "attempt=1.log"))
      assert.isTrue(yield* files.remove(one, yield* seen(files, one), nothing))
      assert.deepStrictEqual(readdirSync(join(base, "d")), ["r2"])
      assert.isTrue(yield* files.remove(two, yield* seen(files, two), nothing))
      assert.deepStrictEqual(readdirSync(base), [])
    }))

  test("leaves a file that has grown, was replaced, or is in use", ({ base, files }) =>
    Effect.gen(function* () {
      const path = write(join(base, "d", "a.log"))
      const before = yield* seen(files, path)
      assert.isFalse(yield* files.remove(path, before, new Set([path])))
      appendFileSync(path, "6")
      assert.isFalse(yield* files.remove(path, before, nothing))
      renameSync(write(join(base, "d", "new.log")), path)
      assert.isFalse(yield* files.remove(path, before, nothing))
      assert.isTrue(existsSync(path))
    }))

  test("leaves the folders where a path in use lies, although it is not there yet", ({ base, files }) =>
    Effect.gen(function* () {
      const path = write(join(base, "d", "r", "t1", "a.log"))
      const soon = join(base, "d", "r", "t2", "a.log")
      assert.isTrue(yield* files.remove(path, yield* seen(files, path), new Set([soon])))
      assert.deepStrictEqual(readdirSync(join(base, "d", "r")), [])
    }))

  test("never leaves the base: not by a path, nor by a link in its place", ({ base, files, root }) =>
    Effect.gen(function* () {
      mkdirSync(base)
      const outside = write(join(root, "outside", "a.log"))
      const found = yield* seen(files, outside)
      symlinkSync(join(root, "outside"), join(base, "link"))
      for (const path of [outside, `${base}/../outside/a.log`, join(base, "link", "a.log")]) {
        assert.isFalse(yield* files.remove(path, found, nothing), path)
      }
      assert.isTrue(existsSync(outside))
      assert.deepStrictEqual(
        [base, `${base}-2/a`, `${base}/../x`, `${base}/a`].map((path) => files.isBelow(path)),
        [false, false, false, true]
      )
    }))

  test("works where the base itself is a link, which is the operator's own choice", ({ base, files, root }) =>
    Effect.gen(function* () {
      mkdirSync(join(root, "disk"))
      symlinkSync(join(root, "disk"), base)
      const path = write(join(base, "d", "a.log"))
      assert.isTrue(yield* files.remove(path, yield* seen(files, path), nothing))
      assert.deepStrictEqual(readdirSync(join(root, "disk")), [])
    }))

  test("knows the file of a log path, and that a bad one has none", ({ base, files }) =>
    Effect.sync(() => {
      assert.strictEqual(files.pathOf("a//./b.log"), join(base, "a/b.log"))
      assert.deepStrictEqual([files.pathOf("../b.log"), files.pathOf("/b.log")], [undefined, undefined])
    }))
})
