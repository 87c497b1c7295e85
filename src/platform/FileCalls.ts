/**
 * FileCalls: the few system calls that the log of a running job takes, at once where its disk is this machine's own.
 *
 * Handed to another thread each of them costs several times what the system takes for it; a network file system may take
 * its time with any of them, and must not hold up the worker's heartbeat.
 */
import * as fs from "node:fs"
import { dirname } from "node:path"
import { promisify } from "node:util"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { isLocal } from "./isLocal.ts"
import { makeFolders, makeFoldersLater } from "./makeFolders.ts"

/** System calls; each rejects with the system's error. A number is a file descriptor, which the caller closes. */
export interface Calls {
  readonly open: (path: string, flags: number, mode?: number) => Promise<number>
  readonly close: (fd: number) => Promise<void>
  readonly stat: (fd: number) => Promise<fs.BigIntStats>
  /** What is under the path, a link itself; undefined where there is nothing. */
  readonly look: (path: string) => Promise<fs.BigIntStats | undefined>
  /** At most as much as the buffer takes; gives how many bytes there were. */
  readonly read: (fd: number, buffer: Uint8Array, from: number) => Promise<number>
  /** At the file's end where it was opened to append; gives how many bytes the system took. */
  readonly write: (fd: number, bytes: Uint8Array) => Promise<number>
  /** False: there was something under the path. */
  readonly makeFolder: (path: string, mode: number) => Promise<boolean>
  /** With all folders above it. */
  readonly makeFolders: (path: string, mode: number) => Promise<void>
}

const hasCode = (cause: unknown, code: string) =>
  cause instanceof Error && "code" in cause && cause.code === code

const otherwise =
  <A>(code: string, value: A) =>
  (cause: unknown): A => {
    if (hasCode(cause, code)) return value
    throw cause
  }

const openLater = promisify(fs.open)
const readLater = promisify(fs.read)
const writeLater = promisify(fs.write)
const statLater = promisify(fs.fstat)

/** Each call on one of libuv's threads. */
export const onThreads: Calls = {
  open: (path, flags, mode) => openLater(path, flags, mode),
  close: promisify(fs.close),
  stat: (fd) => statLater(fd, { bigint: true }),
  look: (path) => fs.promises.lstat(path, { bigint: true }).catch(otherwise("ENOENT", undefined)),
  read: async (fd, buffer, from) => (await readLater(fd, buffer, 0, buffer.length, from)).bytesRead,
  write: async (fd, bytes) => (await writeLater(fd, bytes)).bytesWritten,
  makeFolder: (path, mode) => fs.promises.mkdir(path, { mode }).then(() => true, otherwise("EEXIST", false)),
  makeFolders: makeFoldersLater
}

/** Each call on the worker's own thread. */
export const atOnce: Calls = {
  open: async (path, flags, mode) => fs.openSync(path, flags, mode),
  close: async (fd) => fs.closeSync(fd),
  stat: async (fd) => fs.fstatSync(fd, { bigint: true }),
  look: async (path) => fs.lstatSync(path, { bigint: true, throwIfNoEntry: false }),
  read: async (fd, buffer, from) => fs.readSync(fd, buffer, 0, buffer.length, from),
  write: async (fd, bytes) => fs.writeSync(fd, bytes),
  makeFolder: async (path, mode) => {
    try {
      fs.mkdirSync(path, { mode })
      return true
    } catch (cause) {
      return otherwise("EEXIST", false)(cause)
    }
  },
  makeFolders: async (path, mode) => makeFolders(path, mode)
}

const nearest = (path: string): string =>
  fs.existsSync(path) || dirname(path) === path ? path : nearest(dirname(path))

/** The calls for logs. On threads unless a layer knows better. */
export const FileCalls = Context.Reference<Calls>("edge-worker/platform/FileCalls", {
  defaultValue: () => onThreads
})

/** By where `[logging] base_log_folder` lies when the worker starts. */
export const layer: Layer.Layer<never, never, EdgeConfig> = Layer.effect(
  FileCalls,
  Effect.map(EdgeConfig, ({ baseLogFolder }) => (isLocal(nearest(baseLogFolder)) ? atOnce : onThreads))
)
