/** FolderLock: a lock that one process holds for its life and that the kernel takes back when it dies. */

import type { DatabaseSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** Another process holds the lock. */
export class LockHeld extends Schema.TaggedError<LockHeld>()("LockHeld", { file: Schema.String }) {
  override get message() {
    return `${this.file} is locked by another process`
  }
}

/** The file system cannot lock, or the file cannot be opened. */
export class LockUnusable extends Schema.TaggedError<LockUnusable>()("LockUnusable", {
  file: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `cannot lock ${this.file}: ${this.reason}`
  }
}

const SQLITE_BUSY = 5

/**
 * Takes the lock or fails at once; it is held until the scope closes or the process ends, however it ends.
 *
 * It is the POSIX lock that SQLite takes on its file (docs/decisions/0001-lock.md). Nothing else in this process
 * may open `file`: closing any other descriptor of it would release the lock.
 */
export const acquire = (file: string): Effect.Effect<void, LockHeld | LockUnusable, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      // loaded here and not above: commands that lock nothing do not pay for it
      Effect.flatMap(
        Effect.promise(() => import("node:sqlite")),
        (sqlite) => lock(sqlite.DatabaseSync, file)
      ),
      (database) => Effect.sync(() => database.close())
    )
  )

const lock = (
  Database: typeof DatabaseSync,
  file: string
): Effect.Effect<DatabaseSync, LockHeld | LockUnusable> =>
  Effect.suspend(() => {
    let database: DatabaseSync | undefined
    try {
      database = new Database(file, { timeout: 0 })
      database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
      return Effect.succeed(database)
    } catch (error) {
      database?.close()
      const busy = error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY
      return Effect.fail(
        busy
          ? new LockHeld({ file })
          : new LockUnusable({ file, reason: error instanceof Error ? error.message : String(error) })
      )
    }
  })
