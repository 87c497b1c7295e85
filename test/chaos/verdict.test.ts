/** What a chaos counts as missing, doubled, lost or wrong. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { dag, lines, task } from "../../scripts/chaos/load.ts"
import { compareLogs } from "../../scripts/chaos/logCopies.ts"
import { type Evidence, judge, type Verdict } from "../../scripts/chaos/verdict.ts"

const log = (from: number, to: number, attempt = 1) =>
  Array.from({ length: to - from + 1 }, (_, index) => {
    const at = new Date(1_790_000_000_000 + (from + index) * 7).toISOString()
    return `{"timestamp":"${at}","level":"info","event":"line ${from + index} of try ${attempt} é","logger":"task.stdout"}\n`
  }).join("")

describe("compareLogs", () => {
  const whole = log(1, 50)
  test("the same text has no difference", () => {
    expect(compareLogs(whole, whole)).toEqual({ missing: 0, extra: 0, copies: 0, foreign: 0 })
  })
  test("a chunk that came twice is one copy of so many characters, wherever it is cut", () => {
    for (const [from, to] of [
      [0, 500],
      [130, 777],
      [4000, whole.length]
    ] as const) {
      const text = whole.slice(0, to) + whole.slice(from, to) + whole.slice(to)
      expect(compareLogs(whole, text)).toEqual({ missing: 0, extra: to - from, copies: 1, foreign: 0 })
    }
  })
  test("a first line that came three times is two copies", () => {
    const first = whole.slice(0, whole.indexOf("\n") + 1)
    expect(first.length).toBeLessThan(160)
    expect(compareLogs(whole, first + first + whole)).toEqual({
      missing: 0,
      extra: 2 * first.length,
      copies: 2,
      foreign: 0
    })
  })
  test("a chunk that a slow network delivers behind later ones is one copy, and nothing is missing", () => {
    for (const [from, to, behind] of [
      [500, 900, 3000],
      [130, 777, 4000]
    ] as const) {
      const text = whole.slice(0, behind) + whole.slice(from, to) + whole.slice(behind)
      expect(compareLogs(whole, text)).toEqual({ missing: 0, extra: to - from, copies: 1, foreign: 0 })
    }
  })
  test("a chunk that comes late for the first time is neither missing nor a copy", () => {
    const text = whole.slice(0, 500) + whole.slice(900, 3000) + whole.slice(500, 900) + whole.slice(3000)
    expect(compareLogs(whole, text)).toEqual({ missing: 0, extra: 0, copies: 0, foreign: 0 })
  })
  test("a chunk that never came is missing, at the end too", () => {
    expect(compareLogs(whole, whole.slice(0, 700) + whole.slice(1500))).toMatchObject({
      missing: 800,
      copies: 0
    })
    expect(compareLogs(whole, whole.slice(0, 700))).toMatchObject({ missing: whole.length - 700 })
    expect(compareLogs(whole, "")).toMatchObject({ missing: whole.length })
  })
  test("what is nowhere in the original is foreign", () => {
    expect(compareLogs(whole, `${whole.slice(0, 700)}#${whole.slice(700)}`)).toMatchObject({
      missing: 0,
      foreign: 1
    })
  })
})

describe("judge", () => {
  const base = mkdtempSync(join(tmpdir(), "chaos-verdict-"))
  afterAll(() => rmSync(base, { recursive: true }))
  let number = 0
  const evidence = (change: Partial<Evidence> = {}, site = log(1, lines)): [Evidence, Verdict] => {
    const run = { id: `run-${++number}`, folder: "" }
    for (const [side, text] of [
      ["worker", log(1, lines)],
      ["site", site]
    ] as const) {
      const folder = join(base, side, `dag_id=${dag}`, `run_id=${run.id}`, `task_id=${task}`)
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, "attempt=1.log"), text)
    }
    const one = {
      run,
      state: "success",
      instances: [instance("success")],
      jobs: [job("success")],
      ledger: [
        { attempt: 1, what: "begins" },
        { attempt: 1, what: "ends" }
      ],
      ...change
    }
    return [one, judge([one], join(base, "site"), join(base, "worker"))]
  }
  const instance = (state: string) => ({
    ...{ task_id: task, map_index: -1, try_number: 1, hostname: null, pool_slots: 1, start_date: null },
    end_date: null,
    state
  })
  const job = (state: string) => ({
    ...{ dag_id: dag, task_id: task, run_id: "", map_index: -1, try_number: 1, queue: "default" },
    ...{ queued_dttm: null, edge_worker: null, last_update: null },
    state
  })
  const counts = ([, verdict]: [Evidence, Verdict]) => ({
    lost: verdict.lost.length,
    twice: verdict.twice.length,
    wrong: verdict.wrong.length,
    missing: verdict.missing.length
  })
  const good = { lost: 0, twice: 0, wrong: 0, missing: 0 }

  test("a run as it should be breaks nothing", () => {
    expect(counts(evidence())).toEqual(good)
  })
  test("a run or a job without an end is lost, and so is a run without a job", () => {
    expect(counts(evidence({ state: "running" }))).toEqual({ ...good, lost: 1 })
    expect(counts(evidence({ jobs: [job("running")] }))).toEqual({ ...good, lost: 1 })
    expect(counts(evidence({ jobs: [] }))).toEqual({ ...good, lost: 1 })
  })
  test("a try that ended twice has run twice", () => {
    const ledger = ["begins", "ends", "begins", "ends"].map((what) => ({ attempt: 1, what }))
    expect(counts(evidence({ ledger }))).toEqual({ ...good, twice: 1 })
  })
  test("a job or a task whose state is not what happened is wrong", () => {
    expect(counts(evidence({ jobs: [job("failed")] }))).toEqual({ ...good, wrong: 1 })
    expect(counts(evidence({ instances: [instance("failed")] }))).toEqual({ ...good, wrong: 1 })
    expect(counts(evidence({ ledger: [] }))).toEqual({ ...good, wrong: 2 })
  })
  test("a line that the site does not have is missing, a chunk that it has twice is a copy", () => {
    expect(counts(evidence({}, log(1, 40) + log(42, lines)))).toEqual({ ...good, missing: 1 })
    const [, verdict] = evidence({}, log(1, 40) + log(31, lines))
    expect([verdict.missing.length, verdict.copies.length, verdict.missingLines]).toEqual([0, 1, 0])
  })
})
