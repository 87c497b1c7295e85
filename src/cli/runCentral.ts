/** runCentral: an embedded central from its settings to the signal that ends it, and what it tells who started it. */
import { hostname } from "node:os"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { Accounts } from "../central/Accounts.ts"
import { CentralConfig, type CentralSettings } from "../config/CentralConfig.ts"
import type { CentralCommandLine } from "../config/readCentralSettings.ts"
import { ConfigSources } from "../platform/ConfigSources.ts"
import { Signals } from "../platform/Signals.ts"
import { isLoopback } from "../platform/TrustedPeers.ts"
import { centralConfig, centralOf } from "./centralParts.ts"
import type { ExitName } from "./ExitCode.ts"
import { toStream } from "./LogSink.ts"
import { version } from "./version.ts"
import * as WorkerLog from "./WorkerLog.ts"

/** The flags of `edge-worker central`. */
export interface CentralOptions extends Omit<CentralCommandLine, "databaseUrl"> {
  /** A plain text: this is another bundle than that of the flags, whose `Redacted` values cannot be read here. */
  readonly database: string | undefined
  readonly verbose: boolean
}

const say = (lines: ReadonlyArray<string>) => Effect.sync(() => process.stdout.write(`${lines.join("\n")}\n`))

const log = ({ loggingLevel }: CentralSettings, verbose: boolean) =>
  WorkerLog.layer({
    sink: toStream(process.stderr),
    level: WorkerLog.levelOf(loggingLevel, verbose),
    terminal: process.stderr.isTTY === true,
    colour: WorkerLog.mayColour(process.stderr)
  })

const everywhere = ["0.0.0.0", "::", ""]

/** The address on this machine, or of it where it listens to others, ending in a slash. */
const addressOf = ({ host, tlsCert, ...settings }: CentralSettings, server: HttpServer["Service"]): URL => {
  const port = "port" in server.address ? server.address.port : settings.port
  const name = everywhere.includes(host) ? hostname() : host
  return new URL(
    `${tlsCert === undefined ? "http" : "https"}://${name.includes(":") ? `[${name}]` : name}:${port}/`
  )
}

/** The address that others use, ending in a slash. */
const publicOf = ({ publicUrl }: CentralSettings, own: URL): URL =>
  publicUrl === undefined ? own : new URL(publicUrl.href.replace(/\/*$/, "/"))

const quoted = (text: string): string => `'${text.replaceAll("'", `'"'"'`)}'`

/** How a worker proves who it is; where the secret lies, never what it is. */
const credential = ({ jwtSecretFile, oidc }: CentralSettings): ReadonlyArray<string> => {
  if (oidc !== undefined) return [`  and sends tokens of ${oidc.issuer ?? oidc.jwksUrl}`]
  if (jwtSecretFile === undefined) return ["  AIRFLOW__API_AUTH__JWT_SECRET as it is set here"]
  return [`  AIRFLOW__API_AUTH__JWT_SECRET_CMD="cat ${quoted(jwtSecretFile)}"`]
}

const serve = Effect.fnUntraced(function* (settings: CentralSettings) {
  const signals = yield* Signals
  const parts = yield* Layer.build(centralOf)
  const own = addressOf(settings, Context.get(parts, HttpServer))
  const address = publicOf(settings, own)
  yield* Effect.logInfo(`edge-worker central ${version} listens`, {
    address: address.href,
    state: settings.stateFolder
  })
  const link = isLoopback(settings.host) ? yield* Context.get(parts, Accounts).makeLink : undefined
  yield* say([
    `edge-worker ${version}: a central for edge workers at ${address.href}`,
    ...(link === undefined
      ? []
      : [
          // by its own address: through a proxy it would not be seen to come from this machine
          `Web page (opens once, within ten minutes): ${new URL(`login?link=${Redacted.value(link)}`, own).href}`
        ]),
    `Token of its commands: ${settings.stateFolder}/admin-token`,
    "A worker needs:",
    `  AIRFLOW__EDGE__API_URL=${new URL("edge_worker/v1/rpcapi", address).href}`,
    ...credential(settings)
  ])
  const ends = signals.stream.pipe(Stream.filter((signal) => signal === "SIGINT" || signal === "SIGTERM"))
  const first = yield* Stream.runHead(ends)
  // Whatever holds up the end, the next signal is not waited with.
  process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143))
  yield* Effect.logInfo("the central ends", { signal: Option.getOrElse(first, () => "none") })
})

/** Serves until a signal ends it. */
export const runCentral = ({
  database,
  verbose,
  ...rest
}: CentralOptions): Effect.Effect<ExitName, unknown> =>
  Effect.gen(function* () {
    const settings = yield* CentralConfig
    return yield* Effect.gen(function* () {
      for (const warning of settings.warnings) yield* Effect.logWarning(warning)
      yield* Effect.scoped(serve(settings))
      yield* Effect.logInfo("the central has ended")
      return "ok" as const
    }).pipe(Effect.provide([log(settings, verbose), Signals.layer]))
  }).pipe(
    Effect.provide(
      centralConfig({
        ...rest,
        databaseUrl: database === undefined ? undefined : Redacted.make(database, { label: "database" })
      }).pipe(Layer.provide(ConfigSources.layer))
    )
  )
