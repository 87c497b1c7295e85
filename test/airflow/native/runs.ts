/** runs: what the native tests ask the site about a run. */
import type { Run, TaskInstance } from "../../../scripts/airflow/api.ts"
import { eventually } from "../../../scripts/airflow/eventually.ts"
import { site, siteLog } from "../site.ts"
import { startWorker } from "../worker.ts"

/** For the Python tasks around ours. */
export const startPython = () => startWorker({ queues: ["default"] })

/** Finds the task instances of a run. */
export const byTask = async (run: Run) => {
  const instances = await site.api.taskInstances(run)
  return (task: string, map = -1): TaskInstance => {
    const found = instances.find((one) => one.task_id === task && one.map_index === map)
    if (found === undefined) throw new Error(`the site has no ${task}[${map}]`)
    return found
  }
}

/** The lines of a log as the site has it. */
export const lines = (run: Run, which: Parameters<typeof siteLog>[1]) =>
  siteLog(run, which)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** Waits until the log of a task says it. */
export const says = (run: Run, task: string, text: string) =>
  eventually(
    `the log of ${task} says "${text}"`,
    () => siteLog(run, { task }),
    (log) => log.includes(text),
    { seconds: 60 }
  )

/** What a task returned. */
export const xcom = async (run: Run, task: string, map = -1): Promise<unknown> =>
  (
    (await site.api.request(
      "GET",
      `/api/v2/dags/${run.dag}/dagRuns/${encodeURIComponent(run.id)}/taskInstances/${task}/xcomEntries/return_value?map_index=${map}`
    )) as { readonly value: unknown }
  ).value
