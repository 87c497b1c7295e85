/** logPath: where a job's log stands below a worker's base_log_folder. */
import type { JobKey } from "../protocol/Job.ts"

/** Airflow's default `[logging] log_filename_template` (3.3.2). */
export const logPath = (key: JobKey): string =>
  [
    `dag_id=${key.dag_id}`,
    `run_id=${key.run_id}`,
    `task_id=${key.task_id}`,
    ...(key.map_index >= 0 ? [`map_index=${key.map_index}`] : []),
    `attempt=${key.try_number}.log`
  ].join("/")
