/** details: what a task of a test is told first. */
import type { StartupDetails } from "../../../src/protocol/TaskComms.ts"
import { testJob } from "../../../src/testing/testJob.ts"

/** The details of one attempt; `conf` is the run's. */
export const detailsOf = (taskId: string, conf: Record<string, unknown>): StartupDetails => {
  const { command } = testJob(taskId)
  if (command.type !== "ExecuteTask") throw new Error("testJob makes tasks")
  const at = "2026-01-01T00:00:00Z"
  return {
    type: "StartupDetails",
    ti: command.ti,
    dag_rel_path: command.dag_rel_path,
    bundle_info: command.bundle_info,
    start_date: at,
    sentry_integration: "",
    ti_context: {
      max_tries: 0,
      dag_run: {
        dag_id: "dag",
        run_id: "run",
        logical_date: at,
        data_interval_start: at,
        data_interval_end: at,
        run_after: at,
        start_date: at,
        end_date: null,
        run_type: "manual",
        conf
      }
    }
  }
}
