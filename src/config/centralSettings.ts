/** centralSettings: every key that an embedded central reads, once: its name, its default, its type, and one sentence. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { getInt } from "./PythonText.ts"
import { releaseOf } from "./pep440.ts"
import { airflow, type Setting, settings } from "./settings.ts"
import {
  boolean,
  file,
  httpUrl,
  optional,
  type SettingType,
  seconds,
  secret,
  secretAlgorithms,
  size,
  text,
  whole
} from "./settingTypes.ts"
import { workerRules } from "./workerRules.ts"

/** The central's own section. */
export const centralSection = "edge_central"

const own = <A>(
  key: string,
  fallback: string | undefined,
  type: SettingType<A>,
  sentence: string,
  more: Pick<Setting<A>, "secret"> = {}
) => airflow(centralSection, key, fallback, type, sentence, more)

const words = (all: string): ReadonlyArray<string> =>
  all
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "")

/** Several words with commas; none where it is not set. */
const list: SettingType<ReadonlyArray<string>> = {
  words: "a text, or several with commas; or not set",
  decode: (given) => Option.some(words(given ?? ""))
}

const port: SettingType<number> = {
  words: "a port, from 0 (any that is free) to 65535",
  decode: (given) =>
    given === undefined ? Option.none() : Option.filter(getInt(given), (n) => n >= 0 && n <= 65_535)
}

const version: SettingType<string> = {
  words: "a version, as in 3.3.2",
  decode: (given) =>
    given === undefined || releaseOf(given) === undefined ? Option.none() : Option.some(given.trim())
}

const minutes: SettingType<Duration.Duration> = {
  words: "a whole number of minutes, at least 0",
  decode: (given) =>
    given === undefined
      ? Option.none()
      : Option.map(
          Option.filter(getInt(given), (n) => n >= 0),
          Duration.minutes
        )
}

const days: SettingType<Duration.Duration> = {
  words: "a whole number of days; 0 is for ever",
  decode: (given) =>
    given === undefined
      ? Option.none()
      : Option.map(
          Option.filter(getInt(given), (n) => n >= 0 && n <= 36_500),
          Duration.days
        )
}

/** By the name of the field that it ends in. */
export const centralSettings = {
  stateFolder: own(
    "state_folder",
    undefined,
    optional(text),
    "The central's private folder; without it, $AIRFLOW_HOME/edge-central."
  ),
  host: own("host", "127.0.0.1", text, "The address that the central listens on."),
  port: own("port", "8080", port, "The port that the central listens on."),
  databaseUrl: own(
    "database_url",
    undefined,
    optional(secret),
    "The database, as in postgresql://user:password@host/name; without it, an SQLite file in the state folder.",
    { secret: true }
  ),
  claimTimeout: own(
    "claim_timeout",
    "60",
    seconds(1),
    "How long a worker may take to confirm a job that it was given, before the job goes back to its queue."
  ),
  tlsCert: own(
    "tls_cert",
    undefined,
    optional(file),
    "The central's certificate, as a PEM file; needs tls_key."
  ),
  tlsKey: own(
    "tls_key",
    undefined,
    optional(file),
    "The private key of the central's certificate, as a PEM file; needs tls_cert."
  ),
  trustedProxy: own(
    "trusted_proxy",
    undefined,
    list,
    "The addresses, or networks as in 10.0.0.0/8, of the proxy that ends TLS for the central; others are then refused."
  ),
  publicUrl: own(
    "public_url",
    undefined,
    optional(httpUrl),
    "The central's address as workers and browsers see it; without it, derived from host and port."
  ),
  allowRawWorkloads: own(
    "allow_raw_workloads",
    "False",
    boolean,
    "Whether complete Airflow workloads may be submitted, which can make a worker run any code of its Dag bundles."
  ),
  usersFile: own(
    "users_file",
    undefined,
    optional(text),
    "Who may log in at the central, as `edge-worker central-user` writes it; without it, users.json in the state folder."
  ),
  variablesFile: own(
    "variables_file",
    undefined,
    optional(file),
    "Variables for Python tasks of this central: one JSON object of names and values, as of Airflow's LocalFilesystemBackend. Only this user may be able to read it."
  ),
  connectionsFile: own(
    "connections_file",
    undefined,
    optional(file),
    "Connections for Python tasks of this central: one JSON object of names and URIs or objects, as of Airflow's LocalFilesystemBackend. Only this user may be able to read it."
  ),
  maxConnections: own(
    "max_connections",
    "4096",
    whole(1),
    "How many connections the central keeps at once; more are closed. A worker holds a few, and each Python task that runs one."
  ),
  maxRequestSize: own(
    "max_request_size",
    "8 MiB",
    size,
    "How many bytes the body of a request may have; it must hold a chunk of [edge] push_log_chunk_size, escaped."
  ),
  auditRetention: own(
    "audit_retention",
    "90",
    days,
    "How many days it is kept who has logged in and changed what; 0 is for ever."
  ),
  airflowVersion: own(
    "airflow_version",
    "3.3.2",
    version,
    "The Airflow version that the central says it is, and that a worker must have."
  ),
  edgeProviderVersion: own(
    "edge_provider_version",
    "5.1.0",
    version,
    "The edge3 version that the central says it is, and that a worker must have."
  ),
  workerRules: own(
    "worker_rules",
    undefined,
    workerRules,
    "Which identities of [edge] trusted_jwks_url may be which workers, in which teams, with which queues; without it, each may be any."
  ),
  heartbeatInterval: settings.heartbeatInterval,
  defaultTaskRetryDelay: airflow(
    "core",
    "default_task_retry_delay",
    "300",
    seconds(0),
    "How many seconds after a failure a job with retries is tried again, where neither the task nor whoever submitted it says."
  ),
  jobSuccessPurge: airflow(
    "edge",
    "job_success_purge",
    "5",
    minutes,
    "How many minutes after their end successful jobs are forgotten."
  ),
  jobFailPurge: airflow(
    "edge",
    "job_fail_purge",
    "60",
    minutes,
    "How many minutes after their end failed jobs are forgotten."
  ),
  minimumAcceptableCoreVersion: airflow(
    "edge",
    "minimum_acceptable_core_version_for_workers",
    undefined,
    optional(version),
    "The oldest Airflow version of a worker that is accepted; without it, only the central's own."
  ),
  minimumAcceptableEdgeVersion: airflow(
    "edge",
    "minimum_acceptable_edge_version_for_workers",
    undefined,
    optional(version),
    "The oldest edge3 version of a worker that is accepted; without it, only the central's own."
  ),
  trustedJwksUrl: airflow(
    "edge",
    "trusted_jwks_url",
    undefined,
    optional(httpUrl),
    "The JSON Web Key Set of an OpenID provider whose tokens workers send in place of those signed with the shared secret."
  ),
  oidcIssuer: airflow(
    "edge",
    "jwt_issuer",
    undefined,
    optional(text),
    "The issuer that such a token must name."
  ),
  oidcAudience: airflow(
    "edge",
    "jwt_audience",
    undefined,
    optional(text),
    "The audience that such a token must name; without it, a token must name none."
  ),
  oidcAlgorithms: airflow(
    "edge",
    "jwt_algorithm",
    "RS256",
    list,
    "The algorithms with which such a token may be signed, with commas."
  ),
  oidcLeeway: airflow(
    "edge",
    "jwt_leeway",
    "30",
    seconds(0),
    "How far the clock of such a token's issuer may differ."
  ),
  oidcVerifier: airflow(
    "edge",
    "jwt_verifier",
    undefined,
    optional(text),
    "A Python function that Airflow asks about such a token; it cannot be asked here, use [edge_central] worker_rules."
  ),
  jwtSecret: settings.jwtSecret,
  jwtLeeway: settings.jwtLeeway,
  jwtIssuers: airflow(
    "api_auth",
    "jwt_issuer",
    undefined,
    list,
    "The issuers that may be named in a token which is signed with the shared secret; any where it is not set."
  ),
  jwtAlgorithms: airflow(
    "api_auth",
    "jwt_algorithm",
    undefined,
    secretAlgorithms,
    "The algorithms with which such a token may be signed; the first signs the tokens of tasks."
  ),
  taskInstanceHeartbeatTimeout: settings.taskInstanceHeartbeatTimeout,
  loggingLevel: settings.loggingLevel
}

/** The same as a list, for what does not care about the fields. */
export const allCentralSettings: ReadonlyArray<Setting<unknown>> = Object.values(centralSettings)
