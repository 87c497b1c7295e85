/** site: the real Airflow of the suite, its Dag runs and log files, with every run given up that a test leaves behind. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { inject, onTestFinished } from "vitest"
import type { EdgeJob, Run, TaskInstance } from "../../scripts/airflow/api.ts"
import { eventually, type Patience } from "../../scripts/airflow/eventually.ts"
import { find, type Site } from "../../scripts/airflow/site.ts"
import { logText } from "./logText.ts"

const findSite = (): Site => {
  const site = find(inject("siteFolder"))
  if (site === undefined) throw new Error(`no site runs in ${inject("siteFolder")}`)
  return site
}

/** The site of the suite. */
export const site = findSite()

/** One try of one task, as the name of its log file needs it. */
export interface Try {
  readonly task: string
  readonly try?: number
  readonly map?: number
}

const logPath = (folder: string, run: Run, { task, try: attempt = 1, map = -1 }: Try): string =>
  join(
    folder,
    `dag_id=${run.dag}`,
    `run_id=${run.id}`,
    `task_id=${task}`,
    ...(map >= 0 ? [`map_index=${map}`] : []),
    `attempt=${attempt}.log`
  )

const bytesOf = (path: string): Buffer => (existsSync(path) ? readFileSync(path) : Buffer.alloc(0))

/** Starts a Dag run; what is left of it when the test has ended is given up. */
export const trigger = async (dag: string, conf: Record<string, string | number> = {}): Promise<Run> => {
  const run = await site.api.trigger(dag, conf)
  onTestFinished(() => site.api.giveUp(run))
  return run
}

/** The log of a try as the site has it. */
export const siteLog = (run: Run, which: Try): string =>
  bytesOf(logPath(join(site.folder, "home", "logs"), run, which)).toString("utf8")

/** The log of a try as a worker wrote it. */
export const workerLog = (logFolder: string, run: Run, which: Try): Buffer =>
  bytesOf(logPath(logFolder, run, which))

/** Waits until the site's file is the worker's after the stated function; fails with the first difference. */
export const sameLog = async (
  logFolder: string,
  run: Run,
  which: Try,
  patience: Patience = { seconds: 20 }
) => {
  const difference = () => {
    const wanted = logText(workerLog(logFolder, run, which))
    const got = siteLog(run, which)
    if (wanted === "") return "the worker has no log"
    if (wanted === got) return "none"
    let at = 0
    while (at < wanted.length && wanted[at] === got[at]) at++
    const near = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 60), at + 100))
    return `${got.length} characters instead of ${wanted.length}, differ at ${at}: ${near(got)} instead of ${near(wanted)}`
  }
  await eventually(`the log of ${which.task} on the site`, difference, (seen) => seen === "none", patience)
  return siteLog(run, which)
}

/** Waits until each of the run's jobs, so many of them, is settled as success. */
export const jobsSucceed = (run: Run, count: number): Promise<ReadonlyArray<EdgeJob>> =>
  eventually(
    `${count} jobs of ${run.dag} end as success`,
    () => site.api.jobs({ run: run.id, dag: run.dag }),
    (jobs) => jobs.length === count && jobs.every((job) => job.state === "success"),
    { seconds: 30 }
  )

/** The most slots that the task instances held at once, by the start and end that the site has of them. */
export const slotsHeldAtOnce = (instances: ReadonlyArray<TaskInstance>): number => {
  const changes = instances.flatMap((instance) =>
    instance.start_date === null || instance.end_date === null
      ? []
      : [
          { at: Date.parse(instance.start_date), slots: instance.pool_slots },
          { at: Date.parse(instance.end_date), slots: -instance.pool_slots }
        ]
  )
  changes.sort((a, b) => a.at - b.at || a.slots - b.slots)
  let held = 0
  return changes.reduce((most, change) => {
    held += change.slots
    return Math.max(most, held)
  }, 0)
}
