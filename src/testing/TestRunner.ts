/** TestRunner: a runner without processes: each job ends when the test says so. */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import {
  type JobToRun,
  type NotStarted,
  type Outcome,
  Runner,
  type RunningJob,
  StartFailed,
  type UnknownTask
} from "../runner/Runner.ts"

/** A job that was started. */
export interface TestJob {
  readonly toRun: JobToRun
  /** What `stop` was called with, in order. */
  readonly stops: ReadonlyArray<"term" | "kill">
  /** True until the job's process would be gone. */
  readonly alive: boolean
  /** Lets the job end. */
  readonly end: (outcome: Outcome) => Effect.Effect<void>
}

/** The controls of the runner. */
export class TestRunner extends Context.Service<
  TestRunner,
  {
    /** Every job that was started, in order. */
    readonly jobs: Effect.Effect<ReadonlyArray<TestJob>>
    /** Waits until the jobs fit. */
    readonly until: (
      predicate: (jobs: ReadonlyArray<TestJob>) => boolean
    ) => Effect.Effect<ReadonlyArray<TestJob>>
    /** What each start does from now on: `undefined` starts the job, a reason refuses it, as `StartFailed` does. */
    readonly refuse: (
      refusal: string | StartFailed | NotStarted | UnknownTask | undefined
    ) => Effect.Effect<void>
  }
>()("edge-worker/testing/TestRunner") {
  /**
   * The controls and the `Runner`.
   *
   * @param obeys which stops end a job at once; the rest is ignored by it. `kill` always ends it.
   */
  static readonly layer = (obeys: ReadonlyArray<"term" | "kill"> = ["term", "kill"]) =>
    Layer.effectContext(
      Effect.gen(function* () {
        const ref = yield* SubscriptionRef.make<ReadonlyArray<TestJob>>([])
        /** By claim: what a worker that is built anew over this runner finds again. */
        const started = new Map<string, RunningJob>()
        let refusal: StartFailed | NotStarted | UnknownTask | undefined
        const edit = (index: number, change: (job: TestJob) => Partial<TestJob>) =>
          SubscriptionRef.update(ref, (jobs) =>
            jobs.map((job, at) => (at === index ? { ...job, ...change(job) } : job))
          )
        const start = Effect.fnUntraced(function* (toRun: JobToRun) {
          if (refusal !== undefined) return yield* refusal
          const outcome = yield* Deferred.make<Outcome>()
          const index = (yield* SubscriptionRef.get(ref)).length
          const end = (how: Outcome) =>
            Effect.andThen(
              edit(index, () => ({ alive: false })),
              Deferred.succeed(outcome, how)
            ).pipe(Effect.asVoid)
          yield* SubscriptionRef.update(ref, (jobs) => [...jobs, { toRun, stops: [], alive: true, end }])
          const job: RunningJob = {
            handle: { test: index },
            outcome: Deferred.await(outcome),
            stop: Effect.fnUntraced(function* (how: "term" | "kill") {
              yield* edit(index, (job) => ({ stops: [...job.stops, how] }))
              if (how === "term" && !obeys.includes("term")) return
              const signal = how === "term" ? "SIGTERM" : "SIGKILL"
              yield* end({ _tag: "Failed", reason: `was ended by ${signal}`, stderr: "", signal })
            })
          }
          started.set(toRun.claim.id, job)
          return job
        })
        const controls = TestRunner.of({
          jobs: SubscriptionRef.get(ref),
          until: (predicate) =>
            SubscriptionRef.changes(ref).pipe(
              Stream.filter(predicate),
              Stream.runHead,
              Effect.map(Option.getOrThrow)
            ),
          refuse: (reason) =>
            Effect.sync(() => {
              refusal = typeof reason === "string" ? new StartFailed({ reason }) : reason
            })
        })
        const runner = Runner.of({
          start,
          adopt: ({ claim }) =>
            Effect.sync(() => {
              const job = started.get(claim.id)
              return job === undefined ? { _tag: "NeverStarted" } : { _tag: "Found", job }
            })
        })
        return Context.make(TestRunner, controls).pipe(Context.add(Runner, runner))
      })
    )
}
