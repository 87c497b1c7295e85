/** central: `edge-worker central`: the central that workers, people and programs talk to, without Airflow. */
import { resolve } from "node:path"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { failed, UsageError } from "./CommandFailed.ts"
import { exitCodeText } from "./exitCodeText.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

const switched = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withoutNegation, Flag.withDefault(false))

const flags = {
  host: text("host", "ADDRESS", "Address to listen on; default [edge_central] host, 127.0.0.1"),
  port: Flag.Int("port").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("Port to listen on, 0 for any that is free; default [edge_central] port, 8080"),
    Flag.optional
  ),
  database: text(
    "database",
    "URL",
    "postgresql://…; others see it in the list of processes: rather set [edge_central] database_url. Default: SQLite in the state folder"
  ),
  stateFolder: text("state-folder", "FOLDER", "Private folder; default $AIRFLOW_HOME/edge-central"),
  allowRawWorkloads: switched(
    "allow-raw-workloads",
    "Let complete Airflow workloads be submitted, which may run any code of a worker's Dag bundles"
  ),
  verbose: switched("verbose", "Log at level debug; default [logging] logging_level").pipe(
    Flag.withAlias("v")
  )
}

/** The command; what it runs is loaded when it is asked for. */
export const central = Command.make("central", flags, (given) =>
  Effect.gen(function* () {
    const { allowRawWorkloads, verbose } = given
    const isEmpty = (flag: Option.Option<string>) => Option.exists(flag, (value) => value.trim() === "")
    const problems = [
      ...(Option.exists(given.port, (n) => n < 0 || n > 65_535) ? ["--port must be from 0 to 65535"] : []),
      ...(isEmpty(given.host) ? ["--host is empty"] : []),
      ...(isEmpty(given.database) ? ["--database is empty"] : []),
      ...(isEmpty(given.stateFolder) ? ["--state-folder is empty"] : [])
    ]
    if (problems.length > 0) return yield* new UsageError({ command: "edge-worker central", problems })
    const { runCentral } = yield* Effect.promise(() => import("./embedded.ts"))
    const exit = yield* runCentral({
      host: Option.getOrUndefined(given.host),
      port: Option.getOrUndefined(given.port),
      database: Option.getOrUndefined(given.database),
      stateFolder: Option.getOrUndefined(Option.map(given.stateFolder, (path) => resolve(path))),
      allowRawWorkloads: allowRawWorkloads || undefined,
      verbose
    })
    if (exit !== "ok") return yield* failed(exit, "")
  })
).pipe(
  Command.withShortDescription("Run a central for edge workers, without Airflow"),
  Command.withDescription(
    [
      "Serves Airflow's Edge API to workers (this package's and Airflow's own), a web page and commands to people, and",
      "takes jobs from programs. Its secret is made at the first start; what a worker needs is printed. Off this",
      "machine it listens only with TLS ([edge_central] tls_cert, tls_key) or behind a proxy that ends TLS",
      "([edge_central] trusted_proxy). All settings: docs/config.md.",
      "",
      "Signals: SIGINT (Ctrl-C) and SIGTERM end it within two seconds; workers and their jobs go on, and wait for it.",
      "",
      "Exit codes:",
      ...exitCodeText(["ok", "unexpected", "usage", "held", "config"], {
        ok: "it was told to end",
        unexpected: "something unexpected",
        held: "another process holds its state folder or its port"
      })
    ].join("\n  ")
  ),
  Command.withExamples([
    {
      command: "edge-worker central",
      description: "On 127.0.0.1:8080, with SQLite in $AIRFLOW_HOME/edge-central"
    },
    {
      command: "AIRFLOW__EDGE_CENTRAL__DATABASE_URL_CMD='cat db-url' edge-worker central --port 9000",
      description: "With PostgreSQL, whose password stands in a file"
    },
    {
      command: "AIRFLOW__EDGE_CENTRAL__TRUSTED_PROXY=10.0.0.2 edge-worker central --host 0.0.0.0",
      description: "For other machines, behind the proxy 10.0.0.2"
    }
  ])
)
