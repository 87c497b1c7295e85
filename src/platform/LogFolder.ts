/** LogFolder: where a job's log file lies, made sure of before anything is written there, and our own lines in it. */

import { isAbsolute, join, resolve } from "node:path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { type Calls, FileCalls } from "./FileCalls.ts"
import { isMachineFault } from "./MachineFault.ts"
import { openToAppend } from "./openToAppend.ts"

/** The site's `log_path` cannot be used on this machine. The job fails with this message in its log. */
export class UnsafeLogPath extends Schema.TaggedError<UnsafeLogPath>()("UnsafeLogPath", {
  logPath: Schema.String,
  /** Which rule it breaks, or what the system said. */
  rule: Schema.String
}) {
  override get message() {
    const shown = JSON.stringify(this.logPath.slice(0, 300))
    return `The job's log path ${shown} is not used: ${this.rule}. Check [logging] log_filename_template of the site and base_log_folder of this worker.`
  }
}

/** The folders of a log file cannot be made now, whatever it is called: the disk is full, broken, read-only or away. */
export class LogFolderRefused extends Schema.TaggedError<LogFolderRefused>()("LogFolderRefused", {
  reason: Schema.String
}) {
  override get message() {
    return `the folder of its log cannot be made: ${this.reason}`
  }
}

/** A line of our own for a task's log. */
export interface Notice {
  readonly level: "debug" | "info" | "warning" | "error" | "critical"
  readonly event: string
  /** Default: `edge-worker`. */
  readonly logger?: string | undefined
}

/** The name of the log file where the site gave none, or one that is not safe. */
export const substituteName = "task.log"

/** Linux' NAME_MAX and PATH_MAX (with its NUL), in bytes. */
const longestName = 255
const longestPath = 4095
/** The default of `[logging] file_task_handler_new_folder_permissions`. */
const folderPermissions = 0o775

/** The parts of a relative path, or the rule that it breaks. Pure: links are looked for on the disk. */
export const logPathParts = (logPath: string): ReadonlyArray<string> | string => {
  if (logPath.includes("\0")) return "it contains a NUL character"
  if (!logPath.isWellFormed()) return "it is not valid Unicode"
  if (isAbsolute(logPath)) return "it is absolute"
  if (logPath === "" || logPath.endsWith("/")) return "it names no file"
  const parts = logPath.split("/").filter((part) => part !== "" && part !== ".")
  if (parts.includes("..")) return 'it contains ".."'
  if (parts.length === 0 || logPath.endsWith("/.")) return "it names no file"
  if (parts.some((part) => Buffer.byteLength(part) > longestName)) {
    return `one of its names is longer than ${longestName} bytes`
  }
  return parts
}

/** Finds, prepares and annotates the log files of jobs. */
export class LogFolder extends Context.Service<
  LogFolder,
  {
    /**
     * The absolute path of the log file under `[logging] base_log_folder`; its folders exist afterwards. `null` gives
     * the substitute in the claim's own folder. Below the base nothing may be a symbolic link, `..` or absolute.
     */
    readonly resolve: (
      logPath: string | null,
      claimFolder: string
    ) => Effect.Effect<string, UnsafeLogPath | LogFolderRefused>
    /** The log file in the claim's own folder, for a job whose path cannot be used. */
    readonly substitute: (claimFolder: string) => string
    /**
     * Appends one line as Airflow's task logs have them (JSON with timestamp, level, event, logger), in one write.
     * An error is logged by the worker: a notice must not decide what becomes of a job.
     */
    readonly notice: (file: string, notice: Notice) => Effect.Effect<void>
  }
>()("edge-worker/platform/LogFolder") {
  static readonly layer = Layer.effect(
    LogFolder,
    Effect.gen(function* () {
      const settings = yield* EdgeConfig
      const calls = yield* FileCalls
      const base = resolve(settings.baseLogFolder)
      const permissions = settings.logFolderPermissions ?? folderPermissions
      const substitute = (claimFolder: string) => join(claimFolder, substituteName)
      return LogFolder.of({
        substitute,
        resolve: (logPath, claimFolder) => {
          if (logPath === null) return Effect.succeed(substitute(claimFolder))
          const fail = (rule: string) => new UnsafeLogPath({ logPath, rule })
          const parts = logPathParts(logPath)
          if (typeof parts === "string") return Effect.fail(fail(parts))
          if (Buffer.byteLength(join(base, ...parts)) > longestPath) {
            return Effect.fail(fail(`under ${base} it is longer than ${longestPath} bytes`))
          }
          return Effect.tryPromise({
            // The operator's own choice, may be a link. Where it cannot be made, no job's log can be written.
            try: () => calls.makeFolders(base, permissions),
            catch: refusal
          }).pipe(
            Effect.andThen(
              Effect.tryPromise({
                try: () => prepare(calls, base, parts, permissions),
                catch: (cause) => (isMachineFault(cause) ? refusal(cause) : fail(reasonOf(cause)))
              })
            )
          )
        },
        notice: Effect.fnUntraced(
          function* (file: string, notice: Notice) {
            const timestamp = new Date(yield* Clock.currentTimeMillis).toISOString().replace("Z", "000Z")
            const { level, event, logger = "edge-worker" } = notice
            const line = `${JSON.stringify({ timestamp, level, event, logger })}\n`
            yield* Effect.tryPromise(() => append(calls, file, line))
          },
          (effect, file) =>
            Effect.catch(effect, (error) =>
              Effect.logWarning(`no notice could be written to ${file}`, error.cause)
            )
        )
      })
    })
  )
}

const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))
const refusal = (cause: unknown) => new LogFolderRefused({ reason: reasonOf(cause) })

/** Looks at the folders one by one, and makes those that are missing, so that none can be a link. */
const prepare = async (
  calls: Calls,
  base: string,
  parts: ReadonlyArray<string>,
  mode: number
): Promise<string> => {
  let path = base
  /** So is all below it. */
  let isNew = false
  for (const part of parts.slice(0, -1)) {
    path = join(path, part)
    let folder = isNew ? undefined : await calls.look(path)
    if (folder === undefined) {
      isNew = await calls.makeFolder(path, mode)
      if (isNew) continue
      // Somebody else has made it meanwhile.
      folder = await calls.look(path)
    }
    if (folder?.isSymbolicLink()) throw new Error(`it leads through the symbolic link ${path}`)
    if (!folder?.isDirectory()) throw new Error(`${path} is not a folder`)
  }
  path = join(base, ...parts)
  const file = isNew ? undefined : await calls.look(path)
  if (file?.isSymbolicLink()) throw new Error(`${path} is a symbolic link`)
  if (file !== undefined && !file.isFile()) throw new Error(`${path} is not a regular file`)
  return path
}

const append = async (calls: Calls, file: string, line: string): Promise<void> => {
  const { fd, torn } = await openToAppend(calls, file)
  try {
    await calls.write(fd, Buffer.from(torn ? `\n${line}` : line)) // ours must stand alone
  } finally {
    await calls.close(fd)
  }
}
