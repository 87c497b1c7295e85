/** taskEnvironment: what the Python processes of a job get as environment, and what they never get. */

/** What the worker tells its tasks. */
export interface TaskEnvironmentOptions {
  readonly workerName: string
  readonly executionApiUrl: string
  readonly baseLogFolder: string
  /** Whether the edge3 provider is installed beside the local Airflow. */
  readonly hasEdge3: boolean
  /** What `outageTolerance` says. */
  readonly tolerance: Readonly<Record<string, string>>
}

/**
 * Site secrets that neither a supervisor nor a task can need: a task has a token of its own, gets its connections from
 * the Execution API, and has no database (`block_orm_access`, Airflow 3.3.2 `sdk/execution_time/supervisor.py`). Also
 * as `…_CMD`, `…_SECRET` and a team's own (`AIRFLOW__TEAM___SECTION__KEY`).
 */
const secrets =
  /^AIRFLOW__(?:.+___)?(?:API_AUTH__JWT_(?:SECRET|PRIVATE_KEY_PATH)|CORE__INTERNAL_API_SECRET_KEY|API__SECRET_KEY|(?:DATABASE|CORE)__SQL_ALCHEMY_CONN(?:_ASYNC)?)(?:_CMD|_SECRET)?$/

/** Our own settings: a worker that a task starts is not this one, and a central beside it has a database of its own. */
const ours =
  /^AIRFLOW__(?:.+___)?EDGE_(?:WORKER|CENTRAL)__|^EDGE_WORKER_(?:JOB|NODE_OPTIONS|TASK_NODE_OPTIONS)$/

/** The command ignores NODE_OPTIONS for itself and keeps its value for the tasks (`bin/edge-worker.mjs`). */
const nodeOptions = (env: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  const { NODE_OPTIONS, EDGE_WORKER_TASK_NODE_OPTIONS: ofTasks = NODE_OPTIONS } = env
  return ofTasks ? { NODE_OPTIONS: ofTasks } : {}
}

/** The environment of every Python process of this worker; the job's mark comes on top of it. */
export const taskEnvironment = (
  env: Readonly<Record<string, string>>,
  options: TaskEnvironmentOptions
): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(
    Object.entries(env).filter(([name]) => !secrets.test(name) && !ours.test(name) && name !== "NODE_OPTIONS")
  ),
  ...nodeOptions(env),
  ...options.tolerance,
  // An empty value goes before what airflow.cfg holds, and Airflow's secrets masker ignores it.
  AIRFLOW__API_AUTH__JWT_SECRET: "",
  AIRFLOW__LOGGING__BASE_LOG_FOLDER: options.baseLogFolder,
  AIRFLOW__CORE__EXECUTION_API_SERVER_URL: options.executionApiUrl,
  // From here on as edge3 5.1.0 (`cli/worker.py`, `cli/edge_command.py`).
  ...(options.hasEdge3
    ? { AIRFLOW__CORE__HOSTNAME_CALLABLE: "airflow.providers.edge3.cli.worker._edge_hostname" }
    : {}),
  HOSTNAME: options.workerName,
  _AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK: "1"
})
