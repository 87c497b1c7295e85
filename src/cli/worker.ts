/** worker: `edge-worker worker`, with every flag of `airflow edge worker`. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig, type EdgeSettings } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import * as Telemetry from "../observability/Telemetry.ts"
import { nameProblem } from "../protocol/WorkerName.ts"
import { failed, UsageError } from "./CommandFailed.ts"
import { become, isDaemonChild, noParent, parentProcess } from "./daemonChild.ts"
import { daemonFiles, daemonize } from "./daemonize.ts"
import { exitCodeText } from "./exitCodeText.ts"
import { canonicalHostName } from "./hostName.ts"
import { type LogSink, toFile, toStream } from "./LogSink.ts"
import { runWorker } from "./runWorker.ts"
import * as WorkerLog from "./WorkerLog.ts"
import { check, type WorkerOptions } from "./workerOptions.ts"
import type { WorkerParts } from "./workerParts.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description))

const switched = (name: string, alias: string, description: string) =>
  Flag.Boolean(name).pipe(
    Flag.withAlias(alias),
    Flag.withDescription(description),
    Flag.withoutNegation,
    Flag.withDefault(false)
  )

const flags = {
  concurrency: text(
    "concurrency",
    "N",
    "Slots: how many jobs run at once; default [edge] worker_concurrency, 8"
  ).pipe(Flag.withAlias("c"), Flag.optional),
  queues: text("queues", "A,B", "Queues to serve, separated by commas; default: every queue").pipe(
    Flag.withAlias("q"),
    Flag.optional
  ),
  teamName: text("team-name", "TEAM", "Team of this worker, for [core] multi_team; default: none").pipe(
    Flag.withAlias("t"),
    Flag.optional
  ),
  edgeHostname: text(
    "edge-hostname",
    "NAME",
    "Name of the worker; default: this machine's full host name"
  ).pipe(Flag.withAlias("H"), Flag.optional),
  python: text(
    "python",
    "PATH",
    "Python of the local Airflow; default [edge_worker] python, $VIRTUAL_ENV, PATH"
  ).pipe(Flag.optional),
  taskProgram: text(
    "task-program",
    "COMMAND",
    'Program of TypeScript tasks: "node tasks.mjs"; default [edge_worker] task_program'
  ).pipe(Flag.optional),
  pid: text("pid", "FILE", "Pid file; default $AIRFLOW_HOME/airflow-edge-worker.pid").pipe(Flag.optional),
  verbose: switched("verbose", "v", "Log at level debug; default [logging] logging_level"),
  daemon: switched(
    "daemon",
    "D",
    "Run in the background; returns when the worker is online, or says why not"
  ),
  stdout: text("stdout", "FILE", "With -D: file for stdout; default: the file for stderr").pipe(
    Flag.optional
  ),
  stderr: text(
    "stderr",
    "FILE",
    "With -D: file for stderr; default $AIRFLOW_HOME/airflow-edge-worker.err"
  ).pipe(Flag.optional),
  logFile: text("log-file", "FILE", "With -D: the log; default $AIRFLOW_HOME/airflow-edge-worker.log").pipe(
    Flag.withAlias("l"),
    Flag.optional
  ),
  umask: text("umask", "OCTAL", "With -D: umask; default [edge] worker_umask, else 077").pipe(
    Flag.withAlias("u"),
    Flag.optional
  )
}

const identify = Effect.fnUntraced(function* (options: WorkerOptions, settings: EdgeSettings) {
  const name = options.name ?? (yield* canonicalHostName)
  const problem = nameProblem(name)
  if (problem !== undefined) {
    return yield* new UsageError({ command: "edge-worker worker", problems: [problem] })
  }
  return {
    name,
    queues: options.queues,
    team: options.team,
    concurrency: options.concurrency ?? settings.concurrency
  }
})

/** Where this process logs and what it reopens: files for a daemon, else stderr. */
const output = Effect.fnUntraced(function* (options: WorkerOptions, settings: EdgeSettings, daemon: boolean) {
  const terminal = !daemon && process.stderr.isTTY === true
  const colour = !daemon && WorkerLog.mayColour(process.stderr)
  const level = WorkerLog.levelOf(settings.loggingLevel, options.verbose)
  const style = { terminal, colour, level }
  if (!daemon) return { sinks: [], log: WorkerLog.layer({ ...style, sink: toStream(process.stderr) }) }
  const files = yield* daemonFiles(options, settings.airflowHome)
  const opened = yield* Effect.try({
    try: (): ReadonlyArray<LogSink> => [toFile(files.log), ...become(files)],
    catch: (error) => failed("config", `a log file cannot be opened: ${String(error)}`)
  })
  const [sink = toStream(process.stderr)] = opened
  return { sinks: opened, log: WorkerLog.layer({ ...style, sink }) }
})

const onlyForDaemons = (options: WorkerOptions) =>
  options.stdout ?? options.stderr ?? options.logFile ?? options.umask

const run = Effect.fnUntraced(function* (parts: WorkerParts, options: WorkerOptions) {
  const settings = yield* EdgeConfig
  const child = isDaemonChild()
  if (options.daemon && !child) return yield* daemonize(options, settings)
  const { log, sinks } = yield* output(options, settings, child)
  const exit = yield* Effect.gen(function* () {
    if (!child && onlyForDaemons(options) !== undefined) {
      yield* Effect.logWarning("--stdout, --stderr, --log-file and --umask have an effect only with --daemon")
    }
    for (const warning of settings.warnings) yield* Effect.logWarning(warning)
    const identity = yield* identify(options, settings)
    return yield* runWorker({
      options,
      worker: parts.worker,
      parent: child ? parentProcess : noParent,
      reopenLogs: Effect.sync(() => {
        for (const sink of sinks) sink.reopen()
      })
    }).pipe(Effect.provide(Layer.provideMerge(Telemetry.layer, Layer.succeed(WorkerIdentity, identity))))
  }).pipe(Effect.provide(log))
  if (exit !== "ok") return yield* failed(exit, "")
})

/** The command, made of the given parts. */
export const worker = (parts: WorkerParts) =>
  Command.make("worker", flags, (given) =>
    Effect.flatMap(check(given), (options) => run(parts, options).pipe(Effect.provide(parts.config(options))))
  ).pipe(
    Command.withShortDescription("Run jobs for an Airflow site"),
    Command.withDescription(
      [
        "Takes jobs from the Airflow site that [edge] api_url names and runs them on this machine, until it is",
        "told to stop. Reads the same airflow.cfg and AIRFLOW__… variables as Airflow itself.",
        "",
        "Signals: the first SIGINT (Ctrl-C) or SIGTERM lets running jobs finish, the second (or SIGQUIT) sends",
        "SIGTERM to all tasks, the third kills them. SIGHUP opens log files anew.",
        "",
        "Exit codes:",
        ...exitCodeText([
          "ok",
          "unexpected",
          "terminated",
          "killed",
          "usage",
          "held",
          "left",
          "nameTaken",
          "rejected",
          "config"
        ])
      ].join("\n  ")
    ),
    Command.withExamples([
      { command: "edge-worker worker", description: "Every queue, named like this machine" },
      {
        command: "edge-worker worker -q gpu,default -c 4 -H gpu-2",
        description: "Two queues, four slots, a name"
      },
      { command: "edge-worker worker -D", description: "In the background" }
    ])
  )
