/** MemoryFileTail: files in memory to follow, for tests: append, rotate, truncate, vanish, fail. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { FileTail, type Place, pollMillis, TailFailed, waitForChange } from "../platform/FileTail.ts"
import type { LogFile } from "../platform/LogFiles.ts"

interface MemoryFile {
  readonly inode: string
  bytes: Uint8Array
  changed: number
}

/** What a test does to the files; `layer` gives it together with the `FileTail` that reads them. */
export class MemoryFileTail extends Context.Service<
  MemoryFileTail,
  {
    /** Creates the file if there is none. */
    readonly append: (path: string, data: string | Uint8Array) => Effect.Effect<void>
    /** Renames the file away: the next `append` makes a new one. Whoever follows it still reads the old one. */
    readonly rotate: (path: string) => Effect.Effect<void>
    readonly truncate: (path: string) => Effect.Effect<void>
    /** Deletes the file. */
    readonly vanish: (path: string) => Effect.Effect<void>
    /** Takes the file away; the result puts the very same one back. */
    readonly unmount: (path: string) => Effect.Effect<Effect.Effect<void>>
    /** What is under the path now. */
    readonly look: (path: string) => Effect.Effect<Option.Option<LogFile>>
    /** While true each read of the path fails. */
    readonly failing: (path: string, fails: boolean) => Effect.Effect<void>
  }
>()("edge-worker/testing/MemoryFileTail") {
  static readonly layer: Layer.Layer<MemoryFileTail | FileTail> = Layer.effectContext(
    Effect.sync(() => {
      const files = new Map<string, MemoryFile>()
      const failing = new Set<string>()
      const latches = new Map<string, Set<Latch.Latch>>()
      let inodes = 0
      const change = (path: string, f: (now: number) => void) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          f(now)
          for (const latch of latches.get(path) ?? []) latch.openUnsafe()
        })
      const controls = MemoryFileTail.of({
        append: (path, data) =>
          change(path, (now) => {
            const file = files.get(path) ?? { inode: String(++inodes), bytes: new Uint8Array(), changed: now }
            const added = typeof data === "string" ? new TextEncoder().encode(data) : data
            const bytes = new Uint8Array(file.bytes.length + added.length)
            bytes.set(file.bytes)
            bytes.set(added, file.bytes.length)
            file.bytes = bytes
            file.changed = now
            files.set(path, file)
          }),
        look: (path) =>
          Effect.sync(() =>
            Option.map(Option.fromNullishOr(files.get(path)), ({ bytes, changed, inode }) => ({
              inode,
              size: bytes.length,
              changed
            }))
          ),
        rotate: (path) => change(path, () => files.delete(path)),
        vanish: (path) => change(path, () => files.delete(path)),
        unmount: (path) =>
          Effect.suspend(() => {
            const file = files.get(path)
            return Effect.as(
              change(path, () => files.delete(path)),
              change(path, () => (file === undefined ? files.delete(path) : files.set(path, file)))
            )
          }),
        truncate: (path) =>
          change(path, () => {
            const file = files.get(path)
            if (file !== undefined) file.bytes = new Uint8Array()
          }),
        failing: (path, fails) => change(path, () => (fails ? failing.add(path) : failing.delete(path)))
      })
      const open = (path: string) =>
        Effect.gen(function* () {
          const latch = Latch.makeUnsafe()
          let file: MemoryFile | undefined
          yield* Effect.acquireRelease(
            Effect.sync(() => latches.set(path, (latches.get(path) ?? new Set()).add(latch))),
            () => Effect.sync(() => latches.get(path)?.delete(latch))
          )
          return {
            read: (from: Place | undefined, maxBytes: number) =>
              Effect.suspend(() => {
                latch.closeUnsafe()
                if (failing.has(path)) return Effect.fail(new TailFailed({ path, reason: "told to fail" }))
                const newest = files.get(path)
                file ??= newest
                if (file === undefined) return Effect.succeedNone
                let replaced = newest !== undefined && newest !== file
                if (newest && replaced && from?.inode === file.inode && from.offset === file.bytes.length) {
                  file = newest
                  replaced = false
                }
                const size = file.bytes.length
                const offset = from?.inode === file.inode && from.offset <= size ? from.offset : 0
                const place: Place = { inode: file.inode, offset }
                return Effect.succeedSome({
                  place,
                  bytes: file.bytes.slice(offset, offset + maxBytes),
                  size,
                  replaced
                })
              }),
            changed: Effect.suspend(() => waitForChange(latch, pollMillis.watched))
          }
        })
      const tail = FileTail.of({
        open,
        look: controls.look
      })
      return Context.make(MemoryFileTail, controls).pipe(Context.add(FileTail, tail))
    })
  )
}
