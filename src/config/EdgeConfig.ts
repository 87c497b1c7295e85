/** EdgeConfig: every setting of a worker, read once, under Airflow's own names and defaults. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { CommandTable } from "./commandTable.ts"
import type { Coordinators, QueueToCoordinator } from "./coordinators.ts"
import type { ExecutionApiPatience } from "./executionApiPatience.ts"
import type { NamespaceLevels } from "./namespaceLevels.ts"
import { readEdgeSettings } from "./readEdgeSettings.ts"

/** When the worker enters maintenance by itself, from `[edge] automatic_maintenance_on`. */
export type AutomaticMaintenanceOn = "off" | "warning" | "error"
/** When it leaves it again, from `[edge] automatic_maintenance_exit`. */
export type AutomaticMaintenanceExit = "off" | "warning" | "info"

/** The settings of one worker. The key that each is read from stands in `config/settings.ts`. */
export interface EdgeSettings {
  /** `[edge] api_url` */
  readonly apiUrl: URL
  /** `[core] execution_api_server_url`, else derived from `apiUrl`. */
  readonly executionApiUrl: string
  readonly jwtSecret: Redacted.Redacted
  /** `[api_auth] jwt_leeway`, the life of our tokens. */
  readonly jwtLeeway: Duration.Duration
  readonly jwtIssuer: string | undefined
  readonly jwtAlgorithm: string
  readonly concurrency: number
  readonly jobPollInterval: Duration.Duration
  readonly heartbeatInterval: Duration.Duration
  /** `undefined` where `[edge] drain_timeout_sec` is 0: wait for ever. */
  readonly drainTimeout: Duration.Duration | undefined
  readonly drainKillGrace: Duration.Duration
  readonly pushLogs: boolean
  /** In bytes of the JSON body's `log_chunk_data`. */
  readonly pushLogChunkSize: number
  readonly automaticMaintenanceOn: AutomaticMaintenanceOn
  readonly automaticMaintenanceExit: AutomaticMaintenanceExit
  readonly extendedSystemInfoFunction: string | undefined
  /** `[edge] worker_umask`; edge3 applies it in daemon mode only. */
  readonly umask: number | undefined
  /** The umask of daemon mode: `umask`, else `[core] daemon_umask`. */
  readonly daemonUmask: number
  readonly baseLogFolder: string
  /** `[logging] file_task_handler_new_folder_permissions`; without it, Airflow's 0o775. */
  readonly logFolderPermissions?: number | undefined
  readonly loggingLevel: string
  /** `[logging] namespace_levels`: the levels of single loggers of a task. */
  readonly namespaceLevels: NamespaceLevels
  /** `[logging] min_length_masked_secret`, in characters. */
  readonly minLengthMaskedSecret: number
  /** `[logging] secret_mask_adapter`, a Python function. */
  readonly secretMaskAdapter: string | undefined
  /** `[logging] remote_logging` */
  readonly remoteLogging: boolean
  /** `[core] hide_sensitive_var_conn_fields` */
  readonly hideSensitiveVarConnFields: boolean
  /** `[core] sensitive_var_conn_names` */
  readonly sensitiveVarConnNames: ReadonlyArray<string>
  /** `[core] xcom_backend`, a Python class. */
  readonly xcomBackend: string
  /** `[core] multi_team` */
  readonly multiTeam: boolean
  /** `[secrets] backend`, a Python class. */
  readonly secretsBackend: string | undefined
  /** `[workers] secrets_backend`, a Python class. */
  readonly workersSecretsBackend: string | undefined
  /** `[workers] state_store_backend`, a Python class. */
  readonly stateStoreBackend: string | undefined
  /** `[state_store] default_retention_days`; 0 is for ever. */
  readonly stateRetentionDays: number
  readonly dagsFolder: string | undefined
  readonly executeTasksNewPythonInterpreter: boolean
  readonly hostnameCallable: string
  readonly taskInstanceHeartbeatTimeout: Duration.Duration
  readonly apiSslCert: string | undefined
  readonly apiSslCaFile: string | undefined
  readonly clientSslCert: string | undefined
  readonly clientSslKey: string | undefined
  /** `[api] client_use_public_certs`: whether Airflow's own client trusts public authorities too. */
  readonly clientUsePublicCerts: boolean
  /** `AIRFLOW__EDGE__API_RETRIES` */
  readonly apiRetries: number
  readonly apiRetryWaitMin: Duration.Duration
  readonly apiRetryWaitMax: Duration.Duration
  readonly airflowHome: string
  /** `[edge_worker] state_folder`; `undefined` for `$AIRFLOW_HOME/edge-worker/NAME`. */
  readonly stateFolder: string | undefined
  /** `[edge_worker] python` */
  readonly python: string | undefined
  /** `[edge_worker] sysinfo_command`: prints a JSON object; replaces the Python function. */
  readonly sysinfoCommand: string | undefined
  /** `[edge_worker] python_host_idle`: how long the Python host waits for the next job before it ends. */
  readonly pythonHostIdle: Duration.Duration
  /** `[edge_worker] log_retention`: how long a log stays that the site has whole; `undefined`: for ever. */
  readonly logRetention: Duration.Duration | undefined
  /** `[edge_worker] log_disk_budget`: bytes that the logs may take; `undefined`: any. */
  readonly logDiskBudget: number | undefined
  /** `[edge_worker] min_free_disk`: bytes that must be free for a job to be fetched; 0: not looked at. */
  readonly minFreeDisk: number
  /** `[edge_worker] core_dumps`: whether the processes of a job may leave core dumps. */
  readonly coreDumps: boolean
  /** `[edge_worker] commands`: which tasks run a command of this machine instead of Python. */
  readonly commands: CommandTable
  /** `[edge_worker] task_program`: the program that has the tasks in TypeScript, and its arguments. */
  readonly taskProgram: ReadonlyArray<string> | undefined
  /** `[edge_worker] task_isolation`, for tasks that are built into the worker's program. */
  readonly taskIsolation: "process" | "none"
  /** `[edge_worker] task_host_idle` */
  readonly taskHostIdle: Duration.Duration
  /** `[edge_worker] task_host_tasks`: attempts that one process runs. */
  readonly taskHostTasks: number
  /** `[edge_worker] task_host_memory`: bytes after which a process runs no further attempt. */
  readonly taskHostMemory: number
  /** `[edge_worker] unknown_task`: what happens with a task that nothing here can run. */
  readonly unknownTask: "hand_back" | "fail"
  /** `[sdk] coordinators` */
  readonly coordinators: Coordinators
  /** `[sdk] queue_to_coordinator` */
  readonly queueToCoordinator: QueueToCoordinator
  /** `[edge_worker] reported_edge_provider_version`, where there is no local Airflow. */
  readonly reportedEdgeProviderVersion: string | undefined
  /** `[edge_worker] outage_tolerance`; `undefined` for `auto`, which is `taskInstanceHeartbeatTimeout`; 0 for Airflow's own. */
  readonly outageTolerance: Duration.Duration | undefined
  /** What is set of the keys of `[workers]` that decide how long Airflow's processes bear an outage. */
  readonly executionApiPatience: ExecutionApiPatience
  /** `[workers] execution_api_retries`: how often a request to the Execution API is sent at most. */
  readonly executionApiRetries: number
  /** `[workers] execution_api_retry_wait_min` */
  readonly executionApiRetryWaitMin: Duration.Duration
  /** `[workers] execution_api_retry_wait_max` */
  readonly executionApiRetryWaitMax: Duration.Duration
  /** `[workers] execution_api_timeout` */
  readonly executionApiTimeout: Duration.Duration
  /** `[workers] max_failed_heartbeats` */
  readonly maxFailedHeartbeats: number
  /** `[workers] min_heartbeat_interval`: how often a task's heartbeat is sent. */
  readonly minHeartbeatInterval: Duration.Duration
  /** `[core] task_success_overtime` */
  readonly taskSuccessOvertime: Duration.Duration
  /** What the operator should know before the start: old names, keys that are not looked at. Never holds a secret. */
  readonly warnings: ReadonlyArray<string>
}

/** The settings of the worker that this process is. */
export class EdgeConfig extends Context.Service<EdgeConfig, EdgeSettings>()("edge-worker/config/EdgeConfig") {
  /**
   * Reads every setting, for a team first where one is given. Fails with one `ConfigInvalid` that lists all mistakes.
   * Options given on the command line come before what is configured.
   */
  static readonly layer = (
    options: { readonly team?: string | null | undefined } & CommandLineSettings = {}
  ) => Layer.effect(EdgeConfig, readEdgeSettings(options.team ?? undefined, options))
}

/** The settings that the command line can give. */
export interface CommandLineSettings {
  readonly concurrency?: number | undefined
  readonly umask?: number | undefined
  readonly python?: string | undefined
  readonly taskProgram?: ReadonlyArray<string> | undefined
}
