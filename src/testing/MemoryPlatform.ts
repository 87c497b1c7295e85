/** MemoryPlatform: a machine in memory: log files that a test can read and write, and a state folder that is none. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { FreeDisk } from "../platform/FreeDisk.ts"
import { type JournalEntry, JournalStore } from "../platform/JournalStore.ts"
import { LogFiles } from "../platform/LogFiles.ts"
import { LogFolder, UnsafeLogPath } from "../platform/LogFolder.ts"
import { StateFolder } from "../platform/StateFolder.ts"
import { MemoryFileTail } from "./MemoryFileTail.ts"

/** Notices land in the memory file, so that they are pushed like any other line. */
const logFolder = Layer.effect(
  LogFolder,
  Effect.map(MemoryFileTail, (files) =>
    LogFolder.of({
      resolve: (path, folder) =>
        path?.includes("..")
          ? Effect.fail(new UnsafeLogPath({ logPath: path, rule: 'it contains ".."' }))
          : Effect.succeed(path === null ? `${folder}/task.log` : `/logs/${path}`),
      substitute: (folder) => `${folder}/task.log`,
      notice: (file, { level, event }) => files.append(file, `${JSON.stringify({ level, event })}\n`)
    })
  )
)

const logFiles = Layer.effect(
  LogFiles,
  Effect.map(MemoryFileTail, (files) =>
    LogFiles.of({
      pathOf: (path) => (path.includes("..") ? undefined : `/logs/${path}`),
      isBelow: (path) => path.startsWith("/logs/"),
      look: files.look,
      remove: (path, seen, inUse) =>
        Effect.flatMap(files.look(path), (found) => {
          const same = Option.exists(found, ({ inode, size }) => inode === seen.inode && size === seen.size)
          return same && path.startsWith("/logs/") && !inUse.has(path)
            ? Effect.as(files.vanish(path), true)
            : Effect.succeed(false)
        })
    })
  )
)

const stateFolder = (nameBefore: "none" | "dead" | "unproved") =>
  Layer.succeed(
    StateFolder,
    StateFolder.of({
      path: "/state",
      jobs: "/state/jobs",
      predecessor: Option.none(),
      nameBefore,
      holdName: Effect.void,
      freeName: Effect.void,
      socketPath: "/state/socket",
      jobFolder: (id: string) => Effect.succeed(`/state/jobs/${id}`),
      removeJobFolder: () => Effect.void,
      sweep: () => Effect.void
    })
  )

/** The services of a machine, without one. */
export const MemoryPlatform = {
  /** Logs are `/logs/LOG_PATH`; read and write them through `MemoryFileTail`. */
  layer: (
    options: {
      readonly nameBefore?: "none" | "dead" | "unproved"
      readonly disk?: Map<string, JournalEntry>
      /** Bytes that are free on the disk below a folder; default: more than anybody needs. */
      readonly freeDisk?: (folder: string) => Effect.Effect<number | undefined>
    } = {}
  ) =>
    Layer.mergeAll(
      logFolder,
      logFiles,
      Layer.succeed(FreeDisk, { below: options.freeDisk ?? (() => Effect.succeed(2 ** 50)) }),
      JournalStore.layerMemory(options.disk),
      stateFolder(options.nameBefore ?? "none")
    )
}
