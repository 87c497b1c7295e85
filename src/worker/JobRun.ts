/** JobRun: one job from its claim to the outbox: journal, start and wait, settle by how it ended. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { LogFolder } from "../platform/LogFolder.ts"
import { StateFolder } from "../platform/StateFolder.ts"
import { type Claim, display } from "../protocol/Job.ts"
import { type Outcome, Runner, type RunningJob, StartFailed } from "../runner/Runner.ts"
import * as JobTrace from "./JobTrace.ts"
import { Journal } from "./Journal.ts"
import { LogPush, type Tail } from "./LogPush.ts"

/** How hard a job is asked to end. */
export type Stop = "term" | "kill"

interface Entry {
  readonly claim: Claim
  readonly file: string
  readonly job: RunningJob
}

/** How the job ended; undefined where it has not: the wait was interrupted. */
const outcomeOf = (exit: Exit.Exit<Outcome, StartFailed>): Outcome | undefined => {
  if (Exit.isSuccess(exit)) return exit.value
  const failure = exit.cause.reasons.find((reason) => reason._tag !== "Interrupt")
  if (failure === undefined) return undefined
  const why = failure._tag === "Fail" ? failure.error.reason : `the worker failed: ${String(failure.defect)}`
  return { _tag: "Failed", reason: `could not be started: ${why}`, stderr: "" }
}

/** Runs jobs, and knows those whose processes exist. */
export class JobRun extends Context.Service<
  JobRun,
  {
    /** Ends when the job's process is gone and its outcome is in the outbox; the log's rest follows on its own. */
    readonly run: (claim: Claim, asked?: JobTrace.Asked) => Effect.Effect<void>
    readonly running: Effect.Effect<ReadonlyArray<Claim>>
    /** Stops every job, also one that is just being started, with a notice in its log. */
    readonly stopAll: (how: Stop, notice: string) => Effect.Effect<void>
    /** Bytes of logs that the site has not accepted. */
    readonly logBytesWaiting: Effect.Effect<number>
    /** Waits until the site has accepted every log of a job that has ended. */
    readonly logsDelivered: Effect.Effect<void>
  }
>()("edge-worker/worker/JobRun") {
  static readonly layer = Layer.effect(
    JobRun,
    Effect.gen(function* () {
      const journal = yield* Journal
      const runner = yield* Runner
      const logFolder = yield* LogFolder
      const logPush = yield* LogPush
      const stateFolder = yield* StateFolder
      const finishing = yield* FiberSet.make<void, never>()
      const entries = new Map<string, Entry>()
      const tails = new Set<Tail>()
      /** Set once by `stopAll`: what a job that starts after it is told. */
      let stopping: { readonly how: Stop; readonly notice: string } | undefined

      const say = (file: string, level: "info" | "warning" | "error", event: string) =>
        logFolder.notice(file, { level, event, logger: "edge-worker" })

      const stop = Effect.fnUntraced(function* (entry: Entry, how: Stop, notice: string) {
        yield* say(entry.file, "warning", notice)
        yield* entry.job.stop(how)
      })

      /** Where the job's log goes: its own file, or one in the job's folder where that would leave the log folder. */
      const openLog = Effect.fnUntraced(function* (claim: Claim, folder: string) {
        const { command } = claim.job
        const path = "log_path" in command && typeof command.log_path === "string" ? command.log_path : null
        return yield* logFolder.resolve(path, folder).pipe(
          Effect.map((file) => ({ file, refused: undefined as string | undefined })),
          Effect.catchTag("UnsafeLogPath", (error) =>
            Effect.succeed({ file: logFolder.substitute(folder), refused: error.message })
          )
        )
      })

      /** Starts the process and waits for its end. Interrupting this touches neither the process nor the claim. */
      const startAndWait = Effect.fnUntraced(function* (claim: Claim, folder: string, file: string) {
        const job = yield* runner.start({ claim, folder, logFile: file })
        yield* journal.started(claim, job.handle)
        const entry = { claim, file, job }
        entries.set(claim.id, entry)
        if (stopping !== undefined) yield* stop(entry, stopping.how, stopping.notice)
        return yield* job.outcome.pipe(Effect.ensuring(Effect.sync(() => entries.delete(claim.id))))
      })

      const settle = Effect.fnUntraced(function* (
        claim: Claim,
        file: string,
        exit: Exit.Exit<Outcome, StartFailed>
      ) {
        const outcome = outcomeOf(exit)
        // Interrupted: the worker goes, the process may live on. The claim stays open in the journal.
        if (outcome === undefined) return undefined
        if (outcome._tag === "Failed") {
          yield* Effect.logError(`${display(claim.job)} ${outcome.reason}`)
          yield* say(
            file,
            "error",
            `Error executing job: ${outcome.reason}${outcome.stderr === "" ? "" : `\n${outcome.stderr}`}`
          )
        } else yield* Effect.logInfo(`finished ${display(claim.job)}`)
        yield* journal.settled(claim, outcome._tag === "Succeeded" ? "success" : "failed")
        return outcome
      })

      const run = Effect.fnUntraced(function* (claim: Claim) {
        // The folder and the tail outlive the process: they go when the site has the whole log.
        const scope = yield* Scope.make()
        const folder = yield* stateFolder.jobFolder(claim.id).pipe(Scope.provide(scope))
        const { file, refused } = yield* openLog(claim, folder)
        const tail = yield* logPush.tail({ claim, file }).pipe(Scope.provide(scope))
        tails.add(tail)
        const wait =
          refused === undefined
            ? startAndWait(claim, folder, file)
            : Effect.fail(new StartFailed({ reason: refused }))
        return yield* wait.pipe(
          Effect.exit,
          Effect.flatMap((exit) => settle(claim, file, exit)),
          Effect.ensuring(
            tail.finish.pipe(
              Effect.andThen(Effect.sync(() => tails.delete(tail))),
              Effect.ensuring(Scope.close(scope, Exit.void)),
              FiberSet.run(finishing)
            )
          )
        )
      })

      return JobRun.of({
        run: (claim, asked) => run(claim).pipe(JobTrace.withJobSpan(claim, asked)),
        running: Effect.sync(() => [...entries.values()].map((entry) => entry.claim)),
        stopAll: Effect.fnUntraced(function* (how, notice) {
          stopping = { how, notice }
          yield* Effect.forEach([...entries.values()], (entry) => stop(entry, how, notice), {
            concurrency: "unbounded",
            discard: true
          })
        }),
        logBytesWaiting: Effect.suspend(() =>
          Effect.map(
            Effect.forEach([...tails], (tail) => tail.waiting),
            (waiting) => waiting.reduce((sum, bytes) => sum + bytes, 0)
          )
        ),
        logsDelivered: FiberSet.awaitEmpty(finishing)
      })
    })
  )
}
