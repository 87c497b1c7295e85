/** taskSettings: the keys that decide about tasks which a worker runs itself; Python tasks read them by themselves. */
import { namespaceLevels } from "./namespaceLevels.ts"
import type { Setting } from "./settings.ts"
import { boolean, optional, text, texts, whole } from "./settingTypes.ts"

const of = <A>(
  section: string,
  key: string,
  fallback: string | undefined,
  type: Setting<A>["type"],
  sentence: string
): Setting<A> => ({ section, key, default: fallback, type, sentence })

/** By the name of the field that it ends in. */
export const taskSettings = {
  namespaceLevels: of(
    "logging",
    "namespace_levels",
    undefined,
    namespaceLevels,
    "The least level of single loggers in the logs of tasks; what cannot be read is not used."
  ),
  minLengthMaskedSecret: of(
    "logging",
    "min_length_masked_secret",
    "5",
    whole(0),
    "How many characters a secret has at least to be hidden in the logs of tasks."
  ),
  secretMaskAdapter: of(
    "logging",
    "secret_mask_adapter",
    "",
    optional(text),
    "A Python function that finds more to hide for each secret; a worker with tasks in TypeScript does not start with one."
  ),
  remoteLogging: of(
    "logging",
    "remote_logging",
    "False",
    boolean,
    "Whether Python tasks upload their logs themselves; tasks in TypeScript need an upload that the program provides."
  ),
  hideSensitiveVarConnFields: of(
    "core",
    "hide_sensitive_var_conn_fields",
    "True",
    boolean,
    "Whether values under sensitive names are hidden in the logs of tasks."
  ),
  sensitiveVarConnNames: of(
    "core",
    "sensitive_var_conn_names",
    "",
    texts,
    "Further parts of names that are sensitive, with commas between."
  ),
  xcomBackend: of(
    "core",
    "xcom_backend",
    "airflow.sdk.execution_time.xcom.BaseXCom",
    text,
    "The Python class that stores XComs; tasks in TypeScript need a backend that the program provides in its place."
  ),
  multiTeam: of(
    "core",
    "multi_team",
    "False",
    boolean,
    "Whether the site has teams; variables that belong to a team are then given to no task in TypeScript."
  ),
  secretsBackend: of(
    "secrets",
    "backend",
    "",
    optional(text),
    "The Python class that is asked for connections and variables; tasks in TypeScript need a backend that the program provides in its place."
  ),
  workersSecretsBackend: of(
    "workers",
    "secrets_backend",
    "",
    optional(text),
    "The same for workers only, before [secrets] backend."
  ),
  stateStoreBackend: of(
    "workers",
    "state_store_backend",
    "",
    optional(text),
    "The Python class that keeps what tasks store; a worker with tasks in TypeScript does not start with one."
  ),
  stateRetentionDays: of(
    "state_store",
    "default_retention_days",
    "30",
    whole(0),
    "How many days the site keeps what a task stores where the task does not say; 0 is for ever."
  )
}
