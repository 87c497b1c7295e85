/** JobTrace: a job as one trace, joined to its Dag run's by the workload's `context_carrier`. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { Claim } from "../protocol/Job.ts"
import type { Outcome } from "../runner/Runner.ts"

/** Where a span belongs that is made later, in another loop or after a restart. */
export interface TracePoint {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

/** When the ask that brought a job began and ended, in nanoseconds since 1970. */
export interface Asked {
  readonly from: bigint
  readonly to: bigint
}

/** W3C Trace Context, level 1: a version that is not `ff`, ids that are not all zero, flags. */
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})/

/** The W3C `traceparent` that Airflow put into the task instance (`TaskInstanceDTO.context_carrier`, edge3 5.1.0). */
export const parentOf = (claim: Claim): Tracer.ExternalSpan | undefined => {
  const { command } = claim.job
  if (command.type !== "ExecuteTask") return undefined
  const carried = command.ti.context_carrier?.traceparent
  const match = typeof carried === "string" ? traceparent.exec(carried) : null
  if (match === null) return undefined
  const [, traceId = "", spanId = "", flags = "00"] = match
  return Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 })
}

const under = (parent: Tracer.AnySpan | undefined) => (parent === undefined ? { root: true } : { parent })

const attributes = ({ job }: Claim) => ({
  "airflow.dag_id": job.dag_id,
  "airflow.task_id": job.task_id,
  "airflow.dag_run.run_id": job.run_id,
  "airflow.task_instance.try_number": job.try_number,
  "airflow.task_instance.map_index": job.map_index
})

/** Lets the job's span end as an error; nobody else sees it. */
class JobFailed extends Data.TaggedError("JobFailed")<{ readonly message: string }> {}

/** The span that is under way, where spans are made at all. */
const currentSpan = Effect.map(
  Effect.option(Effect.currentSpan),
  Option.filter(({ annotations }) => !Context.get(annotations, Tracer.DisablePropagation))
)

/** The ask, told after the fact: it was over before the job and thus its trace were known. */
const askedSpan = Effect.fnUntraced(function* ({ from, to }: Asked) {
  const job = yield* currentSpan
  if (Option.isNone(job)) return
  const tracer = yield* Effect.tracer
  const { annotations, sampled } = job.value
  tracer
    .span({
      name: "JobFetch.ask",
      parent: job,
      annotations,
      links: [],
      startTime: from,
      kind: "internal",
      root: false,
      sampled
    })
    .end(to, Exit.void)
})

/** Runs an ask without spans of its own (most bring no job), and says when it was under way. */
export const timed = <A, E, R>(ask: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const from = yield* Clock.currentTimeNanos
    const answer = yield* Effect.withTracerEnabled(ask, false)
    return { answer, asked: { from, to: yield* Clock.currentTimeNanos } satisfies Asked }
  })

/** The job's own span; a child of the Dag run's where the site traces. An error where the job failed. */
export const withJobSpan =
  (claim: Claim, asked: Asked | undefined) =>
  <E, R>(job: Effect.Effect<Outcome | undefined, E, R>): Effect.Effect<void, E, R> =>
    (asked === undefined ? Effect.void : askedSpan(asked)).pipe(
      Effect.andThen(job),
      Effect.flatMap((outcome) =>
        outcome?._tag === "Failed" ? Effect.fail(new JobFailed({ message: outcome.reason })) : Effect.void
      ),
      Effect.withSpan(
        "JobRun.run",
        { ...under(parentOf(claim)), attributes: attributes(claim) },
        { captureStackTrace: false }
      ),
      Effect.catchIf(
        (error) => error instanceof JobFailed,
        () => Effect.void
      )
    )

/** The current span, or the Dag run's where a claim is settled outside its job's span (handed back, adopted). */
export const pointOf = (claim: Claim): Effect.Effect<TracePoint | undefined> =>
  Effect.map(currentSpan, (current) => {
    const span = Option.getOrElse(current, () => parentOf(claim))
    if (span === undefined) return undefined
    return { traceId: span.traceId, spanId: span.spanId, sampled: span.sampled }
  })

/** A span of a job that is made outside of it. */
export const withSpanAt = (name: string, point: TracePoint | undefined) =>
  Effect.withSpan(name, under(point === undefined ? undefined : Tracer.externalSpan(point)), {
    captureStackTrace: false
  })
