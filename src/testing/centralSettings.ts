/** Settings of a central for tests: the defaults, any free port, and a secret that is in no file. */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import type { CentralSettings } from "../config/CentralConfig.ts"

/** The defaults with the changes of one test. */
export const testCentralSettings = (changes: Partial<CentralSettings> = {}): CentralSettings => ({
  stateFolder: "/central",
  host: "127.0.0.1",
  port: 0,
  databaseUrl: undefined,
  claimTimeout: Duration.seconds(60),
  tlsCert: undefined,
  tlsKey: undefined,
  trustedProxy: [],
  publicUrl: undefined,
  allowRawWorkloads: false,
  maxConnections: 4096,
  maxRequestSize: 8 * 2 ** 20,
  airflowVersion: "3.3.2",
  edgeProviderVersion: "5.1.0",
  minimumAcceptableCoreVersion: undefined,
  minimumAcceptableEdgeVersion: undefined,
  heartbeatInterval: Duration.seconds(30),
  taskInstanceHeartbeatTimeout: Duration.seconds(300),
  defaultTaskRetryDelay: Duration.seconds(300),
  jobSuccessPurge: Duration.minutes(5),
  jobFailPurge: Duration.minutes(60),
  auditRetention: Duration.days(90),
  jwtSecret: Redacted.make("a good secret: Lw3vN8hZq1TtYbR0sK5e"),
  jwtSecretFile: undefined,
  usersFile: "/central/users.json",
  variablesFile: undefined,
  connectionsFile: undefined,
  jwtLeeway: Duration.seconds(10),
  jwtIssuers: [],
  jwtAlgorithms: ["HS512"],
  oidc: undefined,
  loggingLevel: "INFO",
  warnings: [],
  ...changes
})
