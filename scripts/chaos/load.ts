/** load: Dag runs that go on while everything else breaks, each with the same small task. */
import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { eventually } from "../airflow/eventually.ts"
import type { Site } from "../airflow/site.ts"
import type { Random } from "./random.ts"

export const dag = "counting"
export const task = "counts"
/** How far each task counts. */
export const lines = 120

/** One Dag run of this chaos. */
export interface Counting {
  readonly id: string
  /** Where its ledger lies. */
  readonly folder: string
}

/** A line of the ledger. */
export interface Entry {
  readonly attempt: number
  readonly what: string
}

export const ledgerOf = ({ folder }: Counting): ReadonlyArray<Entry> => {
  const file = join(folder, "ledger")
  return (existsSync(file) ? readFileSync(file, "utf8") : "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" "))
    .map(([, , attempt, , what = ""]) => ({ attempt: Number(attempt), what }))
}

/** Starts runs until the time is over, no more at once than `most`. A restarted site's lost answer is asked again. */
export const keepRunning = async (
  options: {
    readonly site: Site
    readonly random: Random
    readonly folder: string
    readonly prefix: string
    readonly most: number
    readonly everyMillis: number
  },
  until: number
): Promise<ReadonlyArray<Counting>> => {
  const { everyMillis, folder, most, prefix, random, site } = options
  const runs: Array<Counting> = []
  const isOpen = (run: Counting) => !ledgerOf(run).some(({ what }) => what === "ends")
  while (Date.now() < until) {
    await delay(everyMillis)
    // A claim whose answer was lost stays open for a minute and more: it must not end the load.
    if (runs.slice(-3 * most).filter(isOpen).length >= most && runs.slice(-most).every(isOpen)) continue
    const id = `${prefix}-${runs.length + 1}`
    const run = { id, folder: join(folder, id) }
    mkdirSync(run.folder, { recursive: true })
    const conf = { folder: run.folder, lines, millis: Math.round(random.between(2, 60)) }
    const body = { dag_run_id: id, logical_date: null, conf }
    await eventually(
      `run ${id} is there`,
      async () => {
        try {
          await site.api.request("POST", `/api/v2/dags/${dag}/dagRuns`, body)
        } catch (error) {
          if (!String(error).includes(": 409 ")) throw error
        }
        return true
      },
      (there) => there,
      { seconds: 120, everyMillis: 500 }
    )
    runs.push(run)
  }
  return runs
}
