/** Settings for tests: Airflow's defaults, a site that does not exist, and no file anywhere. */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import type { EdgeSettings } from "../config/EdgeConfig.ts"

/** Airflow's defaults with the changes of one test. */
export const testSettings = (changes: Partial<EdgeSettings> = {}): EdgeSettings => ({
  apiUrl: new URL("http://site.test/edge_worker/v1/rpcapi"),
  executionApiUrl: "http://site.test/execution",
  jwtSecret: Redacted.make("a secret for tests"),
  jwtLeeway: Duration.seconds(10),
  jwtIssuer: undefined,
  concurrency: 8,
  jobPollInterval: Duration.seconds(5),
  heartbeatInterval: Duration.seconds(30),
  drainTimeout: undefined,
  drainKillGrace: Duration.seconds(30),
  pushLogs: true,
  pushLogChunkSize: 524_288,
  automaticMaintenanceOn: "off",
  automaticMaintenanceExit: "off",
  extendedSystemInfoFunction: undefined,
  umask: undefined,
  daemonUmask: 0o077,
  baseLogFolder: "/logs",
  logFolderPermissions: undefined,
  loggingLevel: "INFO",
  dagsFolder: undefined,
  executeTasksNewPythonInterpreter: false,
  hostnameCallable: "airflow.utils.net.getfqdn",
  taskInstanceHeartbeatTimeout: Duration.seconds(300),
  apiSslCert: undefined,
  apiSslCaFile: undefined,
  clientSslCert: undefined,
  clientSslKey: undefined,
  clientUsePublicCerts: false,
  apiRetries: 10,
  apiRetryWaitMin: Duration.seconds(1),
  apiRetryWaitMax: Duration.seconds(90),
  airflowHome: "/airflow",
  stateFolder: undefined,
  python: undefined,
  sysinfoCommand: undefined,
  pythonHostIdle: Duration.seconds(90),
  warnings: [],
  ...changes
})
