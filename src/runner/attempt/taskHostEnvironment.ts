/** taskHostEnvironment: what a process that serves tasks gets as environment: no credential of the worker or of Airflow. */
import { withoutCredentials } from "../commandEnvironment.ts"

/** All hosts of a worker, for one that comes after it. */
export const marksOfHosts = (worker: string) => `EDGE_WORKER_TASK_HOSTS=${worker}`
/** One host and what it has started. */
export const markOfHost = (host: string) => `EDGE_WORKER_TASK_HOST=${host}`

/** A task asks its attempt for connections and variables: they come masked, and only to the task that asks. */
const values = /^AIRFLOW_(?:CONN|VAR)_/

/** The environment of one host. */
export const taskHostEnvironment = (
  env: Readonly<Record<string, string>>,
  marks: { readonly worker: string; readonly host: string },
  workerName: string
): Readonly<Record<string, string>> => {
  const { EDGE_WORKER_TASK_NODE_OPTIONS: kept, ...rest } = withoutCredentials(env)
  // The command keeps NODE_OPTIONS apart for its tasks (bin/edge-worker.mjs); a program of one's own has just that.
  const nodeOptions = kept || rest["NODE_OPTIONS"]
  return {
    ...Object.fromEntries(
      Object.entries(rest).filter(([name]) => name !== "NODE_OPTIONS" && !values.test(name))
    ),
    ...(nodeOptions ? { NODE_OPTIONS: nodeOptions } : {}),
    HOSTNAME: workerName,
    ...Object.fromEntries(
      [marksOfHosts(marks.worker), markOfHost(marks.host)].map((mark) => mark.split("=") as [string, string])
    )
  }
}
