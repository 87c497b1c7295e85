/** AirflowRunner: runs Python tasks and callbacks through the local Airflow, in a fork of the Python host. */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { HostFolder } from "../platform/HostFolder.ts"
import { type JobEnd, JobFolder } from "../platform/JobFolder.ts"
import { LocalAirflow } from "../platform/LocalAirflow.ts"
import { OomKills } from "../platform/OomKills.ts"
import { type ProcessEnd, Processes } from "../platform/Processes.ts"
import type { ProcessIdentity } from "../platform/ProcessIdentity.ts"
import * as Json from "../protocol/Json.ts"
import { pythonHost } from "./generated/pythonHost.ts"
import type { HostConnection } from "./HostConnection.ts"
import { outageTolerance } from "./outageTolerance.ts"
import { type HostWanted, PythonHosts } from "./PythonHosts.ts"
import { type JobToRun, type Outcome, Runner, type RunningJob, StartFailed } from "./Runner.ts"
import { taskEnvironment } from "./taskEnvironment.ts"

/** What a restarted worker needs: everything else lies in the folder. */
const Handle = Schema.Struct({
  kind: Schema.Literal("airflow"),
  job: Schema.String,
  folder: Schema.String,
  /** The host's folder; `null` for a fresh interpreter. */
  host: Schema.NullOr(Schema.String),
  /** Out-of-memory kills before the start, by place; a kill of this job is known by one more. */
  oom: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite))
})
type Handle = typeof Handle.Type
const decodeHandle = Schema.decodeUnknownOption(Handle)

/** A process that runs a job, and how its end is noticed. */
interface Supervisor {
  readonly handle: Handle
  readonly identity: ProcessIdentity
  readonly ended: Effect.Effect<ProcessEnd | undefined>
}

/** How often a job is given to a host before it gets an interpreter of its own. */
const HOST_TRIES = 2

/** The runner for `ExecuteTask` and `ExecuteCallback`. */
export const AirflowRunner = {
  /** `runs`: what Python runs, `airflow` or, for tests, `MODULE:CLASS`. */
  layer: (options: { readonly runs?: string } = {}) =>
    Layer.effect(Runner, make(options.runs ?? "airflow")).pipe(Layer.provide(PythonHosts.layer))
}

const make = Effect.fnUntraced(function* (runs: string) {
  const airflow = yield* LocalAirflow
  const config = yield* EdgeConfig
  const hostFolder = yield* HostFolder
  const hosts = yield* PythonHosts
  const identity = yield* WorkerIdentity
  const jobFolder = yield* JobFolder
  const oomKills = yield* OomKills
  const processes = yield* Processes
  const scope = yield* Effect.scope
  const program = yield* hostFolder.program(pythonHost)

  /** What a Python process is started with, host or not. */
  const wanted = Effect.gen(function* () {
    const local = yield* airflow.current
    const env = taskEnvironment(processes.environment, {
      workerName: identity.name,
      executionApiUrl: config.executionApiUrl,
      baseLogFolder: config.baseLogFolder,
      hasEdge3: local.edge3 !== undefined,
      tolerance: outageTolerance(
        Duration.toSeconds(config.outageTolerance ?? config.taskInstanceHeartbeatTimeout),
        config.executionApiPatience
      )
    })
    const { coreDumps } = config
    const fingerprint = hostFolder.digest(JSON.stringify([local.fingerprint, program, runs, env, coreDumps]))
    return { python: local.python, program, runs, coreDumps, env, fingerprint }
  })

  /** The host says when the job ends; once it is gone itself, only a look from time to time does. */
  const endInHost = (connection: HostConnection, job: string, process: ProcessIdentity) =>
    connection.jobEnded(job).pipe(Effect.andThen(processes.awaitGone(process)), Effect.as(undefined))

  /** `undefined`: no host runs this job, and none ever will. */
  const startInHost = Effect.fnUntraced(function* (job: JobToRun, python: HostWanted, workload: string) {
    const host = yield* hosts.acquire(python)
    const handle: Handle = { kind: "airflow", job: job.claim.id, folder: job.folder, host: host.folder }
    const asked = { op: "start", job: job.claim.id, folder: job.folder, workload }
    const started = yield* Effect.result(host.connection.request(asked))
    if (started._tag === "Failure" && started.failure._tag === "HostRefused") {
      // It answers only before the process exists or after it was told not to run.
      yield* Effect.logWarning(started.failure.message)
      yield* hosts.release(host)
      return undefined
    }
    if (started._tag === "Failure") {
      yield* Effect.logWarning(started.failure.message)
      yield* hosts.abandon(host)
      // The host is dead. What it had not claimed, and what it had claimed without a pid on disk, does not run.
      if (yield* jobFolder.takeBack(job.folder, workload)) return undefined
    }
    const found = yield* jobFolder.process(job.folder)
    if (Option.isNone(found)) return undefined
    const process = found.value.identity
    return { handle, identity: process, ended: endInHost(host.connection, job.claim.id, process) }
  })

  const startFresh = Effect.fnUntraced(function* (job: JobToRun, python: HostWanted, workload: string) {
    const { claim, folder } = job
    const args = [
      program,
      "--once",
      "--folder",
      folder,
      "--workload",
      workload,
      "--job",
      claim.id,
      "--runner",
      runs,
      ...(python.coreDumps ? ["--core-dumps"] : [])
    ]
    const process = yield* processes.spawn({
      command: python.python,
      args,
      env: { ...python.env, EDGE_WORKER_JOB: claim.id },
      stdout: `${folder}/stdout`,
      stderr: `${folder}/stderr`
    })
    yield* jobFolder.writeProcess(folder, process)
    const handle: Handle = { kind: "airflow", job: claim.id, folder, host: null }
    return { handle, identity: process, ended: process.ended }
  })

  const startProcess = Effect.fnUntraced(function* (job: JobToRun) {
    const python = yield* wanted
    const workload = Json.stringify(job.claim.job.command) ?? ""
    const tries = config.executeTasksNewPythonInterpreter ? 0 : HOST_TRIES
    for (let number = 1; ; number++) {
      // A name of its own each time: a host of an earlier try can never take up a later one's.
      const name = `workload-${number}.json`
      yield* jobFolder.write(job.folder, name, workload)
      if (number > tries) return yield* startFresh(job, python, name)
      const started: Supervisor | undefined = yield* startInHost(job, python, name).pipe(
        Effect.catchTag("NoHost", () => Effect.as(jobFolder.takeBack(job.folder, name), undefined))
      )
      if (started !== undefined) return started
    }
  })

  const supervise = Effect.fnUntraced(function* (supervisor: Supervisor) {
    const { handle, identity: process } = supervisor
    const outcome = yield* Deferred.make<Outcome>()
    /** While a kill is at work the job is not over, although its supervisor is gone. */
    let killing: Effect.Effect<unknown> = Effect.void
    let killed = false
    yield* supervisor.ended.pipe(
      Effect.tap(() => Effect.suspend(() => killing)),
      Effect.flatMap((end) => outcomeOf(handle, end, () => killed)),
      Effect.flatMap((ended) => Deferred.succeed(outcome, ended)),
      Effect.forkIn(scope)
    )
    const kill = processes.killTree({ root: process, mark: `EDGE_WORKER_JOB=${handle.job}` }).pipe(
      Effect.tap((left) =>
        left.length === 0
          ? Effect.void
          : Effect.logWarning("processes of a job belong to another user and could not be killed", {
              pids: left
            })
      )
    )
    const running: RunningJob = {
      handle,
      outcome: Deferred.await(outcome),
      stop: (how) =>
        how === "term"
          ? processes.signal(process, "SIGTERM")
          : Effect.suspend(() => {
              const done = Deferred.makeUnsafe<void>()
              killed = true
              killing = Effect.andThen(killing, Deferred.await(done))
              return Effect.ensuring(kill, Deferred.succeed(done, undefined))
            })
    }
    return running
  })

  const outcomeOf = Effect.fnUntraced(function* (
    { folder, oom }: Handle,
    seen: ProcessEnd | undefined,
    killed: () => boolean
  ) {
    const end = Option.getOrElse(yield* jobFolder.exit(folder), (): JobEnd | undefined => seen)
    if (end !== undefined && "code" in end && end.code === 0) return { _tag: "Succeeded" as const }
    const why = reasonOf(end)
    const place =
      "signal" in why && why.signal === "SIGKILL" && !killed() && oom !== undefined
        ? yield* oomKills.risen(oom)
        : undefined
    const reason =
      place === undefined
        ? why.reason
        : `${why.reason}: the kernel's out-of-memory killer (oom_kill count of ${place} rose)`
    return { _tag: "Failed" as const, stderr: yield* jobFolder.stderr(folder), ...why, reason }
  })

  /** A process that was just being started when the worker died writes its pid at once, or never. */
  const findProcess = (folder: string) =>
    jobFolder
      .process(folder)
      .pipe(
        Effect.flatMap(Effect.fromOption),
        Effect.retry({ times: 20, schedule: Schedule.spaced("50 millis") }),
        Effect.option
      )

  return Runner.of({
    start: Effect.fnUntraced(function* (job) {
      if (job.claim.job.command.type === "TestConnection") {
        return yield* new StartFailed({
          reason:
            "this worker runs tasks and callbacks, no connection tests; run the test on another executor"
        })
      }
      const before = yield* oomKills.count()
      const supervisor = yield* startProcess(job).pipe(
        Effect.mapError((error) => new StartFailed({ reason: error.message })),
        Effect.uninterruptible
      )
      // A host of an earlier worker may run in another control group.
      const oom = { ...(yield* oomKills.count(supervisor.identity.pid)), ...before }
      return yield* supervise({ ...supervisor, handle: { ...supervisor.handle, oom } })
    }),
    adopt: Effect.fnUntraced(function* ({ claim, folder, handle: json }) {
      const job = claim.id
      if (json === undefined && (yield* jobFolder.neverStarted(folder))) return neverStarted
      const kept = Option.getOrUndefined(json === undefined ? Option.none() : decodeHandle(json))
      const host = kept?.host ?? null
      // Where the folder is now: the state folder may have been moved.
      const handle: Handle = { ...kept, kind: "airflow", job, folder, host }
      let found = yield* findProcess(folder)
      // A host that was stopped just then may wake up and run it: not without its workload.
      if (Option.isNone(found) && !(yield* jobFolder.takeBack(folder, "workload.claimed"))) {
        found = yield* findProcess(folder)
      }
      if (Option.isNone(found)) {
        yield* processes.killTree({ root: undefined, mark: `EDGE_WORKER_JOB=${job}` })
        return gone
      }
      const process = found.value.identity
      const connection = found.value.alive && host !== null ? yield* hosts.find(host) : Option.none()
      // Looked at again now that the host tells us of ends: what has ended before is gone.
      const ended =
        Option.isSome(connection) && (yield* processes.isAlive(process))
          ? endInHost(connection.value, job, process)
          : Effect.as(found.value.alive ? processes.awaitGone(process) : Effect.void, undefined)
      return { _tag: "Found" as const, job: yield* supervise({ handle, identity: process, ended }) }
    })
  })
})

const neverStarted = { _tag: "NeverStarted" as const }
const gone = {
  _tag: "Gone" as const,
  reason: "the worker was restarted and nothing is left of the task's process, nor a word on how it ended"
}

const reasonOf = (end: JobEnd | undefined) => {
  if (end === undefined) {
    return { reason: "ended without an exit code: its process was killed, or the machine was restarted" }
  }
  if ("signal" in end) return { reason: `was killed by ${end.signal}`, signal: end.signal }
  const { code: exitCode, task_signal: signal } = end
  return signal === undefined
    ? { reason: `exited with code ${exitCode}`, exitCode }
    : { reason: `exited with code ${exitCode}: its task's process was killed by ${signal}`, exitCode, signal }
}
