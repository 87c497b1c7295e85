/** KeptLogs: the task logs that the site has whole and that lie here until their time is over: a SQLite file. */
import { closeSync, openSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import type { LogFile } from "./LogFiles.ts"
import { StateFolder } from "./StateFolder.ts"
import { damagedFile, flush, isDamage, messageOf, ownFile, setAside } from "./sqliteFile.ts"

/** A log file as it was when the site had all of it. */
export interface KeptLog extends LogFile {
  readonly path: string
}

/** Their file cannot be read or written. */
export class KeptLogsUnusable extends Schema.TaggedError<KeptLogsUnusable>()("KeptLogsUnusable", {
  reason: Schema.String
}) {
  override get message() {
    return `the list of the logs that are kept cannot be used: ${this.reason}`
  }
}

/** So many at once: a page is read in one turn of the event loop. */
export const pageSize = 500

/**
 * As many as the tasks of weeks, so none of them is in memory. Nothing of a job hangs on it: without it a log lies here
 * for ever, and one that a deferred task goes on with is sent again from its beginning.
 */
export class KeptLogs extends Context.Service<
  KeptLogs,
  {
    /** On the disk when it returns. One of the same path is replaced. */
    readonly keep: (logs: ReadonlyArray<KeptLog>) => Effect.Effect<void, KeptLogsUnusable>
    readonly find: (path: string) => Effect.Effect<KeptLog | undefined, KeptLogsUnusable>
    readonly forget: (path: string) => Effect.Effect<void, KeptLogsUnusable>
    /** A page of those that were last changed at `until` or before, in this order; `after` is the last one of the page before. */
    readonly oldest: (
      until: number,
      after?: KeptLog
    ) => Effect.Effect<ReadonlyArray<KeptLog>, KeptLogsUnusable>
    /** A page in the order of their paths. */
    readonly byPath: (after?: KeptLog) => Effect.Effect<ReadonlyArray<KeptLog>, KeptLogsUnusable>
    /** The sum of their sizes. */
    readonly bytes: Effect.Effect<number, KeptLogsUnusable>
  }
>()("edge-worker/platform/KeptLogs") {
  /** `logs.db` in the state folder, made when it is first needed. A damaged one is set aside. */
  static readonly layer = Layer.effect(
    KeptLogs,
    Effect.gen(function* () {
      const file = join((yield* StateFolder).path, "logs.db")
      const oneAtATime = yield* Semaphore.make(1)
      let opened: Opened | undefined
      const close = () => {
        const { database } = opened ?? {}
        opened = undefined
        if (database?.isOpen === true) database.close()
      }
      yield* Effect.addFinalizer(() => Effect.sync(close))

      const attempt = Effect.fnUntraced(function* <A>(use: (file: Opened) => A) {
        const { DatabaseSync } = yield* Effect.promise(() => import("node:sqlite"))
        // A transaction that could not be undone has closed it.
        if (opened?.database.isOpen === false) opened = undefined
        const codes = opened === undefined ? undefined : damagedFile
        return yield* Effect.try({
          try: () => {
            opened ??= openFile(DatabaseSync, file)
            return use(opened)
          },
          catch: (error) => ({ error, isDamage: isDamage(error, codes) })
        })
      })
      const setItAside = Effect.fnUntraced(function* (error: unknown) {
        close()
        const aside = yield* setAside(file)
        yield* Effect.logError(
          `the list of the logs that are kept is damaged (${messageOf(error)}) and was set aside as ${aside}: the logs in it ` +
            "are not removed by log_retention any more, and one that a deferred task goes on with is sent again from its beginning"
        )
      })
      const using = <A>(use: (file: Opened) => A) =>
        Effect.suspend(() => attempt(use)).pipe(
          Effect.catchIf(
            (failure) => failure.isDamage,
            ({ error }) => Effect.andThen(setItAside(error), attempt(use))
          ),
          Effect.mapError((failure) => ("isDamage" in failure ? failure.error : failure)),
          Effect.mapError((error) => new KeptLogsUnusable({ reason: `${messageOf(error)} (${file})` })),
          oneAtATime.withPermit
        )
      const flushed = Effect.tryPromise({
        try: async () => {
          const wal = openSync(`${file}-wal`, "r")
          await flush(wal).finally(() => closeSync(wal))
        },
        catch: (error) => new KeptLogsUnusable({ reason: messageOf(error) })
      })

      return KeptLogs.of({
        keep: (logs) =>
          Effect.andThen(
            using((file) => file.keep(logs)),
            flushed
          ),
        find: (path) => using((file) => file.find(path)),
        forget: (path) => using((file) => file.forget(path)),
        oldest: (until, after) => using((file) => file.oldest(until, after)),
        byPath: (after) => using((file) => file.byPath(after?.path ?? "")),
        bytes: using((file) => file.bytes())
      })
    })
  )

  /** In memory, or in the caller's map, which then outlives a worker. */
  static readonly layerMemory = (logs: Map<string, KeptLog> = new Map()) => {
    const sorted = (order: (a: KeptLog, b: KeptLog) => number) => [...logs.values()].sort(order)
    const page = (all: ReadonlyArray<KeptLog>, isAfter: (log: KeptLog) => boolean) =>
      all.filter(isAfter).slice(0, pageSize)
    return Layer.succeed(
      KeptLogs,
      KeptLogs.of({
        keep: (more) =>
          Effect.sync(() => {
            for (const log of more) logs.set(log.path, log)
          }),
        find: (path) => Effect.sync(() => logs.get(path)),
        forget: (path) => Effect.sync(() => void logs.delete(path)),
        oldest: (until, after) =>
          Effect.sync(() =>
            page(
              sorted(byAge),
              (log) => log.changed <= until && (after === undefined || byAge(log, after) > 0)
            )
          ),
        byPath: (after) =>
          Effect.sync(() => page(sorted(byPath), ({ path }) => after === undefined || path > after.path)),
        bytes: Effect.sync(() => sorted(byPath).reduce((sum, { size }) => sum + size, 0))
      })
    )
  }
}

const byPath = (a: KeptLog, b: KeptLog) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)
const byAge = (a: KeptLog, b: KeptLog) => a.changed - b.changed || byPath(a, b)

/** A newer edge-worker raises it; an older one then leaves the file alone. */
const FORMAT = 1

type Opened = ReturnType<typeof openFile>

/** Where that fails, too, only opening it anew helps. */
const undo = (database: DatabaseSync) => {
  try {
    if (database.isTransaction) database.exec("ROLLBACK")
  } catch {
    database.close()
  }
}

const openFile = (Database: typeof DatabaseSync, file: string) => {
  const database = new Database(file, { timeout: 0 })
  try {
    database.exec(ownFile)
    const format = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0)
    if (format > FORMAT) throw new Error(`a newer edge-worker has written it (format ${format})`)
    database.exec(`
      CREATE TABLE IF NOT EXISTS log (path TEXT PRIMARY KEY, inode TEXT NOT NULL, size INTEGER NOT NULL,
        changed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS log_changed ON log (changed)`)
    // A disk that takes no more must not keep it from being read.
    if (format < FORMAT) database.exec(`PRAGMA user_version = ${FORMAT}`)
    const columns = "SELECT path, inode, size, changed FROM log"
    const put = database.prepare(
      "INSERT OR REPLACE INTO log (path, inode, size, changed) VALUES (?, ?, ?, ?)"
    )
    const remove = database.prepare("DELETE FROM log WHERE path = ?")
    const one = database.prepare(`${columns} WHERE path = ?`)
    const oldest = database.prepare(
      `${columns} WHERE changed <= ? AND (changed, path) > (?, ?) ORDER BY changed, path LIMIT ${pageSize}`
    )
    const byPath = database.prepare(`${columns} WHERE path > ? ORDER BY path LIMIT ${pageSize}`)
    const sum = database.prepare("SELECT coalesce(sum(size), 0) AS bytes FROM log")
    const many = (rows: ReadonlyArray<unknown>) => rows as ReadonlyArray<KeptLog>
    const find = (path: string) => one.get(path) as KeptLog | undefined
    /** Undefined until somebody asks: it takes a look at all of them. */
    let bytes: number | undefined
    return {
      database,
      keep: (logs: ReadonlyArray<KeptLog>) => {
        database.exec("BEGIN IMMEDIATE")
        try {
          for (const { path, inode, size, changed } of logs) {
            if (bytes !== undefined) bytes += size - (find(path)?.size ?? 0)
            put.run(path, inode, size, changed)
          }
          database.exec("COMMIT")
        } catch (error) {
          bytes = undefined
          undo(database)
          throw error
        }
      },
      find,
      forget: (path: string) => {
        const size = bytes === undefined ? 0 : (find(path)?.size ?? 0)
        remove.run(path)
        if (bytes !== undefined) bytes -= size
      },
      oldest: (until: number, after?: KeptLog) =>
        many(oldest.all(until, after?.changed ?? Number.MIN_SAFE_INTEGER, after?.path ?? "")),
      byPath: (after: string) => many(byPath.all(after)),
      bytes: () => {
        bytes ??= Number(sum.get()?.["bytes"])
        return bytes
      }
    }
  } catch (error) {
    database.close()
    throw error
  }
}
