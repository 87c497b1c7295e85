/** What a soak's figures mean: which of them fail it, and from which growth on. */
import { describe, expect, it } from "vitest"
import type { Sample } from "../../bench/soak/sample.ts"
import { exceeds, floors, leastSquares, type Point } from "../../bench/soak/slope.ts"
import { failures, type Soaked, table } from "../../bench/soak/verdict.ts"
import { diceOf } from "../simulation/dice.ts"

const hour = 3_600_000

/** `growth` MB an hour below noise that only ever adds, every five seconds from `from` to `to` minutes. */
const grown = (growth: number, [from, to]: readonly [number, number], noise = 2): ReadonlyArray<Point> => {
  const dice = diceOf(7)
  const count = (to - from) * 12
  return Array.from({ length: count }, (_, step) => {
    const at = from * 60_000 + step * 5_000
    return { at, value: 25 + (growth * at) / hour + dice.next() * noise }
  })
}

const sample: Sample = {
  at: 0,
  rss: 100,
  descriptors: ["/dev/null", "pipe", "socket", "socket"],
  jobFolders: 0,
  logFiles: 0,
  rows: 2
}

const clean: Soaked = {
  minutes: 60,
  counts: {
    jobs: 36_000,
    lost: 0,
    "told wrongly": 0,
    "told twice": 0,
    "run twice": 0,
    "log bytes missing": 0,
    "log files left": 0,
    "left in the state folder": 0,
    "processes left": 0
  },
  exit: "0",
  warm: sample,
  end: sample,
  resident: grown(40, [30, 60]),
  heap: grown(0, [30, 60]),
  judgeHeap: true
}

describe("a slope", () => {
  it("is that of the line where all points lie on one", () => {
    const points = [0, 1, 2, 3].map((at) => ({ at: at * hour, value: 10 + 3 * at }))
    expect(leastSquares(points)).toEqual({ perHour: 3, error: 0 })
  })

  it("has the standard error of the textbook", () => {
    // Residuals -0.5, 1, -0.5 around a slope of 1.5; spread of the times 2.
    const points = [1, 4, 4].map((value, at) => ({ at: at * hour, value }))
    const found = leastSquares(points)
    expect(found?.perHour).toBeCloseTo(1.5, 12)
    expect(found?.error).toBeCloseTo(Math.sqrt(1.5 / 1 / 2), 12)
  })

  it("is unknown for two points, and for three of one moment", () => {
    const at = (time: number) => ({ at: time, value: time })
    expect(leastSquares([at(1), at(2)])).toBeUndefined()
    expect(leastSquares([at(1), at(1), at(1)])).toBeUndefined()
  })

  it("is too much only beyond two standard errors", () => {
    expect(exceeds({ perHour: 2.1, error: 0.5 }, 1)).toBe(true)
    expect(exceeds({ perHour: 2, error: 0.5 }, 1)).toBe(false)
    expect(exceeds({ perHour: -5, error: 0.1 }, 1)).toBe(false)
  })

  it("is taken from the least of each block", () => {
    const points = [5, 3, 4, 9, 8].map((value, at) => ({ at, value }))
    expect(floors(points, 3)).toEqual([
      { at: 1, value: 3 },
      { at: 4, value: 8 }
    ])
  })
})

describe("a soak", () => {
  it("passes where nothing is left and nothing grows", () => {
    expect(failures(clean)).toEqual([])
  })

  it.each(Object.keys(clean.counts).filter((what) => what !== "jobs"))("fails on one %s", (what) => {
    expect(failures({ ...clean, counts: { ...clean.counts, [what]: 1 } })).toEqual([`1 ${what}`])
  })

  it("fails on the worker's exit code, and on its signal", () => {
    expect(failures({ ...clean, exit: "1" })).toEqual(["the worker ended with 1"])
    expect(failures({ ...clean, exit: "SIGKILL" })).toEqual(["the worker ended with SIGKILL"])
  })

  it("fails on more descriptors than after the warm-up, and names them", () => {
    const end = { ...sample, descriptors: ["socket", "pipe", "socket", "socket", "/dev/null", "/a/log"] }
    expect(failures({ ...clean, end })).toEqual([
      "6 descriptors at the end, 4 after the warm-up; new: socket, /a/log"
    ])
    expect(failures({ ...clean, warm: end })).toEqual([])
  })

  it("fails on more rows than after the warm-up, and on a journal that it could not read", () => {
    expect(failures({ ...clean, end: { ...sample, rows: 3 } })).toEqual([
      "3 rows in the journal at the end, 2 after the warm-up"
    ])
    expect(failures({ ...clean, end: { ...sample, rows: 1 } })).toEqual([])
    expect(failures({ ...clean, end: { ...sample, rows: undefined } })).toEqual([
      "the journal could not be read at rest"
    ])
  })

  it("fails on a live heap that grows, from half an hour on", () => {
    const leak = { ...clean, heap: grown(4, [30, 60]) }
    expect(failures(leak)).toEqual([
      expect.stringMatching(/^the live heap grows by [34]\.\d+ ± 0\.\d+ MB an hour/)
    ])
    expect(failures({ ...leak, minutes: 30, heap: grown(4, [15, 30], 0.5) })).toHaveLength(1)
    expect(failures({ ...leak, minutes: 29 })).toEqual([])
    expect(failures({ ...leak, judgeHeap: false })).toEqual([])
    expect(failures({ ...clean, heap: grown(0.8, [30, 60]) })).toEqual([])
    expect(failures({ ...clean, heap: [] })).toEqual(["the live heap's slope is unknown"])
  })

  it("prints both slopes with their errors, and says where one is not judged", () => {
    const text = table({ ...clean, minutes: 10 })
    expect(text).toMatch(/slope of RSS in the second half \| \d\d\.\d\d ± \d\.\d\d MB an hour/)
    expect(text).toMatch(/slope of the live heap .* judged from 30 minutes on/)
    expect(table(clean)).not.toContain("judged")
  })
})
