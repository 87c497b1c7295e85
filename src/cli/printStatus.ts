/** printStatus: a worker's status as the JSON that `airflow edge status` prints. */
import type { LocalStatus } from "./LocalWorker.ts"
import { print } from "./print.ts"

/** Edge3's six keys first, ours after, four spaces deep (edge3 5.1.0, `cli/edge_command.py`). */
export const printStatus = (status: LocalStatus) => {
  const { job_count, jobs, state, maintenance, maintenance_comments, drain, ...more } = status
  const ordered = { job_count, jobs, state, maintenance, maintenance_comments, drain, ...more }
  return print(`${JSON.stringify(ordered, null, 4)}\n`)
}

/** "1 job", "3 jobs". */
export const jobsText = (count: number): string => `${count} ${count === 1 ? "job" : "jobs"}`
