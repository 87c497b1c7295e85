/** Supervision: what runners share whose jobs are processes with a folder: how an end is told, a stop, and finding again. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import { type JobEnd, type JobFileRefused, JobFolder } from "../platform/JobFolder.ts"
import type { NoLocalAirflow } from "../platform/LocalAirflow.ts"
import { OomKills } from "../platform/OomKills.ts"
import { type ProcessEnd, Processes, type SpawnFailed } from "../platform/Processes.ts"
import type { ProcessIdentity } from "../platform/ProcessIdentity.ts"
import {
  type Adopted,
  type JobLeft,
  type JobToRun,
  NotStarted,
  type Outcome,
  type RunningJob,
  StartFailed
} from "./Runner.ts"

/** A process that runs a job, and how its end is noticed. */
export interface Supervisor {
  readonly handle: Schema.Json
  /** The claim's id, which the job's processes bear as a mark. */
  readonly job: string
  readonly folder: string
  /** Out-of-memory kills before the start, by place; a kill of this job is known by one more. */
  readonly oom: Readonly<Record<string, number>> | undefined
  readonly identity: ProcessIdentity
  /** Gives an end only where the process's own is the job's: what its folder says goes before it. */
  readonly ended: Effect.Effect<ProcessEnd | undefined>
}

/** What is left of a job, where its runner has to go on from a process. */
type Left =
  | Exclude<Adopted, { readonly _tag: "Found" }>
  | { readonly _tag: "Process"; readonly identity: ProcessIdentity; readonly alive: boolean }

/** The variable that everything which a job has started carries in its environment. */
export const markOf = (job: string) => `EDGE_WORKER_JOB=${job}`

/** What is the machine's fault is none of the job's. */
export const startErrorOf = (
  error: NotStarted | JobFileRefused | SpawnFailed | NoLocalAirflow
): NotStarted | StartFailed => {
  if (error._tag === "NotStarted") return error
  const ofMachine = error._tag === "JobFileRefused" || (error._tag === "SpawnFailed" && error.isMachineFault)
  return new (ofMachine ? NotStarted : StartFailed)({ reason: error.message })
}

/** Watches go on until the scope that this is made in ends. */
export const supervision = Effect.gen(function* () {
  const jobFolder = yield* JobFolder
  const oomKills = yield* OomKills
  const processes = yield* Processes
  const scope = yield* Effect.scope

  const outcomeOf = Effect.fnUntraced(function* (
    { folder, oom }: Supervisor,
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

  /** The process as a job that can be waited for and stopped. */
  const supervise = Effect.fnUntraced(function* (supervisor: Supervisor) {
    const { handle, identity: process, job } = supervisor
    const outcome = yield* Deferred.make<Outcome>()
    /** While a kill is at work the job is not over, although its supervisor is gone. */
    let killing: Effect.Effect<unknown> = Effect.void
    let killed = false
    yield* supervisor.ended.pipe(
      Effect.tap(() => Effect.suspend(() => killing)),
      Effect.flatMap((end) => outcomeOf(supervisor, end, () => killed)),
      Effect.flatMap((ended) => Deferred.succeed(outcome, ended)),
      Effect.forkIn(scope)
    )
    const kill = processes.killTree({ root: process, mark: markOf(job) }).pipe(
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

  /** A process that was just being started when the worker died writes its pid at once, or never. */
  const findProcess = (folder: string) =>
    jobFolder
      .process(folder)
      .pipe(
        Effect.flatMap(Effect.fromOption),
        Effect.retry({ times: 20, schedule: Schedule.spaced("50 millis") }),
        Effect.option
      )

  /** Looks for the job's process. After any other answer nothing of it runs. */
  const find = Effect.fnUntraced(function* ({ claim, folder, handle }: JobLeft): Effect.fn.Return<Left> {
    if (handle === undefined && (yield* jobFolder.neverStarted(folder))) return { _tag: "NeverStarted" }
    let found = yield* findProcess(folder)
    // What was stopped just then may wake up and run it: not without its workload.
    if (Option.isNone(found) && !(yield* jobFolder.takeBack(folder, "workload.claimed"))) {
      found = yield* findProcess(folder)
    }
    if (Option.isSome(found)) return { _tag: "Process", ...found.value }
    yield* processes.killTree({ root: undefined, mark: markOf(claim.id) })
    return gone
  })

  /** Keeps which process runs the job. Where that cannot be written, the process has kept it itself, or never runs it. */
  const note = Effect.fnUntraced(function* (
    { claim, folder }: Pick<JobToRun, "claim" | "folder">,
    workload: string,
    process: ProcessIdentity
  ) {
    const written = yield* Effect.result(jobFolder.writeProcess(folder, process))
    if (written._tag === "Success") return
    const { message: reason } = written.failure
    // Whoever runs a job writes its own pid first and removes the workload then: taken back, it never runs.
    const isTakenBack =
      (yield* jobFolder.takeBack(folder, workload)) || (yield* jobFolder.takeBack(folder, "workload.claimed"))
    if (!isTakenBack) return yield* Effect.logWarning(`the process of a job has begun although ${reason}`)
    yield* processes.killTree({ root: process, mark: markOf(claim.id) })
    return yield* new NotStarted({ reason })
  })

  return { find, note, supervise }
})

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
