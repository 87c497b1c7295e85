/** A job as a real Airflow hands it out, for tests. */
import type { Job } from "../protocol/Job.ts"

/** An `ExecuteTask` job of Dag `dag`; the task's name tells jobs apart. */
export const testJob = (
  task: string,
  changes: Partial<Job> & { readonly queue?: string; readonly logPath?: string | null } = {}
): Job => {
  const { queue = "default", logPath = `dag_id=dag/task_id=${task}/attempt=1.log`, ...rest } = changes
  const id = "01900000-0000-7000-8000-000000000000"
  const key = { dag_id: "dag", task_id: task, run_id: "run", try_number: 1, map_index: -1 }
  return {
    ...key,
    concurrency_slots: 1,
    task_instance_id: id,
    command: {
      type: "ExecuteTask",
      token: "not-a-jwt",
      dag_rel_path: "dag.py",
      bundle_info: { name: "dags-folder" },
      log_path: logPath,
      ti: { ...key, id, dag_version_id: id, pool_slots: 1, priority_weight: 1, queue }
    },
    ...rest
  }
}
