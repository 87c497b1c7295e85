/** verdict: what a soak's figures mean: what has failed, and the table of it. */
import type { Sample } from "./sample.ts"
import { exceeds, floors, leastSquares, type Point, type Slope } from "./slope.ts"

/** What must be none, and the rest of what is counted. */
export type Counts = Readonly<Record<(typeof none)[number], number>> & { readonly jobs: number }

const none = [
  "lost",
  "told wrongly",
  "told twice",
  "run twice",
  "log bytes missing",
  "log files left",
  "left in the state folder",
  "processes left"
] as const

/** A soak that is over. Only what was seen in the second half is in the lists. */
export interface Soaked {
  readonly minutes: number
  readonly counts: Counts
  readonly exit: string
  readonly warm: Sample
  readonly end: Sample
  readonly resident: ReadonlyArray<Point>
  /** Without those of the outage. */
  readonly heap: ReadonlyArray<Point>
  /** False where the worker collects when it wants to. */
  readonly judgeHeap: boolean
}

/** In a shorter run what V8 learns of the program still outweighs what a leak would take. */
const leastMinutes = 30
/** In MB an hour. */
const mostGrowth = 1

/** Thirty blocks of the second half: a minute each in an hour's run. */
const slopeOf = (minutes: number, points: ReadonlyArray<Point>): Slope | undefined =>
  leastSquares(floors(points, (minutes * 60_000) / 2 / 30))

const rounded = (value: number) => Math.round(value * 10) / 10

const shown = (slope: Slope | undefined) =>
  slope === undefined
    ? "unknown: too few samples"
    : `${slope.perHour.toFixed(2)} ± ${slope.error.toFixed(2)} MB an hour (one standard error)`

/** Descriptors of the end that were not there after the warm-up. */
const newOnes = (warm: ReadonlyArray<string>, end: ReadonlyArray<string>) => {
  const left = [...warm]
  return end.filter((one) => {
    const at = left.indexOf(one)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

const growth = (soaked: Soaked): ReadonlyArray<string> => {
  if (soaked.minutes < leastMinutes || !soaked.judgeHeap) return []
  const slope = slopeOf(soaked.minutes, soaked.heap)
  if (slope === undefined) return ["the live heap's slope is unknown"]
  return exceeds(slope, mostGrowth)
    ? [`the live heap grows by ${shown(slope)}, which is more than ${mostGrowth} beyond doubt`]
    : []
}

/** A sentence for each thing that must not be. */
export const failures = (soaked: Soaked): ReadonlyArray<string> => {
  const { counts, end, exit, warm } = soaked
  return [
    ...none.filter((what) => counts[what] > 0).map((what) => `${counts[what]} ${what}`),
    ...(exit === "0" ? [] : [`the worker ended with ${exit}`]),
    ...(end.descriptors.length <= warm.descriptors.length
      ? []
      : [
          `${end.descriptors.length} descriptors at the end, ${warm.descriptors.length} after the warm-up; ` +
            `new: ${newOnes(warm.descriptors, end.descriptors).join(", ")}`
        ]),
    ...(end.rows === undefined || warm.rows === undefined
      ? ["the journal could not be read at rest"]
      : end.rows <= warm.rows
        ? []
        : [`${end.rows} rows in the journal at the end, ${warm.rows} after the warm-up`]),
    ...growth(soaked)
  ]
}

/** The figures as a table in Markdown. */
export const table = (soaked: Soaked): string => {
  const { counts, end, exit, heap, minutes, resident, warm } = soaked
  const both = (what: string, value: (sample: Sample) => number | undefined) => [
    what,
    `${value(warm) ?? "unknown"} after the warm-up, ${value(end) ?? "unknown"} at the end`
  ]
  const judged = minutes < leastMinutes ? `, judged from ${leastMinutes} minutes on` : ""
  const rows = [
    ...Object.entries(counts),
    ["exit code of the worker", exit],
    both("descriptors", ({ descriptors }) => descriptors.length),
    both("rows of the journal", ({ rows }) => rows),
    both("job folders", ({ jobFolders }) => jobFolders),
    both("log files", ({ logFiles }) => logFiles),
    both("RSS in MB", ({ rss }) => rounded(rss)),
    ["slope of RSS in the second half", shown(slopeOf(minutes, resident))],
    ["live heap in MB at the end", heap.length === 0 ? "unknown" : rounded(heap.at(-1)?.value ?? 0)],
    ["slope of the live heap in the second half", `${shown(slopeOf(minutes, heap))}${judged}`]
  ]
  return `| what | figure |\n| --- | --- |\n${rows.map(([what, figure]) => `| ${what} | ${figure} |`).join("\n")}\n`
}
