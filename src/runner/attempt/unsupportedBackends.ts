/** unsupportedBackends: what is configured for Python tasks and has no counterpart here, named before anything starts. */
import type { ConfigInvalid } from "../../config/ConfigInvalid.ts"
import type { EdgeSettings } from "../../config/EdgeConfig.ts"

type Mistake = ConfigInvalid["mistakes"][number]

/** What the program that has the tasks provides itself. */
export interface ProvidedBackends {
  /** A `SecretsBackends` of its own. */
  readonly secrets: boolean
  /** An `XComBackend` of its own. */
  readonly xcoms: boolean
  /** A `LogUpload` of its own. */
  readonly logUpload: boolean
}

/** Names under which Airflow's own class has been known. */
const plainXCom = new Set([
  "airflow.sdk.execution_time.xcom.BaseXCom",
  "airflow.sdk.bases.xcom.BaseXCom",
  "airflow.models.xcom.BaseXCom"
])

const python = "is Python, which a task in TypeScript does not run"

/**
 * The mistakes for `ConfigInvalid`; none where all is well. For a worker that runs tasks in TypeScript itself: going on
 * without what is configured would look for secrets, leave XComs and put logs where nobody expects them. Python tasks do
 * all of it by themselves.
 */
export const unsupportedBackends = (
  config: Pick<
    EdgeSettings,
    | "xcomBackend"
    | "secretsBackend"
    | "workersSecretsBackend"
    | "remoteLogging"
    | "secretMaskAdapter"
    | "stateStoreBackend"
  >,
  provided: ProvidedBackends
): ReadonlyArray<Mistake> => {
  const mistakes: Array<Mistake> = []
  const add = (key: string, read: string | undefined, allowed: string) => {
    if (read !== undefined) mistakes.push({ key, where: "", read: JSON.stringify(read), allowed })
  }
  if (!provided.xcoms && !plainXCom.has(config.xcomBackend))
    add(
      "[core] xcom_backend",
      config.xcomBackend,
      `it ${python}: provide an XComBackend in the program that has the tasks, or unset it for this worker`
    )
  if (!provided.secrets) {
    const advice = `it ${python}: provide a SecretsBackends in the program that has the tasks, or unset it for this worker`
    add("[workers] secrets_backend", config.workersSecretsBackend, advice)
    add("[secrets] backend", config.secretsBackend, advice)
  }
  if (!provided.logUpload && config.remoteLogging)
    add(
      "[logging] remote_logging",
      "True",
      `the upload ${python}: provide a LogUpload in the program that has the tasks, or set it to False for this worker; [edge] push_logs sends logs to the site`
    )
  add(
    "[logging] secret_mask_adapter",
    config.secretMaskAdapter,
    `it ${python}, and what it finds would not be hidden: unset it for this worker`
  )
  add(
    "[workers] state_store_backend",
    config.stateStoreBackend,
    `it ${python}, and what Python tasks store with it would be read as it is written: unset it for this worker`
  )
  return mistakes
}
