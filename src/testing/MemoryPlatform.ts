/** MemoryPlatform: a machine in memory: log files that a test can read and write, and a state folder that is none. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { FreeDisk } from "../platform/FreeDisk.ts"
import { type JournalEntry, JournalStore } from "../platform/JournalStore.ts"
import { type KeptLog, KeptLogs } from "../platform/KeptLogs.ts"
import { LogAppender } from "../platform/LogAppender.ts"
import { LogFiles } from "../platform/LogFiles.ts"
import { LogFolder, LogFolderRefused, UnsafeLogPath } from "../platform/LogFolder.ts"
import { JobFolderRefused, StateFolder } from "../platform/StateFolder.ts"
import { MemoryFileTail } from "./MemoryFileTail.ts"

/** Notices land in the memory file, so that they are pushed like any other line. */
const logFolder = (base: string, refusal: Effect.Effect<string | undefined>) =>
  Layer.effect(
    LogFolder,
    Effect.map(MemoryFileTail, (files) =>
      LogFolder.of({
        resolve: Effect.fnUntraced(function* (path, folder) {
          if (path === null) return `${folder}/task.log`
          if (path.includes(".."))
            return yield* new UnsafeLogPath({ logPath: path, rule: 'it contains ".."' })
          const reason = yield* refusal
          return reason === undefined ? `${base}/${path}` : yield* new LogFolderRefused({ reason })
        }),
        substitute: (folder) => `${folder}/task.log`,
        notice: (file, { level, event }) => files.append(file, `${JSON.stringify({ level, event })}\n`)
      })
    )
  )

const logAppender = Layer.effect(
  LogAppender,
  Effect.map(MemoryFileTail, (files) =>
    LogAppender.of({ open: (file) => Effect.succeed({ append: (lines) => files.append(file, lines) }) })
  )
)

const logFiles = (base: string) =>
  Layer.effect(
    LogFiles,
    Effect.map(MemoryFileTail, (files) =>
      LogFiles.of({
        pathOf: (path) => (path.includes("..") ? undefined : `${base}/${path}`),
        isBelow: (path) => path.startsWith(`${base}/`),
        look: files.look,
        remove: (path, seen, inUse) =>
          Effect.flatMap(files.look(path), (found) => {
            const same = Option.exists(found, ({ inode, size }) => inode === seen.inode && size === seen.size)
            return same && path.startsWith(`${base}/`) && !inUse.has(path)
              ? Effect.as(files.vanish(path), true)
              : Effect.succeed(false)
          })
      })
    )
  )

const stateFolder = (
  nameBefore: StateFolder["Service"]["nameBefore"],
  provedFor: number,
  noJobFolders: Effect.Effect<string | undefined>,
  notes: Array<"asked" | "held" | "freed">,
  sweeps: Array<ReadonlyArray<string>>
) =>
  Layer.succeed(
    StateFolder,
    StateFolder.of({
      path: "/state",
      jobs: "/state/jobs",
      predecessor: Option.none(),
      nameBefore,
      provedFor,
      askName: Effect.sync(() => void notes.push("asked")),
      holdName: Effect.sync(() => void notes.push("held")),
      freeName: Effect.sync(() => void notes.push("freed")),
      socketPath: "/state/socket",
      jobFolder: (id: string) =>
        Effect.flatMap(noJobFolders, (reason) =>
          reason === undefined
            ? Effect.succeed(`/state/jobs/${id}`)
            : Effect.fail(new JobFolderRefused({ reason }))
        ),
      removeJobFolder: () => Effect.void,
      sweep: (keep) => Effect.sync(() => void sweeps.push([...keep]))
    })
  )

/** The services of a machine, without one. */
export const MemoryPlatform = {
  /** Logs are `/logs/LOG_PATH`; read and write them through `MemoryFileTail`. */
  layer: (
    options: {
      readonly nameBefore?: StateFolder["Service"]["nameBefore"]
      /** In milliseconds; default: for ever. */
      readonly provedFor?: number
      /** The log folder; default `/logs`. */
      readonly logs?: string
      /** What is noted about the name, in order; the caller's array. */
      readonly nameNotes?: Array<"asked" | "held" | "freed">
      /** The job folders that each sweep was told to keep; the caller's array. */
      readonly sweeps?: Array<ReadonlyArray<string>>
      /** Why no job folder can be made now. */
      readonly noJobFolders?: Effect.Effect<string | undefined>
      /** Why no folder of a log can be made now. */
      readonly noLogFolders?: Effect.Effect<string | undefined>
      readonly disk?: Map<string, JournalEntry>
      readonly keptLogs?: Map<string, KeptLog>
      /** Bytes that are free on the disk below a folder; default: more than anybody needs. */
      readonly freeDisk?: (folder: string) => Effect.Effect<number | undefined>
    } = {}
  ) =>
    Layer.mergeAll(
      logFolder(options.logs ?? "/logs", options.noLogFolders ?? Effect.succeed(undefined)),
      logAppender,
      logFiles(options.logs ?? "/logs"),
      Layer.succeed(FreeDisk, { below: options.freeDisk ?? (() => Effect.succeed(2 ** 50)) }),
      JournalStore.layerMemory(options.disk),
      KeptLogs.layerMemory(options.keptLogs),
      stateFolder(
        options.nameBefore ?? "none",
        options.provedFor ?? Number.POSITIVE_INFINITY,
        options.noJobFolders ?? Effect.succeed(undefined),
        options.nameNotes ?? [],
        options.sweeps ?? []
      )
    )
}
