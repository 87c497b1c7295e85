/** commandEnvironment: what a command gets as environment: the worker's own without credentials, and what names its job. */
import type { JobToRun } from "./Runner.ts"
import { type TaskEnvironmentOptions, taskEnvironment } from "./taskEnvironment.ts"

/** A command needs nothing of Airflow's own configuration that bears one of these words. */
const credentials =
  /^AIRFLOW__.*(?:SECRET|TOKEN|PASSWORD|PRIVATE_KEY|FERNET_KEY|CREDENTIAL|CONN(?:ECTION)?_?(?:STRING|URL)?$|SQL_ALCHEMY|RESULT_BACKEND|BROKER_URL|JWT)/

/** What the worker shows the collector of its own traces. */
const collectors = /^OTEL_EXPORTER_OTLP_(?:.+_)?HEADERS$/

/** Those of our own, whoever they are meant for. */
const ours =
  /^AIRFLOW__(?:.+___)?EDGE_(?:WORKER|CENTRAL)__|^EDGE_WORKER_(?!TASK_NODE_OPTIONS$)|^EDGE_CENTRAL_/

/** What a task may have of the worker's environment that is not Airflow's own code. */
export const withoutCredentials = (env: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) => ![credentials, collectors, ours].some((kept) => kept.test(name)))
  )

/** The environment of the supervisor, which passes it on to the command. */
export const commandEnvironment = (
  env: Readonly<Record<string, string>>,
  { claim, folder }: Pick<JobToRun, "claim" | "folder">,
  options: Pick<TaskEnvironmentOptions, "workerName" | "executionApiUrl" | "baseLogFolder">
): Readonly<Record<string, string>> => {
  const { NODE_OPTIONS: nodeOptions, ...task } = taskEnvironment(env, {
    ...options,
    hasEdge3: false,
    tolerance: {}
  })
  const { dag_id, map_index, run_id, task_id, try_number } = claim.job
  return {
    ...withoutCredentials(task),
    // They are the command's: our supervisor must not take them for its own.
    ...(nodeOptions === undefined ? {} : { EDGE_WORKER_TASK_NODE_OPTIONS: nodeOptions }),
    EDGE_WORKER_JOB: claim.id,
    EDGE_WORKER_CONF: `${folder}/conf.json`,
    EDGE_WORKER_DAG_ID: dag_id,
    EDGE_WORKER_TASK_ID: task_id,
    EDGE_WORKER_RUN_ID: run_id,
    EDGE_WORKER_TRY_NUMBER: String(try_number),
    EDGE_WORKER_MAP_INDEX: String(map_index)
  }
}
