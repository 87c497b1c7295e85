/** FileTail: reads what is appended to a file, through rotation, truncation and removal. */

import { constants, type FSWatcher, watch } from "node:fs"
import { dirname } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Calls, FileCalls } from "./FileCalls.ts"

/** A byte of a file. The inode tells the file from another one under the same path. */
export interface Place {
  readonly inode: string
  readonly offset: number
}

/** What was found at a place. */
export interface Slice {
  /** Where `bytes` begin: another place than asked for where the file was truncated or replaced. */
  readonly place: Place
  readonly bytes: Uint8Array
  /** The file's size when it was read. */
  readonly size: number
  /** Another file has taken its path, so this one ends at `size`. */
  readonly replaced: boolean
}

/** The file is there and cannot be read. */
export class TailFailed extends Schema.TaggedError<TailFailed>()("TailFailed", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `cannot read ${this.path}: ${this.reason}`
  }
}

/** One followed path. Its file stays open, so that a rotated or deleted one is read to its end. */
export interface TailedFile {
  /**
   * At most `maxBytes` from the place on, from the file's start if `from` is no place of it; empty at the end. A
   * replaced file is read to its end before the new one is opened. None while there is no file. `last`: nobody will wait
   * for a change after it.
   */
  readonly read: (
    from: Place | undefined,
    maxBytes: number,
    last?: boolean
  ) => Effect.Effect<Option.Option<Slice>, TailFailed>
  /** Waits until something may have changed since the last `read` began. May return for nothing. */
  readonly changed: Effect.Effect<void>
}

/** How often a file is looked at where the system tells of changes, and where it does not. */
export const pollMillis = { watched: 5_000, unwatched: 500 } as const

/** Waits for the latch, but not for ever. The time is jittered by a fifth. */
export const waitForChange = (latch: Latch.Latch, millis: number): Effect.Effect<void> =>
  Effect.flatMap(Random.nextBetween(0.8 * millis, millis), (wait) =>
    Effect.asVoid(Effect.timeoutOption(latch.await, wait))
  )

/** Follows files that other processes append to. */
export class FileTail extends Context.Service<
  FileTail,
  {
    readonly open: (path: string) => Effect.Effect<TailedFile, never, Scope.Scope>
    /** Inode and size of the regular file that is under the path now. */
    readonly look: (path: string) => Effect.Effect<Option.Option<{ inode: string; size: number }>>
  }
>()("edge-worker/platform/FileTail") {
  static readonly layer: Layer.Layer<FileTail> = Layer.effect(
    FileTail,
    Effect.map(FileCalls, (calls) =>
      FileTail.of({
        open: (path) => openTail(calls, path),
        look: (path) =>
          Effect.promise(() =>
            calls.look(path).then(
              (found) =>
                found?.isFile() === true
                  ? Option.some({ inode: String(found.ino), size: Number(found.size) })
                  : Option.none(),
              () => Option.none()
            )
          )
      })
    )
  )
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)

interface OpenFile {
  readonly fd: number
  readonly inode: string
  readonly size: number
}

/** Opens the regular file under the path; never a link, and never waits for a FIFO's writer. */
const openFile = async (calls: Calls, path: string): Promise<OpenFile | undefined> => {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const fd = await calls.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((cause) => {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  })
  if (fd === undefined) return undefined
  try {
    const found = await calls.stat(fd)
    if (found.isFile()) return { fd, inode: String(found.ino), size: Number(found.size) }
  } catch (cause) {
    await calls.close(fd)
    throw cause
  }
  await calls.close(fd)
  throw new Error("it is not a regular file")
}

const openTail = (calls: Calls, path: string): Effect.Effect<TailedFile, never, Scope.Scope> =>
  Effect.gen(function* () {
    const latch = Latch.makeUnsafe()
    let file: OpenFile | undefined
    let watcher: FSWatcher | undefined
    const unwatch = () => {
      watcher?.close()
      watcher = undefined
    }
    // The folder, not the file: it also tells of a file that is created or replaced. Where the system has no
    // watches left (inotify's limits) or knows none, polling does the same later.
    const watchFolder = () => {
      if (watcher !== undefined) return
      try {
        watcher = watch(dirname(path), { persistent: false }, () => latch.openUnsafe())
        watcher.on("error", unwatch)
      } catch {
        unwatch()
      }
    }
    const closeFile = async () => {
      const closing = file
      file = undefined
      if (closing !== undefined) await calls.close(closing.fd)
    }
    yield* Effect.addFinalizer(() =>
      Effect.promise(async () => {
        unwatch()
        await closeFile().catch(() => undefined)
      })
    )
    const read = async (
      from: Place | undefined,
      maxBytes: number,
      last: boolean
    ): Promise<Slice | undefined> => {
      latch.closeUnsafe() // first: what changes from here on is seen by the next `changed`
      if (!last) watchFolder()
      let replaced = false
      let size: number
      if (file === undefined) {
        file = await openFile(calls, path)
        if (file === undefined) return undefined
        size = file.size
      } else {
        const now = await calls.look(path).catch(() => undefined)
        replaced = now?.isFile() === true && String(now.ino) !== file.inode
        // a writer that rotates is done with the old file: its size counts only then
        size = Number((await calls.stat(file.fd)).size)
        if (replaced && from?.inode === file.inode && from.offset === size) {
          await closeFile()
          file = await openFile(calls, path)
          if (file === undefined) return undefined
          size = file.size
          replaced = false
        }
      }
      const offset = from?.inode === file.inode && from.offset <= size ? from.offset : 0
      const buffer = new Uint8Array(Math.min(maxBytes, size - offset))
      const bytesRead = buffer.length === 0 ? 0 : await calls.read(file.fd, buffer, offset)
      return { place: { inode: file.inode, offset }, bytes: buffer.subarray(0, bytesRead), size, replaced }
    }
    return {
      // A read that was begun is finished: a handle must not be closed under it.
      read: (from, maxBytes, last = false) =>
        Effect.uninterruptible(
          Effect.tryPromise({
            try: () => read(from, maxBytes, last).then(Option.fromNullishOr),
            catch: (cause) =>
              new TailFailed({
                path,
                reason: codeOf(cause) === "ELOOP" ? "it is a symbolic link" : String(cause)
              })
          })
        ),
      changed: Effect.suspend(() =>
        waitForChange(latch, watcher === undefined ? pollMillis.unwatched : pollMillis.watched)
      )
    }
  })
