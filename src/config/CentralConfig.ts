/** CentralConfig: every setting of an embedded central, read once, with its shared secret made where there is none. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { type CentralCommandLine, readCentralSettings } from "./readCentralSettings.ts"
import type { WorkerRule } from "./workerRules.ts"

/** Tokens of an OpenID provider in place of the shared secret (`[edge] trusted_jwks_url` and the keys beside it). */
export interface OidcSettings {
  readonly jwksUrl: string
  /** `undefined`: any issuer whose key is in the set; only with rules. */
  readonly issuer: string | undefined
  /** `undefined`: only tokens that name none. */
  readonly audience: string | undefined
  readonly algorithms: ReadonlyArray<string>
  readonly leeway: Duration.Duration
  /** Empty: every identity may be every worker, as in Airflow without a verifier. */
  readonly rules: ReadonlyArray<WorkerRule>
}

/** The settings of one central. The key that each is read from stands in `config/centralSettings.ts`. */
export interface CentralSettings {
  /** `[edge_central] state_folder`, else `$AIRFLOW_HOME/edge-central`. */
  readonly stateFolder: string
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** `undefined`: SQLite in the state folder. */
  readonly databaseUrl: Redacted.Redacted | undefined
  readonly claimTimeout: Duration.Duration
  readonly tlsCert: string | undefined
  readonly tlsKey: string | undefined
  /** Addresses and networks of the proxy that ends TLS; empty where there is none. */
  readonly trustedProxy: ReadonlyArray<string>
  readonly publicUrl: URL | undefined
  readonly allowRawWorkloads: boolean
  /** Who may log in; there need not be such a file. */
  readonly usersFile: string
  /** What Python tasks find here; `undefined` where nothing is given them. */
  readonly variablesFile: string | undefined
  readonly connectionsFile: string | undefined
  /** At once. */
  readonly maxConnections: number
  /** Bytes of a request's body. */
  readonly maxRequestSize: number
  readonly airflowVersion: string
  readonly edgeProviderVersion: string
  readonly minimumAcceptableCoreVersion: string | undefined
  readonly minimumAcceptableEdgeVersion: string | undefined
  readonly heartbeatInterval: Duration.Duration
  readonly taskInstanceHeartbeatTimeout: Duration.Duration
  /** Between the tries of a job that says nothing of it. */
  readonly defaultTaskRetryDelay: Duration.Duration
  readonly jobSuccessPurge: Duration.Duration
  readonly jobFailPurge: Duration.Duration
  /** How long it is kept what people did; 0: for ever. */
  readonly auditRetention: Duration.Duration
  /** Signs and checks the tokens of tasks, and those of workers where `oidc` is not set. */
  readonly jwtSecret: Redacted.Redacted
  /** Where the secret was made; `undefined` where it is configured. */
  readonly jwtSecretFile: string | undefined
  readonly jwtLeeway: Duration.Duration
  /** Empty: any. */
  readonly jwtIssuers: ReadonlyArray<string>
  /** The first signs. */
  readonly jwtAlgorithms: readonly [string, ...ReadonlyArray<string>]
  readonly oidc: OidcSettings | undefined
  readonly loggingLevel: string
  /** What the operator should know before the start. Never holds a secret. */
  readonly warnings: ReadonlyArray<string>
}

/** The settings of the central that this process is. */
export class CentralConfig extends Context.Service<CentralConfig, CentralSettings>()(
  "edge-worker/config/CentralConfig"
) {
  /** Reads every setting; fails with one `ConfigInvalid` that lists all mistakes. The command line comes first. */
  static readonly layer = (commandLine: CentralCommandLine = {}) =>
    Layer.effect(CentralConfig, readCentralSettings(commandLine))
}
