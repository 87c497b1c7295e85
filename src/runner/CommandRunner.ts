/** CommandRunner: runs the commands that the worker's own configuration names for tasks, under a supervisor of ours. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { commandFor } from "../config/commandTable.ts"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { JobFolder } from "../platform/JobFolder.ts"
import { OomKills } from "../platform/OomKills.ts"
import { type ProcessEnd, Processes } from "../platform/Processes.ts"
import type { ProcessIdentity } from "../platform/ProcessIdentity.ts"
import { Programs } from "../platform/Programs.ts"
import * as Json from "../protocol/Json.ts"
import { commandEnvironment } from "./commandEnvironment.ts"
import { commandSupervisor } from "./generated/commandSupervisor.ts"
import { type JobToRun, Runner, StartFailed } from "./Runner.ts"
import { markOf, startErrorOf, supervision } from "./Supervision.ts"

/** What a restarted worker needs: everything else lies in the folder. */
const Handle = Schema.Struct({
  kind: Schema.Literal("command"),
  /** Out-of-memory kills before the start, by place. */
  oom: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite))
})
const decodeHandle = Schema.decodeUnknownOption(Handle)

/** A small heap: it only passes lines on. */
const nodeFlags = ["--max-semi-space-size=1", "--max-old-space-size=64"]

/**
 * The runner for tasks that `[edge_worker] commands` names.
 *
 * The supervisor is a process of its own because it must outlive the worker: what the command says goes through it into
 * the job's log, and what became of it into the job's folder. It is a Node script of one file, which starts in 30 ms
 * and holds 9 MB of its own; a shell could keep the exit code, but not make JSON lines of the output.
 */
export const CommandRunner = {
  layer: Layer.effect(
    Runner,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const identity = yield* WorkerIdentity
      const jobFolder = yield* JobFolder
      const oomKills = yield* OomKills
      const processes = yield* Processes
      const programs = yield* Programs
      const { find, note, supervise } = yield* supervision
      const supervisor = yield* programs.ours("command-supervisor.cjs", commandSupervisor)

      const environment = (job: JobToRun) =>
        commandEnvironment(processes.environment, job, {
          workerName: identity.name,
          executionApiUrl: config.executionApiUrl,
          baseLogFolder: config.baseLogFolder
        })

      const spawn = Effect.fnUntraced(function* (job: JobToRun, argv: ReadonlyArray<string>) {
        const { folder, logFile } = job
        yield* jobFolder.write(folder, "conf.json", Json.stringify(job.claim.job.conf ?? null) ?? "null")
        const workload = "workload-1.json"
        yield* jobFolder.write(folder, workload, JSON.stringify({ argv, log: logFile }))
        const process = yield* processes.spawn({
          command: programs.node,
          args: [...nodeFlags, supervisor, folder, workload],
          env: environment(job),
          cwd: folder,
          stdout: `${folder}/stdout`,
          stderr: `${folder}/stderr`
        })
        yield* note(job, workload, process)
        return process
      })

      /** A supervisor that went without a word has left its command behind: nothing of a job outlives its end. */
      const cleared = Effect.fnUntraced(function* (
        { claim, folder }: Pick<JobToRun, "claim" | "folder">,
        root: ProcessIdentity,
        end: ProcessEnd | undefined
      ) {
        if (Option.isNone(yield* jobFolder.exit(folder))) {
          yield* processes.killTree({ root, mark: markOf(claim.id) })
        }
        // Its exit code is no word about the command's.
        return end !== undefined && "signal" in end ? end : undefined
      })

      return Runner.of({
        start: Effect.fnUntraced(function* (job) {
          const { dag_id, task_id } = job.claim.job
          const command = commandFor(config.commands, job.claim.job)
          if (command === undefined) {
            return yield* new StartFailed({
              reason: `no command is configured for ${dag_id}.${task_id} in [edge_worker] commands of this worker`
            })
          }
          const [program, ...args] = command
          const oom = yield* oomKills.count()
          const path = yield* Effect.mapError(
            programs.find(program),
            (error) =>
              new StartFailed({
                reason: `the command of ${dag_id}.${task_id} in [edge_worker] commands cannot be run: ${error.message}`
              })
          )
          const process = yield* spawn(job, [path, ...args]).pipe(
            Effect.mapError(startErrorOf),
            Effect.uninterruptible
          )
          return yield* supervise({
            handle: { kind: "command", oom },
            job: job.claim.id,
            folder: job.folder,
            oom,
            identity: process,
            ended: Effect.flatMap(process.ended, (end) => cleared(job, process, end))
          })
        }),
        adopt: Effect.fnUntraced(function* (left) {
          const found = yield* find(left)
          if (found._tag !== "Process") return found
          const { alive, identity: process } = found
          const kept = Option.getOrUndefined(decodeHandle(left.handle))
          const gone = alive ? processes.awaitGone(process) : Effect.void
          const job = yield* supervise({
            handle: { ...kept, kind: "command" },
            job: left.claim.id,
            folder: left.folder,
            oom: kept?.oom,
            identity: process,
            ended: Effect.andThen(gone, cleared(left, process, undefined))
          })
          return { _tag: "Found" as const, job }
        })
      })
    })
  )
}
