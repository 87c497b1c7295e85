/** FileTail on real files: appended, rotated, truncated, deleted, and what must not be followed. */

import { execFileSync } from "node:child_process"
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { FileTail, type Place, type TailedFile } from "../../src/platform/FileTail.ts"
import { eachWay } from "./fileCalls.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-tail-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
const open = Effect.gen(function* () {
  const path = join(yield* folder, "a.log")
  return { path, tailed: yield* (yield* FileTail).open(path) }
})
const inodeOf = (path: string) => String(statSync(path, { bigint: true }).ino)
/** What `read` gives, with its bytes as text. */
const read = (tailed: TailedFile, from?: Place, maxBytes = 1_000) =>
  Effect.map(
    tailed.read(from, maxBytes),
    Option.match({
      onNone: () => undefined,
      onSome: ({ bytes, ...rest }) => ({ ...rest, text: Buffer.from(bytes).toString() })
    })
  )

eachWay("FileTail", (calls) => {
  const test = <A, E>(name: string, body: () => Effect.Effect<A, E, FileTail | Scope.Scope>) =>
    it.live(name, () => body().pipe(Effect.provide(Layer.provide(FileTail.layer, calls))))

  test("finds nothing until the file is there, then reads it in pieces", () =>
    Effect.gen(function* () {
      const { path, tailed } = yield* open
      expect(yield* read(tailed)).toBeUndefined()
      expect(yield* (yield* FileTail).look(path)).toEqual(Option.none())
      writeFileSync(path, "hello")
      const inode = inodeOf(path)
      expect(yield* read(tailed, undefined, 3)).toEqual({
        place: { inode, offset: 0 },
        text: "hel",
        size: 5,
        replaced: false
      })
      expect(yield* read(tailed, { inode, offset: 3 })).toMatchObject({ place: { offset: 3 }, text: "lo" })
      expect(yield* read(tailed, { inode, offset: 5 })).toMatchObject({ place: { offset: 5 }, text: "" })
      expect(yield* (yield* FileTail).look(path)).toEqual(Option.some({ inode, size: 5 }))
    }))

  test("starts at the beginning where the inode is another", () =>
    Effect.gen(function* () {
      const { path, tailed } = yield* open
      writeFileSync(path, "hello")
      expect(yield* read(tailed, { inode: "1", offset: 3 })).toMatchObject({
        place: { offset: 0 },
        text: "hello"
      })
    }))

  test("reads a rotated file to its end, also what is written to it late, then the new one", () =>
    Effect.gen(function* () {
      const { path, tailed } = yield* open
      writeFileSync(path, "one ")
      const inode = inodeOf(path)
      yield* read(tailed)
      renameSync(path, `${path}.1`)
      appendFileSync(`${path}.1`, "late")
      expect(yield* read(tailed, { inode, offset: 4 })).toMatchObject({ text: "late", replaced: false })
      writeFileSync(path, "two")
      appendFileSync(`${path}.1`, "!")
      expect(yield* read(tailed, { inode, offset: 8 })).toMatchObject({
        place: { inode, offset: 8 },
        text: "!",
        replaced: true
      })
      expect(yield* read(tailed, { inode, offset: 9 })).toEqual({
        place: { inode: inodeOf(path), offset: 0 },
        text: "two",
        size: 3,
        replaced: false
      })
    }))

  test("reads a deleted file to its end", () =>
    Effect.gen(function* () {
      const { path, tailed } = yield* open
      writeFileSync(path, "hello")
      const inode = inodeOf(path)
      yield* read(tailed)
      rmSync(path)
      expect(yield* read(tailed, { inode, offset: 1 })).toMatchObject({ text: "ello", replaced: false })
      writeFileSync(path, "new")
      expect(yield* read(tailed, { inode, offset: 5 })).toMatchObject({ place: { offset: 0 }, text: "new" })
    }))

  test("starts anew where the file was cut short", () =>
    Effect.gen(function* () {
      const { path, tailed } = yield* open
      writeFileSync(path, "hello")
      const inode = inodeOf(path)
      truncateSync(path, 2)
      expect(yield* read(tailed, { inode, offset: 5 })).toMatchObject({
        place: { inode, offset: 0 },
        text: "he"
      })
    }))

  test("follows no link, folder or FIFO, and says so", () =>
    Effect.gen(function* () {
      const files = yield* FileTail
      const dir = yield* folder
      writeFileSync(join(dir, "secret"), "secret")
      symlinkSync(join(dir, "secret"), join(dir, "link"))
      mkdirSync(join(dir, "folder"))
      execFileSync("mkfifo", [join(dir, "fifo")])
      const fails = Effect.fnUntraced(function* (name: string) {
        const path = join(dir, name)
        expect(yield* files.look(path)).toEqual(Option.none())
        return (yield* Effect.flip((yield* files.open(path)).read(undefined, 100))).message
      })
      expect(yield* fails("link")).toContain("symbolic link")
      expect(yield* fails("folder")).toContain("not a regular file")
      expect(yield* fails("fifo")).toContain("not a regular file")
    }))

  test("is told of an append, of a file that appears and of one that is replaced", () =>
    Effect.gen(function* () {
      const { path, tailed } = yield* open
      // The fall-back would come after 4 s or more: a `changed` within 2 s was told by the system.
      const told = Effect.fnUntraced(function* (change: () => void) {
        const fiber = yield* Effect.forkChild(Effect.timeout(tailed.changed, "2 seconds"), {
          startImmediately: true
        })
        change()
        yield* Fiber.join(fiber)
        return yield* read(tailed)
      })
      expect(yield* read(tailed)).toBeUndefined()
      expect(yield* told(() => writeFileSync(path, "one"))).toMatchObject({ text: "one" })
      expect(yield* told(() => appendFileSync(path, "two"))).toMatchObject({ text: "onetwo" })
      expect(yield* told(() => renameSync(path, `${path}.1`))).toMatchObject({ text: "onetwo" })
    }))

  test("rests while nothing changes", () =>
    Effect.gen(function* () {
      const { path, tailed } = yield* open
      writeFileSync(path, "one")
      // The system may still tell of what came before the first read.
      for (let told = 0; told < 10; told++) {
        yield* read(tailed)
        if (Option.isNone(yield* Effect.timeoutOption(tailed.changed, "200 millis"))) return
      }
      expect.unreachable("it was told of changes all the time")
    }))

  test("what changed between a read and the wait is not missed", () =>
    Effect.gen(function* () {
      const { path, tailed } = yield* open
      writeFileSync(path, "one")
      yield* read(tailed)
      appendFileSync(path, "two")
      yield* Effect.timeout(tailed.changed, "2 seconds")
    }))

  test("looks again by itself where there is no folder to watch", () =>
    Effect.gen(function* () {
      const dir = join(yield* folder, "later")
      const tailed = yield* (yield* FileTail).open(join(dir, "a.log"))
      expect(yield* read(tailed)).toBeUndefined()
      yield* tailed.changed
      mkdirSync(dir)
      writeFileSync(join(dir, "a.log"), "here")
      expect(yield* read(tailed)).toMatchObject({ text: "here" })
    }))
})
