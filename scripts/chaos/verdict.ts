/** verdict: what became of every job, as the site, the tasks' own ledger and both log files tell. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { EdgeJob, TaskInstance } from "../airflow/api.ts"
import { type Counting, dag, type Entry, lines, task } from "./load.ts"
import { compareLogs } from "./logCopies.ts"

/** All that is known of one run. */
export interface Evidence {
  readonly run: Counting
  readonly state: string
  readonly instances: ReadonlyArray<TaskInstance>
  readonly jobs: ReadonlyArray<EdgeJob>
  readonly ledger: ReadonlyArray<Entry>
}

export interface Verdict {
  readonly jobs: number
  readonly lost: ReadonlyArray<string>
  readonly twice: ReadonlyArray<string>
  readonly wrong: ReadonlyArray<string>
  readonly missing: ReadonlyArray<string>
  readonly missingBytes: number
  readonly missingLines: number
  readonly copies: ReadonlyArray<string>
  readonly extraBytes: number
  /** Tries that began and did not come to their end. */
  readonly cutShort: ReadonlyArray<string>
  /** Jobs that were reported failed, or removed, and whose task never began; with the last line of their log. */
  readonly neverBegan: ReadonlyArray<string>
  readonly tries: number
}

const isFinal = (state: string | null) => state !== null && ["success", "failed", "removed"].includes(state)

const logOf = (folder: string, run: Counting, attempt: number): string => {
  const file = join(folder, `dag_id=${dag}`, `run_id=${run.id}`, `task_id=${task}`, `attempt=${attempt}.log`)
  return existsSync(file) ? readFileSync(file, "utf8") : ""
}

const numbersIn = (log: string, attempt: number) =>
  new Set(
    [...log.matchAll(/line (\d+) of try (\d+) /g)]
      .filter(([, , of]) => Number(of) === attempt)
      .map(([, line]) => Number(line))
  )

export const judge = (all: ReadonlyArray<Evidence>, siteLogs: string, workerLogs: string): Verdict => {
  const lost: Array<string> = []
  const twice: Array<string> = []
  const wrong: Array<string> = []
  const missing: Array<string> = []
  const copies: Array<string> = []
  const cutShort: Array<string> = []
  const neverBegan: Array<string> = []
  let [jobs, tries, missingBytes, missingLines, extraBytes] = [0, 0, 0, 0, 0]
  for (const { instances, jobs: rows, ledger, run, state } of all) {
    jobs += rows.length
    const count = (attempt: number, what: string) =>
      ledger.filter((entry) => entry.attempt === attempt && entry.what === what).length
    if (!isFinal(state)) lost.push(`${run.id} is ${state}`)
    if (rows.length === 0) lost.push(`${run.id} has no job`)
    for (const row of rows) {
      const name = `${run.id} try ${row.try_number}`
      const [began, ended] = [count(row.try_number, "begins"), count(row.try_number, "ends")]
      if (!isFinal(row.state)) lost.push(`${name}: its job is ${row.state}`)
      else if (ended > 0 && row.state !== "success") wrong.push(`${name} ended, its job is ${row.state}`)
      else if (began === 0 && row.state === "success") wrong.push(`${name} never began, its job is success`)
      else if (began === 0) {
        const last = logOf(siteLogs, run, row.try_number).trimEnd().split("\n").at(-1)
        neverBegan.push(`${name}: its job is ${row.state}: ${last}`)
      }
    }
    for (const instance of instances) {
      const name = `${run.id} try ${instance.try_number}`
      const ended = count(instance.try_number, "ends")
      if (instance.state === "success" && ended === 0)
        wrong.push(`${name} has not ended, Airflow has success`)
      if (instance.state === "failed" && ended > 0) wrong.push(`${name} has ended, Airflow has failed`)
    }
    for (const attempt of new Set(ledger.map((entry) => entry.attempt))) {
      tries++
      const name = `${run.id} try ${attempt}`
      const ended = count(attempt, "ends")
      if (ended > 1) twice.push(`${name} ended ${ended} times`)
      const here = logOf(workerLogs, run, attempt)
      const there = logOf(siteLogs, run, attempt)
      if (ended === 0) cutShort.push(`${name}: ${there.trimEnd().split("\n").at(-1)}`)
      const seen = numbersIn(there, attempt)
      const expected = ended > 0 ? lines : numbersIn(here, attempt).size
      const difference = compareLogs(here, there)
      if (seen.size < expected || difference.missing > 0 || difference.foreign > 0)
        missing.push(`${name}: ${seen.size} of ${expected} lines, ${JSON.stringify(difference)}`)
      missingLines += expected - seen.size
      missingBytes += difference.missing
      extraBytes += difference.extra
      for (let copy = 0; copy < difference.copies; copy++) copies.push(name)
    }
  }
  return {
    jobs,
    lost,
    twice,
    wrong,
    missing,
    missingBytes,
    missingLines,
    copies,
    extraBytes,
    cutShort,
    neverBegan,
    tries
  }
}
