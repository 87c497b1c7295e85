/** settings: every key that a worker reads, once: its name, its default, its type, and one sentence. */
import type { KnownKey } from "./AirflowConfig.ts"
import { attemptSettings } from "./attemptSettings.ts"
import { commandTable } from "./commandTable.ts"
import { managementSettings } from "./managementSettings.ts"
import {
  anyCase,
  boolean,
  durationOrNever,
  exactly,
  file,
  firstOfList,
  fractionalSeconds,
  httpUrl,
  octal,
  optional,
  plainWhole,
  type SettingType,
  seconds,
  secondsOrAuto,
  secondsOrNoLimit,
  secret,
  secretAlgorithm,
  size,
  text,
  whole
} from "./settingTypes.ts"
import { taskHostSettings } from "./taskHostSettings.ts"
import { taskSettings } from "./taskSettings.ts"

/** One setting. Names and defaults are those of Airflow 3.3.2 (`config.yml`) and edge3 5.1.0 (`get_provider_info.py`). */
export interface Setting<A> extends KnownKey {
  readonly type: SettingType<A>
  readonly sentence: string
  /** Read from these variables only, the first that is set; `key` then only names it. */
  readonly onlyVariables?: ReadonlyArray<string>
}

/** One setting of Airflow's own, or in a section of ours. */
export const airflow = <A>(
  section: string,
  key: string,
  fallback: string | undefined,
  type: SettingType<A>,
  sentence: string,
  more: Pick<Setting<A>, "secret" | "formerly" | "onlyVariables"> = {}
): Setting<A> => ({ section, key, default: fallback, type, sentence, ...more })

const hidden = <A>(key: string, fallback: string, type: SettingType<A>, sentence: string): Setting<A> =>
  airflow("edge", key, fallback, type, sentence, {
    onlyVariables: [`AIRFLOW__EDGE__${key.toUpperCase()}`, `AIRFLOW__WORKERS__${key.toUpperCase()}`]
  })

/** By the name of the field that it ends in. */
export const settings = {
  ...taskSettings,
  apiUrl: airflow(
    "edge",
    "api_url",
    undefined,
    httpUrl,
    "The site's address for workers, ending in /edge_worker/v1/rpcapi."
  ),
  concurrency: airflow("edge", "worker_concurrency", "8", whole(1), "How many slots the worker has."),
  jobPollInterval: airflow(
    "edge",
    "job_poll_interval",
    "5",
    seconds(1),
    "How often an idle worker asks for a job in the Python worker; here the upper end of a pace that adapts."
  ),
  heartbeatInterval: airflow(
    "edge",
    "heartbeat_interval",
    "30",
    seconds(1),
    "How often the worker tells the site that it is alive; after five times as long the site gives it up."
  ),
  drainTimeout: airflow(
    "edge",
    "drain_timeout_sec",
    "0",
    secondsOrNoLimit,
    "How long a drain waits for running tasks before they are asked to end."
  ),
  drainKillGrace: airflow(
    "edge",
    "drain_kill_grace_sec",
    "30",
    seconds(0),
    "How long a task that was asked to end by a drain may take before it is killed."
  ),
  pushLogs: airflow("edge", "push_logs", "True", boolean, "Whether task logs are sent to the site."),
  pushLogChunkSize: airflow(
    "edge",
    "push_log_chunk_size",
    "524288",
    whole(16),
    "How many bytes of a log are sent in one request at most."
  ),
  automaticMaintenanceOn: airflow(
    "edge",
    "automatic_maintenance_on",
    "Off",
    anyCase("Off", "Warning", "Error"),
    "The status of the machine at which the worker enters maintenance by itself."
  ),
  automaticMaintenanceExit: airflow(
    "edge",
    "automatic_maintenance_exit",
    "Off",
    anyCase("Off", "Warning", "Info"),
    "The status of the machine at which the worker leaves such a maintenance by itself."
  ),
  extendedSystemInfoFunction: airflow(
    "edge",
    "extended_system_info_function",
    undefined,
    optional(text),
    "A Python function, as package.module.function, that adds to what the worker tells of its machine."
  ),
  workerUmask: airflow(
    "edge",
    "worker_umask",
    undefined,
    optional(octal),
    "The umask of a worker in daemon mode."
  ),
  daemonUmask: airflow(
    "core",
    "daemon_umask",
    "0o077",
    octal,
    "The umask in daemon mode where the worker has none of its own."
  ),
  apiRetries: hidden("api_retries", "10", plainWhole(1), "How often the Python worker tries a request."),
  apiRetryWaitMin: hidden(
    "api_retry_wait_min",
    "1.0",
    fractionalSeconds,
    "The first wait before a request is tried again."
  ),
  apiRetryWaitMax: hidden(
    "api_retry_wait_max",
    "90.0",
    fractionalSeconds,
    "The longest wait before a request is tried again."
  ),
  executionApiServerUrl: airflow(
    "core",
    "execution_api_server_url",
    undefined,
    optional(httpUrl),
    "The site's address for tasks; without it, that of [edge] api_url with execution in place of edge_worker/v1/rpcapi.",
    { formerly: { section: "workers", key: "execution_api_server_url" } }
  ),
  internalApiSecretKey: airflow(
    "core",
    "internal_api_secret_key",
    undefined,
    optional(secret),
    "An old place of the shared secret, read where [api_auth] jwt_secret is not set, with a warning.",
    { secret: true }
  ),
  airflowHome: airflow(
    "core",
    "airflow_home",
    undefined,
    optional(text),
    "An old place of $AIRFLOW_HOME, read where that variable is not set; other defaults do not follow it."
  ),
  dagsFolder: airflow(
    "core",
    "dags_folder",
    "{AIRFLOW_HOME}/dags",
    optional(text),
    "The folder of the DAG files."
  ),
  executeTasksNewPythonInterpreter: airflow(
    "core",
    "execute_tasks_new_python_interpreter",
    "False",
    boolean,
    "Whether each Python task gets a fresh interpreter instead of a fork."
  ),
  hostnameCallable: airflow(
    "core",
    "hostname_callable",
    "airflow.utils.net.getfqdn",
    text,
    "The Python function that names this machine where -H does not."
  ),
  jwtSecret: airflow(
    "api_auth",
    "jwt_secret",
    "",
    optional(secret),
    "The secret that the worker shares with the site and signs its requests with; it must be set.",
    { secret: true }
  ),
  jwtLeeway: airflow(
    "api_auth",
    "jwt_leeway",
    "10",
    seconds(1),
    "How long the signature of a request is valid; the site allows its clock to differ by as much."
  ),
  jwtIssuer: airflow(
    "api_auth",
    "jwt_issuer",
    undefined,
    optional(firstOfList),
    "The issuer that is named in the signature of a request."
  ),
  jwtAlgorithm: airflow(
    "api_auth",
    "jwt_algorithm",
    undefined,
    secretAlgorithm,
    "The algorithm of that signature; the site must be set to the same."
  ),
  baseLogFolder: airflow(
    "logging",
    "base_log_folder",
    "{AIRFLOW_HOME}/logs",
    text,
    "The folder under which tasks write their logs."
  ),
  logFolderPermissions: airflow(
    "logging",
    "file_task_handler_new_folder_permissions",
    "0o775",
    octal,
    "The permissions of the folders that are made for task logs."
  ),
  loggingLevel: airflow(
    "logging",
    "logging_level",
    "INFO",
    exactly("CRITICAL", "FATAL", "ERROR", "WARN", "WARNING", "INFO", "DEBUG"),
    "The least level of what is logged."
  ),
  apiSslCert: airflow(
    "api",
    "ssl_cert",
    "",
    optional(file),
    "A certificate of the site that is trusted besides the system's, as a PEM file.",
    { formerly: { section: "webserver", key: "web_server_ssl_cert" } }
  ),
  apiSslCaFile: airflow(
    "api",
    "ssl_ca_file",
    undefined,
    optional(file),
    "Certificate authorities that are trusted for the site, as a PEM file."
  ),
  clientSslCert: airflow(
    "api",
    "client_ssl_cert",
    undefined,
    optional(file),
    "The worker's own certificate, as a PEM file; needs client_ssl_key."
  ),
  clientSslKey: airflow(
    "api",
    "client_ssl_key",
    undefined,
    optional(file),
    "The private key of the worker's certificate, as a PEM file; needs client_ssl_cert."
  ),
  clientUsePublicCerts: airflow(
    "api",
    "client_use_public_certs",
    "True",
    boolean,
    "Whether Airflow trusts public certificate authorities besides [api] ssl_ca_file."
  ),
  taskInstanceHeartbeatTimeout: airflow(
    "scheduler",
    "task_instance_heartbeat_timeout",
    "300",
    seconds(1),
    "How long the site hears nothing of a task before it gives it up."
  ),
  stateFolder: airflow(
    "edge_worker",
    "state_folder",
    undefined,
    optional(text),
    "The worker's private folder; without it, $AIRFLOW_HOME/edge-worker/NAME."
  ),
  python: airflow(
    "edge_worker",
    "python",
    undefined,
    optional(text),
    "The Python interpreter of the local Airflow; without it, $VIRTUAL_ENV or the first airflow on the PATH tells."
  ),
  sysinfoCommand: airflow(
    "edge_worker",
    "sysinfo_command",
    undefined,
    optional(text),
    "A command that prints a JSON object to add to what the worker tells of its machine, in place of [edge] extended_system_info_function."
  ),
  pythonHostIdle: airflow(
    "edge_worker",
    "python_host_idle",
    "90",
    seconds(1),
    "How long the Python host waits for the next job before it ends, in seconds."
  ),
  ...attemptSettings,
  outageTolerance: airflow(
    "edge_worker",
    "outage_tolerance",
    "auto",
    secondsOrAuto,
    "How long Python tasks bear that the site's Execution API is away; auto is [scheduler] task_instance_heartbeat_timeout, 0 leaves Airflow's own. What is set in [workers] counts first."
  ),
  logRetention: airflow(
    "edge_worker",
    "log_retention",
    "7 days",
    durationOrNever,
    "How long after its last change a task log is removed here once the site has all of it; with never, or set to nothing, no log is removed for its age. Nothing is removed where [edge] push_logs is False."
  ),
  logDiskBudget: airflow(
    "edge_worker",
    "log_disk_budget",
    undefined,
    optional(size),
    "How many bytes of this worker's task logs may lie here; beyond it those that the site has whole are removed sooner, the oldest first."
  ),
  minFreeDisk: airflow(
    "edge_worker",
    "min_free_disk",
    "100 MiB",
    size,
    "How many bytes must be free on the disks of the state folder and of the task logs for a job to be fetched; 0 for no limit."
  ),
  commands: airflow(
    "edge_worker",
    "commands",
    undefined,
    commandTable,
    "Which tasks run a command of this machine instead of Python. Only these are ever run: whoever submits a job names its task, never a command line."
  ),
  reportedEdgeProviderVersion: airflow(
    "edge_worker",
    "reported_edge_provider_version",
    undefined,
    optional(text),
    "The version of the edge3 provider that a worker without a local Airflow tells the site; without it, the one that the site asks for."
  ),
  coreDumps: airflow(
    "edge_worker",
    "core_dumps",
    "False",
    boolean,
    "Whether the processes of Python tasks may leave core dumps, which hold the tokens of their tasks."
  ),
  ...taskHostSettings
}

/** The same and those of the management commands as a list, for what does not care about the fields. */
export const allSettings: ReadonlyArray<Setting<unknown>> = [
  ...Object.values(settings),
  ...Object.values(managementSettings)
]

/** The section that is ours: a key in it that is not in the table is a mistake. */
export const ownSection = "edge_worker"

/** Sections that only we read: `{AIRFLOW_HOME}` is replaced in their values. */
export const ownSections: ReadonlyArray<string> = [ownSection, "edge_central"]
