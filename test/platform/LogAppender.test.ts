/** Log files that are appended to, on a real disk. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll } from "vitest"
import { LogAppender } from "../../src/platform/LogAppender.ts"
import { eachWay } from "./fileCalls.ts"

const root = mkdtempSync(join(tmpdir(), "log-appender-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let count = 0
const newFile = () => join(root, `${++count}.log`)

eachWay("a log file", (calls) => {
  const appending = (file: string, ...texts: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const log = yield* (yield* LogAppender).open(file)
      for (const text of texts) yield* log.append(text)
    }).pipe(Effect.scoped, Effect.provide(Layer.provide(LogAppender.layer, calls)))
  const reasonOf = (file: string) => Effect.map(Effect.flip(appending(file, "x\n")), ({ reason }) => reason)

  it.effect("is made, and goes on where it ended", () =>
    Effect.gen(function* () {
      const file = newFile()
      yield* appending(file, "a\n", "é🔑\n")
      yield* appending(file, "b\nc\n")
      assert.strictEqual(readFileSync(file, "utf8"), "a\né🔑\nb\nc\n")
      assert.strictEqual(statSync(file).mode & 0o600, 0o600)
    })
  )

  it.effect("whose last line was left half has it ended first", () =>
    Effect.gen(function* () {
      const file = newFile()
      writeFileSync(file, "half")
      yield* appending(file, "a\n", "b\n")
      assert.strictEqual(readFileSync(file, "utf8"), "half\na\nb\n")
    })
  )

  it.effect("is not there before its first line", () =>
    Effect.gen(function* () {
      const file = newFile()
      yield* appending(file)
      assert.throws(() => statSync(file))
    })
  )

  it.effect("that cannot be opened now may be later", () =>
    Effect.gen(function* () {
      const folder = join(newFile(), "later")
      const log = yield* (yield* LogAppender).open(join(folder, "a.log"))
      const { message } = yield* Effect.flip(log.append("lost\n"))
      assert.include(message, "ENOENT")
      mkdirSync(folder, { recursive: true })
      yield* log.append("kept\n")
      assert.strictEqual(readFileSync(join(folder, "a.log"), "utf8"), "kept\n")
    }).pipe(Effect.scoped, Effect.provide(Layer.provide(LogAppender.layer, calls)))
  )

  it.effect("is no symbolic link, device or folder", () =>
    Effect.gen(function* () {
      const [file, target] = [newFile(), newFile()]
      writeFileSync(target, "")
      symlinkSync(target, file)
      assert.include(yield* reasonOf(file), "ELOOP")
      assert.strictEqual(readFileSync(target, "utf8"), "")
      assert.include(yield* reasonOf("/dev/full"), "not a regular file")
      assert.include(yield* reasonOf(root), "EISDIR")
    })
  )
})
