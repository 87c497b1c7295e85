/** sqliteFile: what the worker's own SQLite files have in common: one process holds them, and damage is set aside. */
import { existsSync, fdatasync, renameSync } from "node:fs"
import { promisify } from "node:util"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * WAL with NORMAL: a commit is in the kernel when it returns, so a killed process loses nothing. EXCLUSIVE: no shared
 * memory file beside it, and whoever else opens it while we run is told that it is locked.
 */
export const ownFile =
  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"

/** Syncs a file on another thread: a slow disk must not hold up the worker. */
export const flush = promisify(fdatasync)

/** Our statements do not fit the tables of the file. */
const SQLITE_ERROR = 1
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** The codes of a file whose pages are wrong, whatever tables it should have. */
export const damagedFile: ReadonlyArray<number> = [SQLITE_CORRUPT, SQLITE_NOTADB]

/** SQLite reads the file, and says what is wrong with it. */
export class Damaged extends Error {}

/** Whether an error says that the file is not one of ours, or not any more; a full disk and the like are no damage. */
export const isDamage = (error: unknown, codes: ReadonlyArray<number> = [SQLITE_ERROR, ...damagedFile]) =>
  error instanceof Damaged ||
  (error instanceof Error &&
    "errcode" in error &&
    typeof error.errcode === "number" &&
    codes.includes(error.errcode & 0xff))

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The damaged file stays where it is. */
export class NotSetAside extends Schema.TaggedError<NotSetAside>()("NotSetAside", { reason: Schema.String }) {
  override get message() {
    return `it cannot be set aside: ${this.reason}`
  }
}

/** Renames a damaged file, and what SQLite has beside it, for a person to look at; gives its new name. */
export const setAside = (file: string): Effect.Effect<string, NotSetAside> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.try({
      try: () => {
        const aside = `${file}.damaged-${now}`
        for (const suffix of ["", "-wal", "-shm"])
          if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix)
        return aside
      },
      catch: (error) => new NotSetAside({ reason: messageOf(error) })
    })
  )
