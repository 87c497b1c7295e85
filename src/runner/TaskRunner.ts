/** TaskRunner: runs tasks in TypeScript, each under an attempt in this process; nothing of one outlives the worker. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { type JobEnd, JobFolder } from "../platform/JobFolder.ts"
import { Processes } from "../platform/Processes.ts"
import { Attempts } from "./attempt/Attempts.ts"
import { Tasks } from "./attempt/TaskChannel.ts"
import { type JobToRun, NotStarted, type Outcome, Runner, type RunningJob, StartFailed } from "./Runner.ts"

/** What a worker that comes after needs, besides the folder: no token is in it, nor anywhere on the disk. */
const Handle = Schema.Struct({
  kind: Schema.Literal("task"),
  /** What the task's processes bear in their environment, where it has processes. */
  mark: Schema.NullOr(Schema.String)
})
const decodeHandle = Schema.decodeUnknownOption(Handle)

const gone = "the worker ended while the task ran, and the task with it"

/** For a worker that comes after; a failure it finds by itself. */
const endOf = (outcome: Outcome): JobEnd | undefined => {
  if (outcome._tag === "Failed") return undefined
  return outcome._tag === "Left" ? { code: 0, left: outcome.reason } : { code: 0 }
}

const outcomeOf = (end: JobEnd): Outcome => {
  if (!("code" in end) || end.code !== 0) return { _tag: "Failed", reason: gone, stderr: "" }
  return end.left === undefined ? { _tag: "Succeeded" } : { _tag: "Left", reason: end.left }
}

/** The runner for tasks that are registered in this worker. */
export const TaskRunner = {
  layer: Layer.effect(
    Runner,
    Effect.gen(function* () {
      const attempts = yield* Attempts
      const jobFolder = yield* JobFolder
      const processes = yield* Processes
      const tasks = yield* Tasks
      const scope = yield* Effect.scope

      const start = Effect.fnUntraced(function* (job: JobToRun) {
        const { claim, folder } = job
        const { command } = claim.job
        if (command.type !== "ExecuteTask") {
          return yield* new StartFailed({ reason: `a ${command.type} is no task` })
        }
        const channel = yield* Effect.mapError(tasks.open(job), ({ reason }) => new NotStarted({ reason }))
        // From here on the site may be told that it runs; the kind is for who finds the job without its handle.
        yield* Effect.mapError(
          jobFolder.noteBegun(folder, "task"),
          ({ message }) => new NotStarted({ reason: message })
        )
        const attempt = yield* attempts.begin({
          job,
          task: command,
          channel,
          known: (outcome) => {
            const end = endOf(outcome)
            return end === undefined
              ? Effect.void
              : Effect.catch(jobFolder.noteEnded(folder, end), (error) =>
                  Effect.logWarning(`a restart could not tell how a task ended: ${error.message}`)
                )
          }
        })
        const handle: typeof Handle.Type = { kind: "task", mark: channel.mark ?? null }
        return { attempt, channel, handle }
      })

      return Runner.of({
        start: (job) =>
          Effect.uninterruptible(
            Effect.gen(function* () {
              const own = yield* Scope.fork(scope)
              const { attempt, channel, handle } = yield* start(job).pipe(
                Scope.provide(own),
                Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
              )
              yield* Effect.forkIn(Effect.ensuring(attempt.outcome, Scope.close(own, Exit.void)), scope)
              const running: RunningJob = {
                handle,
                outcome: attempt.outcome,
                stop: (how) =>
                  how === "term"
                    ? attempt.stop("term")
                    : // The attempt first: it must know who has killed its task.
                      Effect.andThen(attempt.stop("kill"), channel.kill)
              }
              return running
            })
          ),
        adopt: Effect.fnUntraced(function* ({ folder, handle }) {
          const mark = Option.getOrUndefined(decodeHandle(handle))?.mark
          if (typeof mark === "string") yield* processes.killTree({ root: undefined, mark })
          const exit = yield* jobFolder.exit(folder)
          if (Option.isSome(exit)) {
            const job: RunningJob = {
              handle: handle ?? null,
              outcome: Effect.succeed(outcomeOf(exit.value)),
              stop: () => Effect.void
            }
            return { _tag: "Found", job }
          }
          if (handle === undefined && (yield* jobFolder.neverStarted(folder))) return { _tag: "NeverStarted" }
          return { _tag: "Gone", reason: gone }
        })
      })
    })
  )
}
