/** runWorker: a worker from its lock to its exit code, with everything that talks to it on this machine. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { ControlSocket } from "../platform/ControlSocket.ts"
import { defaultPidFile, hold } from "../platform/PidFile.ts"
import { Signals, type WorkerSignal } from "../platform/Signals.ts"
import { StateFolder } from "../platform/StateFolder.ts"
import { Worker, type WorkerEnd } from "../worker/Worker.ts"
import type { DaemonParent } from "./daemonChild.ts"
import { type ExitName, exitCode, exitOfEnd } from "./ExitCode.ts"
import { answerUsr2, controlHandler } from "./localRequests.ts"
import { StopLadder } from "./StopLadder.ts"
import { version } from "./version.ts"
import type { WorkerOptions } from "./workerOptions.ts"
import type { WorkerParts } from "./workerParts.ts"

/** What this run has besides its options. */
export interface Run {
  readonly options: WorkerOptions
  readonly worker: WorkerParts["worker"]
  readonly parent: DaemonParent
  /** SIGHUP: opens log files anew. */
  readonly reopenLogs: Effect.Effect<void>
}

const onSignal = Effect.fnUntraced(function* (signal: WorkerSignal, reopenLogs: Effect.Effect<void>) {
  const ladder = yield* StopLadder
  switch (signal) {
    case "SIGINT":
    case "SIGTERM":
      return yield* ladder.climb(signal, 1)
    case "SIGQUIT":
      return yield* ladder.climb(signal, 2)
    case "SIGHUP":
      yield* reopenLogs
      return yield* Effect.logInfo("SIGHUP: log files are opened anew")
    case "SIGUSR2":
      return yield* answerUsr2
    case "SIGUSR1":
      return
  }
})

/** Signals are handled beside each other: one that takes long must not hold up the next. */
const signalLoop = (reopenLogs: Effect.Effect<void>) =>
  Effect.flatMap(Signals, (signals) =>
    Stream.runForEach(signals.stream, (signal) =>
      onSignal(signal, reopenLogs).pipe(
        Effect.catchCause((cause) => Effect.logError(`${signal} could not be handled`, cause)),
        Effect.forkScoped
      )
    )
  )

/** Tells the command that waits for a daemon how the start goes. */
const announce = Effect.fnUntraced(function* (worker: Worker["Service"], parent: DaemonParent) {
  const { name } = yield* WorkerIdentity
  yield* worker.status.pipe(
    Effect.tap(({ site_problem }) => parent.waiting(site_problem)),
    Effect.repeat(Schedule.spaced("500 millis")),
    Effect.raceFirst(worker.registered),
    // a refusal ends the worker itself, which says so
    Effect.andThen(parent.online(name)),
    Effect.ignore
  )
})

const farewell = (end: WorkerEnd): Effect.Effect<ExitName> => {
  const exit = exitOfEnd(end)
  const fields = {
    reason: end.reason,
    rejected: end.rejected,
    tasks: end.tasks,
    reports_left: end.reportsLeft,
    log_bytes_left: end.logBytesLeft,
    exit_code: exitCode(exit)
  }
  return Effect.as(
    exit === "ok"
      ? Effect.logInfo("the worker has ended", fields)
      : Effect.logWarning("the worker has ended", fields),
    exit
  )
}

/** Ends with the worker, or at once where it was stopped before it existed. */
const life = Effect.fnUntraced(function* (run: Run) {
  const ladder = yield* StopLadder
  const started = Effect.gen(function* () {
    const worker = yield* Worker
    yield* ladder.attach(worker)
    yield* Effect.forkScoped(announce(worker, run.parent))
    return yield* farewell(yield* worker.ended)
  }).pipe(Effect.scoped, Effect.provide(run.worker(run.options)))
  const abandoned = Effect.as(
    Effect.andThen(ladder.abandoned, Effect.logInfo("stopped before the worker was online")),
    "ok" as const
  )
  return yield* Effect.raceFirst(started, abandoned)
})

const face = Effect.fnUntraced(function* (run: Run) {
  // first of all: from here on no signal ends this process by itself
  yield* Effect.forkScoped(signalLoop(run.reopenLogs), { startImmediately: true })
  const identity = yield* WorkerIdentity
  const { airflowHome } = yield* EdgeConfig
  return yield* Effect.gen(function* () {
    const { path } = yield* StateFolder
    // edge3's title (`cli/worker.py`); what stands in the pid file must be known by it
    process.title = `airflow edge worker: ${identity.name}`
    yield* hold(run.options.pidFile ?? defaultPidFile(airflowHome))
    yield* Layer.build(ControlSocket.layer(yield* controlHandler))
    yield* Effect.logInfo(`edge-worker ${version} starts`, {
      name: identity.name,
      pid: process.pid,
      queues: identity.queues?.join(",") ?? "all",
      concurrency: identity.concurrency,
      state_folder: path
    })
    return yield* life(run)
  }).pipe(Effect.scoped, Effect.provide(StateFolder.layer))
}, Effect.scoped)

/** Runs the worker and gives its ending. Needs what the configuration and the flags say. */
export const runWorker = (run: Run) =>
  face(run).pipe(
    Effect.provide(StopLadder.layer(Effect.sync(() => process.exit(exitCode("killed"))))),
    Effect.provide(Signals.layer)
  )
