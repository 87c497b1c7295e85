/** runStandalone: a central, a worker and the web page in one process, from the folder's lock to the worker's farewell. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Accounts } from "../central/Accounts.ts"
import { AirflowConfig } from "../config/AirflowConfig.ts"
import { CentralConfig, type CentralSettings } from "../config/CentralConfig.ts"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { allSettings } from "../config/settings.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import * as Telemetry from "../observability/Telemetry.ts"
import { central } from "./centralParts.ts"
import type { DaemonParent } from "./daemonChild.ts"
import type { ExitName } from "./ExitCode.ts"
import { runExample } from "./exampleJob.ts"
import { runWorker } from "./runWorker.ts"
import { holdFolder, sourcesIn, writeSiteFile } from "./standaloneFolder.ts"
import { logName, standaloneLog } from "./standaloneLog.ts"
import type { OwnTasks } from "./taskParts.ts"
import { version } from "./version.ts"
import type { WorkerOptions } from "./workerOptions.ts"
import { partsWith } from "./workerParts.ts"

/** The flags of `edge-worker standalone`. */
export interface StandaloneOptions {
  /** Absolute. */
  readonly folder: string
  readonly port: number | undefined
  /** Whether a job of our own is run at the start. */
  readonly example: boolean
  readonly verbose: boolean
  /** Those of its worker; `null`: every queue. */
  readonly queues: ReadonlyArray<string> | null
  readonly taskProgram: ReadonlyArray<string> | undefined
  /** The tasks that the program itself has. */
  readonly own: OwnTasks | undefined
}

const NAME = "standalone"

/** In a clone, or where npm has started us, the command is not on the PATH. */
const program = process.env["npm_lifecycle_event"] === undefined ? "edge-worker" : "npx edge-worker"

const say = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

/** Where this process serves: loopback by its number, as no name leads to another address. */
const addressOf = (server: HttpServer["Service"], { tlsCert }: CentralSettings): URL => {
  const port = "port" in server.address ? server.address.port : 0
  return new URL(`${tlsCert === undefined ? "http" : "https"}://127.0.0.1:${port}/`)
}

/** What makes a worker one of this site, besides the secret. */
const workerVariables = (site: URL, { tlsCert }: CentralSettings): Readonly<Record<string, string>> => ({
  AIRFLOW__EDGE__API_URL: new URL("edge_worker/v1/rpcapi", site).href,
  AIRFLOW__CORE__EXECUTION_API_SERVER_URL: new URL("execution", site).href,
  ...(tlsCert === undefined ? {} : { AIRFLOW__API__SSL_CERT: tlsCert })
})

/** The worker's settings: the folder's own, and the central in this process as its site. */
const workerConfig = ({ folder, taskProgram }: StandaloneOptions, site: URL, settings: CentralSettings) =>
  EdgeConfig.layer({ taskProgram }).pipe(
    Layer.provide(AirflowConfig.layer(allSettings)),
    Layer.provide(
      sourcesIn(folder, {
        ...workerVariables(site, settings),
        ...(settings.jwtSecretFile === undefined
          ? {}
          : { AIRFLOW__API_AUTH__JWT_SECRET: Redacted.value(settings.jwtSecret) })
      })
    )
  )

const options: Omit<WorkerOptions, "queues"> = {
  name: NAME,
  team: null,
  concurrency: undefined,
  pidFile: undefined,
  verbose: false,
  daemon: false,
  stdout: undefined,
  stderr: undefined,
  logFile: undefined,
  umask: undefined,
  python: undefined,
  taskProgram: undefined
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** A Ctrl-C must not look as if nothing had happened while jobs end. */
const tellSignals = Effect.acquireRelease(
  Effect.sync(() => {
    const tell = () => process.stdout.write("Ending: jobs that run may finish (Ctrl-C again ends them)\n")
    process.once("SIGINT", tell).once("SIGTERM", tell)
    return tell
  }),
  (tell) => Effect.sync(() => process.off("SIGINT", tell).off("SIGTERM", tell))
)

/** Hears of the worker what a daemon's parent would: that it is online, or what it waits for. */
const listener = Effect.map(Deferred.make<void>(), (online) => {
  let told: string | null = null
  const parent: DaemonParent = {
    online: () => Deferred.succeed(online, undefined),
    waiting: (problem) =>
      Effect.suspend(() => {
        if (problem === told || problem === null) return Effect.void
        told = problem
        return say(`The worker waits: ${problem}`)
      })
  }
  return { online: Deferred.await(online), parent }
})

const worker = Effect.fnUntraced(function* (
  { own, queues }: StandaloneOptions,
  parent: DaemonParent,
  reopen: () => void
) {
  const { concurrency, warnings } = yield* EdgeConfig
  for (const warning of warnings) yield* Effect.logWarning(warning)
  yield* tellSignals
  return yield* runWorker({
    options: { ...options, queues },
    worker: partsWith(own).worker,
    parent,
    reopenLogs: Effect.sync(reopen)
  }).pipe(
    Effect.provide(
      Layer.provideMerge(
        Telemetry.layer,
        Layer.succeed(WorkerIdentity, { name: NAME, queues, team: null, concurrency })
      )
    )
  )
}, Effect.scoped)

const first = Effect.fnUntraced(function* ({ example, folder }: StandaloneOptions, siteFile: string) {
  if (example) yield* runExample(say)
  yield* say(
    [
      ...(example ? [""] : []),
      `${example ? "Another" : "A"} job, in a second terminal:`,
      `  . ${siteFile}`,
      `  ${program} submit example hello --conf '{"name": "you"}' --wait`,
      `What runs which command stands in ${folder}/airflow.cfg. Ctrl-C ends all of it.`
    ].join("\n")
  )
})

/** Python tasks have this folder as Airflow's home as well, whatever the shell's is. */
const ownHome = (folder: string) =>
  Effect.sync(() => {
    process.env["AIRFLOW_HOME"] = folder
    delete process.env["AIRFLOW_CONFIG"]
  })

/** Runs until a signal ends it; gives the worker's ending. */
export const runStandalone = (given: StandaloneOptions): Effect.Effect<ExitName, unknown> =>
  Effect.gen(function* () {
    const { folder, port, verbose } = given
    yield* holdFolder(folder)
    yield* ownHome(folder)
    const log = yield* standaloneLog(folder, verbose ? "Info" : "Warn")
    return yield* Effect.gen(function* () {
      const parts = yield* Layer.build(
        Layer.provide(central({ stateFolder: `${folder}/edge-central`, port }), sourcesIn(folder, {}))
      )
      const settings = Context.get(parts, CentralConfig)
      const site = addressOf(Context.get(parts, HttpServer), settings)
      const siteFile = yield* writeSiteFile(folder, {
        site,
        tokenFile: `${settings.stateFolder}/admin-token`,
        secretFile: settings.jwtSecretFile,
        worker: workerVariables(site, settings)
      })
      const link = yield* Context.get(parts, Accounts).makeLink
      yield* say(
        [
          `edge-worker ${version}: a central, a worker and a web page, all in ${folder} (log: ${logName})`,
          `Web page: ${new URL(`login?link=${Redacted.value(link)}`, site).href}`,
          "(that link opens it once, within ten minutes)",
          ""
        ].join("\n")
      )
      const { online, parent } = yield* listener
      yield* online.pipe(
        Effect.andThen(Effect.provide(first(given, siteFile), parts)),
        Effect.catchCause((cause) =>
          Effect.logError(`the example job could not be run: ${messageOf(Cause.squash(cause))}`)
        ),
        Effect.forkScoped
      )
      return yield* Effect.provide(
        worker(given, parent, log.file.reopen),
        workerConfig(given, site, settings)
      )
    }).pipe(Effect.provide(log.layer))
  }).pipe(Effect.scoped)
