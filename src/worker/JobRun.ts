/** JobRun: one job from its claim to the outbox: journal, start and wait, settle by how it ended. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { LogFolder } from "../platform/LogFolder.ts"
import { StateFolder } from "../platform/StateFolder.ts"
import { type Claim, display, type JobKey, keyOf, logPathOf } from "../protocol/Job.ts"
import { type Outcome, Runner, type RunningJob, StartFailed, type UnknownTask } from "../runner/Runner.ts"
import { FetchGate } from "./FetchGate.ts"
import { handBack } from "./HandBack.ts"
import * as JobTrace from "./JobTrace.ts"
import { Journal, type OpenClaim } from "./Journal.ts"
import { LogPush, type Tail } from "./LogPush.ts"
import { QueueBackoff } from "./QueueBackoff.ts"
import { SiteClock } from "./SiteClock.ts"
import { SiteHealth } from "./SiteHealth.ts"

/** How hard a job is asked to end. */
export type Stop = "term" | "kill"

/** Where a job leaves its traces, and what brings its log to the site. */
interface Place {
  readonly folder: string
  readonly file: string
  /** Why the log path of the job cannot be used. */
  readonly refused: string | undefined
  /** What the journal keeps of `file`. */
  readonly log: string | null
  /** A line of our own in the log. While a recovered log is away it waits for it, and goes in before `tell`. */
  readonly say: (level: "info" | "warning" | "error", event: string) => Effect.Effect<void>
  /** In the background: tells the log's rest, then forgets the claim and removes its folder. */
  readonly tell: Effect.Effect<void>
  /** Ends the tail and leaves all else as it is. */
  readonly left: Effect.Effect<void>
}

/** A log of which the site has not accepted all. */
export interface LogWaiting {
  readonly job: JobKey
  readonly file: string
  readonly bytes: number
  /** The site answers 500 to it, as to that of a task instance which was deleted. */
  readonly refused: boolean
}

interface Entry {
  readonly claim: Claim
  readonly at: Place
  readonly job: RunningJob
}

/** How the job ended; undefined where it has not (the wait was interrupted), or was handed back. */
const outcomeOf = (exit: Exit.Exit<Outcome | undefined, StartFailed>): Outcome | undefined => {
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
    /** The same for a claim of a worker that died: from wherever its job stands now. */
    readonly adopt: (open: OpenClaim) => Effect.Effect<void>
    /** For a claim whose end is in the outbox: tells its log's rest, on its own. */
    readonly tellLog: (open: OpenClaim) => Effect.Effect<void>
    readonly running: Effect.Effect<ReadonlyArray<Claim>>
    /** Stops every job, also one that is just being started, with a notice in its log. */
    readonly stopAll: (how: Stop, notice: string) => Effect.Effect<void>
    /** Stops one job that runs, with a notice in its log. */
    readonly stopOne: (claim: Claim, how: Stop, notice: string) => Effect.Effect<void>
    readonly logsWaiting: Effect.Effect<ReadonlyArray<LogWaiting>>
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
      const siteClock = yield* SiteClock
      const runner = yield* Runner
      const logFolder = yield* LogFolder
      const logPush = yield* LogPush
      const stateFolder = yield* StateFolder
      const health = yield* SiteHealth
      const gate = yield* FetchGate
      const backoff = yield* QueueBackoff
      const finishing = yield* FiberSet.make<void, never>()
      const entries = new Map<string, Entry>()
      const tails = new Map<Tail, Pick<LogWaiting, "job" | "file">>()
      /** Set once by `stopAll`: what a job that starts after it is told. */
      let stopping: { readonly how: Stop; readonly notice: string } | undefined

      const stop = Effect.fnUntraced(function* (entry: Entry, how: Stop, notice: string) {
        yield* entry.at.say("warning", notice)
        yield* entry.job.stop(how)
      })

      /** Where the job's log goes: its own file, or one in the job's folder where that would leave the log folder. */
      const openLog = Effect.fnUntraced(function* (claim: Claim, folder: string) {
        const path = logPathOf(claim.job)
        return yield* logFolder.resolve(path, folder).pipe(
          Effect.map((file) => ({
            file,
            log: path === null ? null : file,
            refused: undefined as string | undefined
          })),
          Effect.catchTag("UnsafeLogPath", (error) =>
            Effect.succeed({ file: logFolder.substitute(folder), log: null, refused: error.message })
          )
        )
      })

      const neverStarted = (claim: Claim, why: string) =>
        handBack(claim, why).pipe(
          Effect.provideService(Journal, journal),
          Effect.provideService(SiteClock, siteClock),
          Effect.as(undefined)
        )

      /** Nothing is wrong with the job. The gate first: the site gives it out again at once, perhaps to us. */
      const cannotStart = (claim: Claim, { message }: { readonly message: string }) =>
        Effect.andThen(gate.startRefused(message), neverStarted(claim, message))

      /** Another worker may know the task; where it always comes back here, its Dag or a queue is wrong. */
      const unknownTask = Effect.fnUntraced(function* (claim: Claim, { reason }: UnknownTask) {
        if ((yield* backoff.unknown(claim)) === "fail") return yield* new StartFailed({ reason })
        yield* Effect.logWarning(`${reason}: another worker may have it`)
        return yield* neverStarted(claim, reason)
      })

      /**
       * Starts the process and waits for its end; undefined where this machine cannot start it and it is handed back.
       * Interrupting the wait touches neither the process nor the claim.
       */
      const startAndWait = Effect.fnUntraced(function* (claim: Claim, at: Place) {
        if (at.refused !== undefined) return yield* new StartFailed({ reason: at.refused })
        const job = yield* Effect.uninterruptible(
          runner.start({ claim, folder: at.folder, logFile: at.file }).pipe(
            Effect.tap(({ handle }) => journal.started(claim, handle)),
            Effect.tap(() => backoff.begun(claim)),
            Effect.catchTags({
              NotStarted: (error) => cannotStart(claim, error),
              UnknownTask: (error) => unknownTask(claim, error)
            })
          )
        )
        return job === undefined ? undefined : yield* wait(claim, at, job)
      })

      /** From here on `stopAll` reaches the job. */
      const wait = Effect.fnUntraced(function* (claim: Claim, at: Place, job: RunningJob) {
        const entry = { claim, at, job }
        entries.set(claim.id, entry)
        if (stopping !== undefined) yield* stop(entry, stopping.how, stopping.notice)
        return yield* job.outcome.pipe(Effect.ensuring(Effect.sync(() => entries.delete(claim.id))))
      })

      /** Finds the job again and waits for its end; undefined where it never started and is handed back. */
      const adoptAndWait = Effect.fnUntraced(function* ({ claim, handle }: OpenClaim, at: Place) {
        const adopted = yield* runner.adopt({ claim, folder: at.folder, handle })
        switch (adopted._tag) {
          case "Found":
            yield* Effect.logInfo(`found ${display(claim.job)} again`)
            if (handle === undefined) yield* journal.started(claim, adopted.job.handle)
            return yield* wait(claim, at, adopted.job)
          case "Gone":
            return { _tag: "Failed", reason: adopted.reason, stderr: "" } as const
          case "NeverStarted":
            return yield* neverStarted(claim, "the worker was restarted before it began")
        }
      })

      const settle = Effect.fnUntraced(function* (claim: Claim, at: Place, outcome: Outcome) {
        if (outcome._tag === "Left")
          return yield* Effect.logWarning(`left ${display(claim.job)}: ${outcome.reason}`)
        if (outcome._tag === "Failed") {
          yield* Effect.logError(`${display(claim.job)} ${outcome.reason}`)
          yield* at.say(
            "error",
            `Error executing job: ${outcome.reason}${outcome.stderr === "" ? "" : `\n${outcome.stderr}`}`
          )
        } else yield* Effect.logInfo(`finished ${display(claim.job)}`)
        yield* journal.settled(claim, outcome._tag === "Succeeded" ? "success" : "failed", at.log)
      })

      // What breaks here breaks the start as well, which tells it.
      const needsFolder = (claim: Claim) =>
        Effect.catchCause(runner.needsFolder?.(claim) ?? Effect.succeed(true), () => Effect.succeed(true))

      /** A job that begins: the folders of its log are made, and its own where something will lie there. */
      const begin = Effect.fnUntraced(function* (claim: Claim) {
        const folder = `${stateFolder.jobs}/${claim.id}`
        const log = yield* openLog(claim, folder)
        const isSubstitute = log.log === null
        if (isSubstitute || (yield* needsFolder(claim))) yield* stateFolder.jobFolder(claim.id)
        return yield* place(claim, folder, log, false)
      })
      /** A job that another worker began: its log is where it was, its folder as it was left. */
      const again = Effect.fnUntraced(function* ({ claim, log }: OpenClaim) {
        const folder = yield* Effect.orElseSucceed(
          stateFolder.jobFolder(claim.id),
          () => `${stateFolder.jobs}/${claim.id}`
        )
        const found =
          log === undefined
            ? yield* Effect.orDie(openLog(claim, folder))
            : { file: log ?? logFolder.substitute(folder), log, refused: undefined }
        return yield* place(claim, folder, found, true)
      })
      const siteAnswers = Effect.map(
        health.get,
        ({ lastHeartbeat, problem }) => lastHeartbeat !== null && problem === null
      )

      /** The claim's folder, its log file and the tail that tells it. */
      const place = Effect.fnUntraced(function* (
        claim: Claim,
        folder: string,
        { file, log, refused }: Pick<Place, "file" | "log" | "refused">,
        recovered: boolean
      ) {
        const scope = yield* Scope.make()
        const tail = yield* logPush
          .tail({ claim, file, recovered, siteAnswers, siteBack: health.back })
          .pipe(Scope.provide(scope))
        let later: Effect.Effect<void> = Effect.void
        const say = Effect.fnUntraced(function* (level: "info" | "warning" | "error", event: string) {
          const notice = logFolder.notice(file, { level, event, logger: "edge-worker" })
          if (yield* tail.away) later = Effect.andThen(later, notice)
          else yield* notice
        })
        tails.set(tail, { job: keyOf(claim.job), file })
        const left = Effect.andThen(
          Effect.sync(() => tails.delete(tail)),
          Scope.close(scope, Exit.void)
        )
        // The folder and the tail outlive the process: they go when the site has the whole log.
        const told = tail.present.pipe(
          Effect.andThen(Effect.suspend(() => later)),
          Effect.andThen(tail.finish),
          Effect.andThen(journal.closed(claim)),
          Effect.andThen(stateFolder.removeJobFolder(claim.id)),
          Effect.ensuring(left)
        )
        const tell = Effect.asVoid(FiberSet.run(finishing, told))
        return { folder, file, log, refused, say, left, tell } satisfies Place
      })
      /** One way for a job, whether it begins here or is found again: its outcome goes to the outbox. */
      const bracket = <E>(
        claim: Claim,
        made: Effect.Effect<Place, E>,
        work: (at: Place) => Effect.Effect<Outcome | undefined, StartFailed>
      ) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const at = yield* made
            const exit = yield* Effect.exit(restore(work(at)))
            const outcome = outcomeOf(exit)
            if (outcome === undefined && Exit.hasInterrupts(exit)) {
              // The worker goes, the process may live on: the claim stays open in the journal, its folder on disk.
              yield* at.left
              return yield* Effect.interrupt
            }
            if (outcome !== undefined) yield* settle(claim, at, outcome)
            yield* at.tell
            return outcome
          })
        )

      const logsWaiting = Effect.suspend(() =>
        Effect.forEach([...tails], ([tail, log]) =>
          Effect.map(Effect.all([tail.waiting, tail.refused]), ([bytes, refused]) => ({
            ...log,
            bytes,
            refused
          }))
        )
      ).pipe(Effect.map((logs) => logs.filter(({ bytes }) => bytes > 0)))

      return JobRun.of({
        run: (claim, asked) =>
          bracket(claim, begin(claim), (at) => startAndWait(claim, at)).pipe(
            Effect.catchTag(["JobFolderRefused", "LogFolderRefused"], (error) => cannotStart(claim, error)),
            JobTrace.withJobSpan(claim, asked)
          ),
        adopt: (open) =>
          bracket(open.claim, again(open), (at) => adoptAndWait(open, at)).pipe(
            JobTrace.withJobSpan(open.claim, undefined)
          ),
        tellLog: (open) => Effect.flatMap(again(open), (at) => at.tell),
        running: Effect.sync(() => [...entries.values()].map((entry) => entry.claim)),
        stopAll: Effect.fnUntraced(function* (how, notice) {
          stopping = { how, notice }
          yield* Effect.forEach([...entries.values()], (entry) => stop(entry, how, notice), {
            concurrency: "unbounded",
            discard: true
          })
        }),
        stopOne: (claim, how, notice) =>
          Effect.suspend(() => {
            const entry = entries.get(claim.id)
            return entry === undefined ? Effect.void : stop(entry, how, notice)
          }),
        logsWaiting,
        logBytesWaiting: Effect.map(logsWaiting, (waiting) =>
          waiting.reduce((sum, { bytes }) => sum + bytes, 0)
        ),
        logsDelivered: FiberSet.awaitEmpty(finishing)
      })
    })
  )
}
