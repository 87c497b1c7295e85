/** soakFigures: what a worker's process holds at one moment, and what many such moments say. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

/** One look; memory in MiB. */
export interface Sample {
  /** Milliseconds. */
  readonly at: number
  readonly rss: number
  readonly pss: number
  /** What was alive at the last collection; undefined without `--live`. */
  readonly heap: number | undefined
  readonly descriptors: number
  readonly jobFolders: number
  readonly logFiles: number
  /** Of the journal; undefined where it was written to while we looked. */
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

const kilobytes = (text: string, key: string) =>
  Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0)

/** The worker holds the file for itself: a copy is looked at, and thrown away where it changed meanwhile. */
const rowsOf = (stateFolder: string, home: string): number | undefined => {
  const names = ["journal.db", "journal.db-wal"].filter((name) => existsSync(join(stateFolder, name)))
  const read = () => Buffer.concat(names.map((name) => readFileSync(join(stateFolder, name))))
  const folder = mkdtempSync(join(home, "copy-"))
  try {
    const before = read()
    for (const name of names) copyFileSync(join(stateFolder, name), join(folder, name))
    if (!before.equals(read())) return undefined
    const copy = new DatabaseSync(join(folder, "journal.db"))
    const count = copy.prepare("SELECT count(*) AS count FROM entry").get()?.["count"]
    copy.close()
    return Number(count)
  } catch {
    return undefined
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What the process and its folders hold now. */
export const look = (pid: number, home: string, stateFolder: string, heapFile: string): Sample => {
  const memory = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")
  return {
    at: performance.now(),
    rss: kilobytes(memory, "Rss") / 1024,
    pss: kilobytes(memory, "Pss") / 1024,
    heap: existsSync(heapFile) ? Number(readFileSync(heapFile, "utf8")) / 2 ** 20 : undefined,
    descriptors: list(`/proc/${pid}/fd`).length,
    jobFolders: list(join(stateFolder, "jobs")).length,
    logFiles: filesUnder(join(home, "logs")).length,
    rows: rowsOf(stateFolder, home)
  }
}

/** Least squares. */
export const slopePerHour = (samples: ReadonlyArray<Sample>, value: (sample: Sample) => number): number => {
  const mean = (values: ReadonlyArray<number>) => values.reduce((sum, one) => sum + one, 0) / values.length
  const time = mean(samples.map(({ at }) => at))
  const level = mean(samples.map(value))
  const covariance = mean(samples.map((one) => (one.at - time) * (value(one) - level)))
  const variance = mean(samples.map(({ at }) => (at - time) ** 2))
  return (covariance / variance) * 3_600_000
}

/** The figures as a table in Markdown. */
export const table = (
  figures: Readonly<Record<string, number | string>>,
  half: Sample,
  end: Sample,
  secondHalf: ReadonlyArray<Sample>
): string => {
  const both = (what: string, value: (sample: Sample) => number | undefined) =>
    [
      what,
      `${value(half) ?? "unknown"} after half, ${value(end) ?? "unknown"} at the end, ` +
        `at most ${Math.max(...secondHalf.map((one) => value(one) ?? 0))} in the second half`
    ] as const
  const slope = (value: (sample: Sample) => number) =>
    `${slopePerHour(secondHalf, value).toFixed(1)} MiB an hour`
  const rows = [
    ...Object.entries(figures),
    both("RSS in MiB", ({ rss }) => Math.round(rss * 10) / 10),
    both("PSS in MiB", ({ pss }) => Math.round(pss * 10) / 10),
    ["slope of RSS in the second half", slope(({ rss }) => rss)] as const,
    ["slope of PSS in the second half", slope(({ pss }) => pss)] as const,
    ...(end.heap === undefined
      ? []
      : [
          both("live heap in MiB", ({ heap }) => Math.round((heap ?? 0) * 10) / 10),
          ["slope of the live heap in the second half", slope(({ heap }) => heap ?? 0)] as const
        ]),
    both("descriptors", ({ descriptors }) => descriptors),
    both("rows of the journal", ({ rows }) => rows),
    both("job folders", ({ jobFolders }) => jobFolders),
    both("log files", ({ logFiles }) => logFiles)
  ]
  return `| what | figure |\n| --- | --- |\n${rows.map(([what, figure]) => `| ${what} | ${figure} |`).join("\n")}\n`
}
