/** TaskBackends: what a program of tasks provides in the place of the Python classes that Airflow's configuration names. */
import type * as Layer from "effect/Layer"
import type { EdgeConfig } from "../config/EdgeConfig.ts"
import type { LogUpload } from "../runner/attempt/LogUpload.ts"
import type { SecretsBackends } from "../runner/attempt/SecretsBackends.ts"
import type { XComBackend } from "../runner/attempt/XComBackend.ts"

/** A layer of the worker's own process; where it fails, the worker does not start. */
export type BackendLayer<A> = Layer.Layer<A, unknown, EdgeConfig>

/** All are the worker's: a task's process builds none of them. What is left out is as without any configuration. */
export interface TaskBackends {
  /** For `[secrets] backend` and `[workers] secrets_backend`; without it: the worker's own `AIRFLOW_CONN_` and `AIRFLOW_VAR_`. */
  readonly secrets?: BackendLayer<SecretsBackends> | undefined
  /** For `[core] xcom_backend`; without it: values lie at the site. */
  readonly xcoms?: BackendLayer<XComBackend> | undefined
  /** For `[logging] remote_logging`; without it: `[edge] push_logs` sends logs to the site. */
  readonly logUpload?: BackendLayer<LogUpload> | undefined
}
