/** sample: what a worker's process and its folders hold at one moment. */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync
} from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { setTimeout as delay } from "node:timers/promises"
import type { Point } from "./slope.ts"

/** One look; memory in MB. */
export interface Sample {
  /** Milliseconds since 1970, as the live heap's. */
  readonly at: number
  readonly rss: number
  /** What each descriptor is: a path, `socket`, `pipe`, … */
  readonly descriptors: ReadonlyArray<string>
  readonly jobFolders: number
  readonly logFiles: number
  /** Of the journal and of the list of the kept logs; undefined where they were written to while we looked. */
  readonly rows: number | undefined
}

const list = (folder: string) => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Every file below the folder. */
export const filesUnder = (folder: string): ReadonlyArray<string> => {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
  } catch {
    return []
  }
}

const residentOf = (pid: number) =>
  (Number(/^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) * 1024) /
  1e6

/** libuv's for all watches: made with the first, which a log may need late that is not told at once, and never closed. */
const once = "anon_inode:inotify"

/** One that is closed while we look is none. */
const descriptorsOf = (pid: number) => {
  const found = list(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${name}`).replace(/:\[\d+\]$/, "")]
    } catch {
      return []
    }
  })
  return found.filter((what, at) => what !== once || found.indexOf(what) !== at)
}

/** The worker holds the file for itself: a copy is looked at, and thrown away where it changed meanwhile. */
const rowsOf = (file: string, table: string, stateFolder: string, home: string): number | undefined => {
  const names = [file, `${file}-wal`].filter((name) => existsSync(join(stateFolder, name)))
  if (names.length === 0) return 0
  const read = () => Buffer.concat(names.map((name) => readFileSync(join(stateFolder, name))))
  const folder = mkdtempSync(join(home, "copy-"))
  try {
    const before = read()
    for (const name of names) copyFileSync(join(stateFolder, name), join(folder, name))
    if (!before.equals(read())) return undefined
    const copy = new DatabaseSync(join(folder, file))
    const count = copy.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.["count"]
    copy.close()
    return Number(count)
  } catch {
    return undefined
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Where to look. */
export interface Watched {
  readonly pid: number
  readonly home: string
  readonly stateFolder: string
}

export const jobFoldersOf = ({ stateFolder }: Watched): number => list(join(stateFolder, "jobs")).length

const rows = ({ home, stateFolder }: Watched) => {
  const journal = rowsOf("journal.db", "entry", stateFolder, home)
  const kept = rowsOf("logs.db", "log", stateFolder, home)
  return journal === undefined || kept === undefined ? undefined : journal + kept
}

/** What the process and its folders hold now. */
export const look = (watched: Watched): Sample => ({
  at: Date.now(),
  rss: residentOf(watched.pid),
  descriptors: descriptorsOf(watched.pid),
  jobFolders: jobFoldersOf(watched),
  logFiles: filesUnder(join(watched.home, "logs")).length,
  rows: rows(watched)
})

/** Looks for ten seconds, and takes the least of each: a heartbeat's connection comes and goes. */
export const lookLong = async (watched: Watched): Promise<Sample> => {
  let least = look(watched)
  for (let times = 0; times < 10; times++) {
    await delay(1_000)
    const next = look(watched)
    least = {
      ...next,
      descriptors: next.descriptors.length < least.descriptors.length ? next.descriptors : least.descriptors,
      rows: Math.min(next.rows ?? Number.POSITIVE_INFINITY, least.rows ?? Number.POSITIVE_INFINITY)
    }
  }
  return { ...least, rows: least.rows === Number.POSITIVE_INFINITY ? undefined : least.rows }
}

/** What `liveHeap.mjs` has written, in MB. */
export const heapsIn = (file: string): ReadonlyArray<Point> =>
  existsSync(file)
    ? readFileSync(file, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" ").map(Number))
        .map(([at = 0, bytes = 0]) => ({ at, value: bytes / 1e6 }))
    : []
