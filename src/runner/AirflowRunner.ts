/** AirflowRunner: runs Python tasks and callbacks through the local Airflow, in a fork of the Python host. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { HostFolder } from "../platform/HostFolder.ts"
import { JobFolder } from "../platform/JobFolder.ts"
import { LocalAirflow } from "../platform/LocalAirflow.ts"
import { OomKills } from "../platform/OomKills.ts"
import { Processes } from "../platform/Processes.ts"
import type { ProcessIdentity } from "../platform/ProcessIdentity.ts"
import * as Json from "../protocol/Json.ts"
import { pythonHost } from "./generated/pythonHost.ts"
import type { HostConnection } from "./HostConnection.ts"
import { outageTolerance } from "./outageTolerance.ts"
import { type HostWanted, PythonHosts } from "./PythonHosts.ts"
import { type JobToRun, Runner, StartFailed } from "./Runner.ts"
import { type Supervisor, startErrorOf, supervision } from "./Supervision.ts"
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

/** A process of ours that runs a job; all else stands in its handle. */
interface AirflowSupervisor extends Pick<Supervisor, "identity" | "ended"> {
  readonly handle: Handle
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
  const { find, note, supervise } = yield* supervision
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
    yield* note(job, workload, process)
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
      const started: AirflowSupervisor | undefined = yield* startInHost(job, python, name).pipe(
        Effect.catchTag("NoHost", () => Effect.as(jobFolder.takeBack(job.folder, name), undefined))
      )
      if (started !== undefined) return started
    }
  })

  const superviseJob = (supervisor: AirflowSupervisor) => {
    const { folder, job, oom } = supervisor.handle
    return supervise({ ...supervisor, job, folder, oom })
  }

  return Runner.of({
    start: Effect.fnUntraced(function* (job) {
      if (job.claim.job.command.type === "TestConnection") {
        return yield* new StartFailed({
          reason:
            "this worker runs tasks and callbacks, no connection tests; run the test on another executor"
        })
      }
      const before = yield* oomKills.count()
      const supervisor = yield* startProcess(job).pipe(Effect.mapError(startErrorOf), Effect.uninterruptible)
      // A host of an earlier worker may run in another control group.
      const oom = { ...(yield* oomKills.count(supervisor.identity.pid)), ...before }
      return yield* superviseJob({ ...supervisor, handle: { ...supervisor.handle, oom } })
    }),
    adopt: Effect.fnUntraced(function* (left) {
      const { claim, folder, handle: json } = left
      const found = yield* find(left)
      if (found._tag !== "Process") return found
      const { alive, identity: process } = found
      const kept = Option.getOrUndefined(json === undefined ? Option.none() : decodeHandle(json))
      const host = kept?.host ?? null
      // Where the folder is now: the state folder may have been moved.
      const handle: Handle = { ...kept, kind: "airflow", job: claim.id, folder, host }
      const connection = alive && host !== null ? yield* hosts.find(host) : Option.none()
      // Looked at again now that the host tells us of ends: what has ended before is gone.
      const ended =
        Option.isSome(connection) && (yield* processes.isAlive(process))
          ? endInHost(connection.value, claim.id, process)
          : Effect.as(alive ? processes.awaitGone(process) : Effect.void, undefined)
      return { _tag: "Found" as const, job: yield* superviseJob({ handle, identity: process, ended }) }
    })
  })
})
