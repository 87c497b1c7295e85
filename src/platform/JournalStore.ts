/** JournalStore: the journal's entries on disk: a small SQLite file in the state folder, written before what it promises. */
import { closeSync, openSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { FolderUnusable } from "./PrivateFolder.ts"
import { StateFolder } from "./StateFolder.ts"
import { Damaged, damagedFile, flush, isDamage, messageOf, ownFile, setAside } from "./sqliteFile.ts"

/** One thing that the journal remembers; `id` is unique within its kind. */
export interface JournalEntry {
  readonly kind: "claim" | "report" | "offset"
  readonly id: string
  /** JSON. */
  readonly value: string
}

/** What a write changes: an entry that is put, or one that is removed (`value` is null). */
export interface JournalChange extends Omit<JournalEntry, "value"> {
  readonly value: string | null
}

/** The disk refuses: it is full, read-only or broken. */
export class JournalUnwritable extends Schema.TaggedError<JournalUnwritable>()("JournalUnwritable", {
  reason: Schema.String
}) {
  override get message() {
    return `the journal cannot be written: ${this.reason}`
  }
}

/** The entries that outlive the worker. One writer: `Journal`. */
export class JournalStore extends Context.Service<
  JournalStore,
  {
    /** What an earlier worker has left, in the order of first writing. */
    readonly left: ReadonlyArray<JournalEntry>
    /** All of the changes, or none: one transaction. It survives the end of this process however that comes. */
    readonly write: (changes: ReadonlyArray<JournalChange>) => Effect.Effect<void, JournalUnwritable>
    /** Writes everything anew, after writes that failed. */
    readonly replace: (entries: ReadonlyArray<JournalEntry>) => Effect.Effect<void, JournalUnwritable>
  }
>()("edge-worker/platform/JournalStore") {
  /** `journal.db` in the state folder. Fails where a newer edge-worker has written it. */
  static readonly layer: Layer.Layer<JournalStore, FolderUnusable, StateFolder> = Layer.effect(
    JournalStore,
    Effect.gen(function* () {
      const { path } = yield* StateFolder
      const { DatabaseSync } = yield* Effect.promise(() => import("node:sqlite"))
      const file = join(path, "journal.db")
      let opened = yield* openOrSetAside(DatabaseSync, file, path)
      /** SQLite keeps the file as long as it has the database. */
      let wal: number | undefined
      const flushWal = async () => {
        wal ??= openSync(`${file}-wal`, "r")
        await flush(wal)
      }
      // A flush that is under way meanwhile finds no file, or flushes another one: neither harms.
      const close = () => {
        if (wal !== undefined) closeSync(wal)
        wal = undefined
        if (opened.database.isOpen) opened.database.close()
      }
      yield* Effect.addFinalizer(() => Effect.sync(close))
      const { left } = opened
      const unwritable = (error: unknown) =>
        error instanceof JournalUnwritable
          ? error
          : new JournalUnwritable({ reason: `${messageOf(error)} (${file})` })
      /** Writes that met damage since all was written anew; one that met none says nothing of the other pages. */
      let damaged = 0
      const transaction = (changes: ReadonlyArray<JournalChange>, first?: string) =>
        Effect.try({
          try: () => {
            const { begin, commit, database, put, remove } = opened
            const make = ({ id, kind, value }: JournalChange) =>
              value === null ? remove.run(kind, id) : put.run(kind, id, value)
            const [only] = changes
            if (first === undefined && changes.length === 1 && only !== undefined) return void make(only)
            begin.run()
            try {
              if (first !== undefined) database.exec(first)
              for (const change of changes) make(change)
              commit.run()
            } catch (error) {
              if (database.isTransaction) database.exec("ROLLBACK")
              throw error
            }
          },
          catch: (error) => {
            if (isDamage(error, damagedFile)) damaged += 1
            return unwritable(error)
          }
        })
      const replace = (entries: ReadonlyArray<JournalEntry>) =>
        Effect.tap(transaction(entries, "DELETE FROM entry"), () =>
          Effect.sync(() => {
            damaged = 0
          })
        )
      /** A file in which nothing can be corrected. What is written into the new one is all that there is to know. */
      const replaceFile = Effect.fnUntraced(function* (entries: ReadonlyArray<JournalEntry>) {
        yield* Effect.ignore(Effect.try({ try: close, catch: String }))
        const aside = yield* setAside(file)
        opened = yield* openFile(DatabaseSync, file, path)
        damaged = 0
        yield* Effect.logError(
          `the journal was damaged while the worker ran and was set aside as ${aside}: a new one is written from what the worker knows, nothing is forgotten`
        )
        yield* replace(entries)
      })
      const written = yield* Queue.sliding<void>(1)
      yield* Queue.take(written).pipe(
        Effect.andThen(Effect.sleep(flushDelay)),
        Effect.andThen(Effect.ignore(Effect.tryPromise(flushWal))),
        Effect.forever,
        Effect.forkScoped
      )
      const flushed = Effect.tap(() => Queue.offer(written, undefined))
      return JournalStore.of({
        left,
        write: (changes) => flushed(transaction(changes)),
        replace: (entries) =>
          flushed(
            Effect.catch(replace(entries), (refused) =>
              damaged < damagedWrites ? Effect.fail(refused) : replaceFile(entries)
            ).pipe(Effect.mapError(unwritable))
          )
      })
    })
  )

  /** Entries in memory, or in the caller's map, which then plays the disk that outlives a worker. */
  static readonly layerMemory = (disk: Map<string, JournalEntry> = new Map()) =>
    Layer.sync(JournalStore, () => {
      const key = ({ id, kind }: Omit<JournalEntry, "value">) => `${kind}:${id}`
      const write = (changes: ReadonlyArray<JournalChange>) =>
        Effect.sync(() => {
          for (const { value, ...entry } of changes) {
            if (value === null) disk.delete(key(entry))
            else disk.set(key(entry), { ...entry, value })
          }
        })
      return JournalStore.of({
        left: [...disk.values()],
        write,
        replace: (entries) =>
          Effect.andThen(
            Effect.sync(() => disk.clear()),
            write(entries)
          )
      })
    })
}

/** So many writes that meet damage are no chance of one page or one moment: the file is given up. */
const damagedWrites = 3

/** How long a power cut may reach back: a commit is in the kernel at once, and on the disk this much later. */
const flushDelay = "100 millis"

/** The format of the file: 2 has a claim's log. A newer edge-worker reads an older one; an older one refuses a newer. */
const FORMAT = 2

const openFile = (Database: typeof DatabaseSync, file: string, path: string) =>
  Effect.suspend(() => {
    let database: DatabaseSync | undefined
    try {
      database = new Database(file, { timeout: 0 })
      database.exec(`${ownFile}; PRAGMA wal_autocheckpoint = 256`)
      const format = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0)
      if (format > FORMAT) {
        database.close()
        return Effect.fail(
          new FolderUnusable({
            path,
            reason: `holds a journal of format ${format}, and this edge-worker knows formats up to ${FORMAT}`,
            remedy: "Start the newer edge-worker that wrote it, or run its `edge-worker settle` first"
          })
        )
      }
      database.exec(
        `CREATE TABLE IF NOT EXISTS entry (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL,
          value TEXT NOT NULL, UNIQUE (kind, id)); PRAGMA user_version = ${FORMAT}`
      )
      const left = database
        .prepare("SELECT kind, id, value FROM entry ORDER BY n")
        .all() as unknown as ReadonlyArray<JournalEntry>
      const put = database.prepare(
        "INSERT INTO entry (kind, id, value) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value"
      )
      const remove = database.prepare("DELETE FROM entry WHERE kind = ? AND id = ?")
      const begin = database.prepare("BEGIN IMMEDIATE")
      const commit = database.prepare("COMMIT")
      // Now: damage that only a write meets would refuse every job of this worker and of each one after it.
      const found = database.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"]
      if (found !== "ok") throw new Damaged(String(found))
      return Effect.succeed({ begin, commit, database, left, put, remove })
    } catch (error) {
      database?.close()
      return Effect.fail(error)
    }
  })

/** A damaged file is kept for a person to look at; the worker starts with an empty one instead of never again. */
const openOrSetAside = (Database: typeof DatabaseSync, file: string, path: string) =>
  openFile(Database, file, path).pipe(
    Effect.catchIf(
      isDamage,
      Effect.fnUntraced(function* (error) {
        const aside = yield* setAside(file)
        yield* Effect.logError(
          `the journal is damaged (${messageOf(error)}) and was set aside as ${aside}: jobs of the worker that ran ` +
            "here before that had not been told to the site are left to the site's own rules (it ends them after " +
            "[scheduler] task_instance_heartbeat_timeout)"
        )
        return yield* openFile(Database, file, path)
      })
    ),
    Effect.mapError((error) =>
      error instanceof FolderUnusable
        ? error
        : new FolderUnusable({
            path,
            reason: `its journal ${file} cannot be opened (${messageOf(error)})`,
            remedy:
              "Make room on the disk, or correct the file's owner and mode; it must be readable and writable"
          })
    )
  )
