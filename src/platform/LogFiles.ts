/** LogFiles: the log files under base_log_folder as things to look at and to remove, never anything beside them. */
import { lstatSync, realpathSync, rmdirSync, unlinkSync } from "node:fs"
import { lstat } from "node:fs/promises"
import { dirname, join, resolve, sep } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { logPathParts } from "./LogFolder.ts"

/** A log file as it was found. */
export interface LogFile {
  readonly inode: string
  readonly size: number
  /** When it was last written to, in milliseconds since 1970. */
  readonly changed: number
}

/** The file cannot be looked at, or not be removed. */
export class LogFileStuck extends Schema.TaggedError<LogFileStuck>()("LogFileStuck", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.path}: ${this.reason}`
  }
}

/** Looks at log files and removes them. */
export class LogFiles extends Context.Service<
  LogFiles,
  {
    /** The absolute path of a job's log file; undefined where the job's log path is not used. */
    readonly pathOf: (logPath: string) => string | undefined
    /** Whether the path lies below base_log_folder. */
    readonly isBelow: (path: string) => boolean
    /** None: there is no file. */
    readonly look: (path: string) => Effect.Effect<Option.Option<LogFile>, LogFileStuck>
    /**
     * Removes the file, and the folders that this leaves empty up to the base, all in one turn of the event loop.
     * False where it lies elsewhere, is `inUse`, or is not the file any more that was seen. A folder stays where a
     * path in use lies below it: its job may be about to write there.
     */
    readonly remove: (
      path: string,
      seen: Pick<LogFile, "inode" | "size">,
      inUse: ReadonlySet<string>
    ) => Effect.Effect<boolean, LogFileStuck>
  }
>()("edge-worker/platform/LogFiles") {
  static readonly layer = Layer.effect(
    LogFiles,
    Effect.map(EdgeConfig, (settings) => {
      const base = resolve(settings.baseLogFolder)
      const isBelow = (path: string) => resolve(path) === path && path.startsWith(base + sep)
      return LogFiles.of({
        pathOf: (logPath) => {
          const parts = logPathParts(logPath)
          return typeof parts === "string" ? undefined : join(base, ...parts)
        },
        isBelow,
        look: (path) =>
          Effect.tryPromise({
            try: () => look(path).then(Option.fromNullishOr),
            catch: (cause) => stuck(path, cause)
          }),
        remove: (path, seen, inUse) =>
          Effect.try({
            try: () => isBelow(path) && !inUse.has(path) && remove(base, path, seen, inUse),
            catch: (cause) => stuck(path, cause)
          })
      })
    })
  )
}

const stuck = (path: string, cause: unknown) =>
  new LogFileStuck({ path, reason: cause instanceof Error ? cause.message : String(cause) })

const look = async (path: string): Promise<LogFile | undefined> => {
  const found = await lstat(path, { bigint: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined
    throw cause
  })
  if (found === undefined) return undefined
  if (!found.isFile()) throw new Error("it is not a regular file")
  return { inode: String(found.ino), size: Number(found.size), changed: Number(found.mtimeMs) }
}

const remove = (
  base: string,
  path: string,
  seen: Pick<LogFile, "inode" | "size">,
  inUse: ReadonlySet<string>
): boolean => {
  // A folder that was replaced by a link would lead elsewhere.
  if (realpathSync(dirname(path)) !== join(realpathSync(base), dirname(path).slice(base.length))) return false
  const found = lstatSync(path, { bigint: true })
  if (!found.isFile() || String(found.ino) !== seen.inode || Number(found.size) !== seen.size) return false
  unlinkSync(path)
  for (let folder = dirname(path); folder !== base; folder = dirname(folder)) {
    if ([...inUse].some((used) => used.startsWith(folder + sep))) break
    try {
      rmdirSync(folder)
    } catch {
      break // not empty as a rule
    }
  }
  return true
}
