/** Journal: what the worker has promised and not yet settled: claims, running jobs, log offsets, reports. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { JobState } from "../protocol/EdgeApi.ts"
import { type Claim, type JobKey, keyOf } from "../protocol/Job.ts"
import { pointOf, type TracePoint } from "./JobTrace.ts"

/** A state that the site must be told, kept until it has accepted it. */
export interface Report {
  /** Rising: the order in which reports were written. */
  readonly id: number
  readonly claimId: string
  readonly key: JobKey
  readonly taskInstanceId: string | null
  readonly state: JobState
  /** The job's span, which the span of the report belongs to. */
  readonly trace: TracePoint | undefined
}

/** How far the site has accepted a log file. It belongs to the path and the inode together. */
export interface LogOffset {
  readonly path: string
  readonly inode: string
  /** Bytes of the file that the site has accepted. */
  readonly offset: number
}

/** A claim that is not settled: its job, and the handle of its process once that exists. */
export interface OpenClaim {
  readonly claim: Claim
  readonly handle: Schema.Json | undefined
}

interface Entries {
  readonly claims: ReadonlyMap<string, OpenClaim>
  readonly reports: ReadonlyArray<Report>
  readonly offsets: ReadonlyMap<string, LogOffset>
  /** The id of the newest report. */
  readonly newest: number
}

const write = (entries: Entries, claim: Claim, state: JobState, trace: TracePoint | undefined): Entries => ({
  ...entries,
  newest: entries.newest + 1,
  reports: [
    ...entries.reports,
    {
      id: entries.newest + 1,
      claimId: claim.id,
      key: keyOf(claim.job),
      taskInstanceId: claim.job.task_instance_id ?? null,
      state,
      trace
    }
  ]
})

const close = (entries: Entries, claim: Claim): Entries => ({
  ...entries,
  claims: new Map([...entries.claims].filter(([id]) => id !== claim.id)),
  // The end is known: a `running` that still waits could only overwrite it.
  reports: entries.reports.filter((report) => report.claimId !== claim.id || report.state !== "running")
})

/** Kept in memory now; `layerMemory` and later ones on disk pass one suite. */
export class Journal extends Context.Service<
  Journal,
  {
    /** Before the job starts. */
    readonly claimed: (claim: Claim) => Effect.Effect<void>
    /** The process exists: keeps its handle and puts `running` into the outbox. */
    readonly started: (claim: Claim, handle: Schema.Json) => Effect.Effect<void>
    /** The claim has ended: puts `state` into the outbox, drops a `running` that still waits, closes the claim. */
    readonly settled: (claim: Claim, state: JobState) => Effect.Effect<void>
    /** The claim is closed without a report (it was dropped: the site may have given it away). */
    readonly dropped: (claim: Claim) => Effect.Effect<void>
    readonly openClaims: Effect.Effect<ReadonlyArray<OpenClaim>>
    /** The outbox in the order of writing. */
    readonly reports: Effect.Effect<ReadonlyArray<Report>>
    /** The outbox now, then after each change of it. */
    readonly reportChanges: Stream.Stream<ReadonlyArray<Report>>
    /** The site has accepted the report (2xx): removes it. */
    readonly accepted: (report: Report) => Effect.Effect<void>
    readonly logOffset: (path: string) => Effect.Effect<LogOffset | undefined>
    /** After a 2xx and never sooner. */
    readonly saveLogOffset: (offset: LogOffset) => Effect.Effect<void>
  }
>()("edge-worker/worker/Journal") {
  static readonly layerMemory = Layer.effect(
    Journal,
    Effect.gen(function* () {
      const ref = yield* SubscriptionRef.make<Entries>({
        claims: new Map(),
        reports: [],
        offsets: new Map(),
        newest: 0
      })
      const update = (f: (entries: Entries) => Entries) => SubscriptionRef.update(ref, f)
      const read = <A>(f: (entries: Entries) => A) => Effect.map(SubscriptionRef.get(ref), f)
      return Journal.of({
        claimed: (claim) =>
          update((e) => ({ ...e, claims: new Map(e.claims).set(claim.id, { claim, handle: undefined }) })),
        started: (claim, handle) =>
          Effect.flatMap(pointOf(claim), (trace) =>
            update((e) => {
              const claims = new Map(e.claims).set(claim.id, { claim, handle })
              return write({ ...e, claims }, claim, "running", trace)
            })
          ),
        settled: (claim, state) =>
          Effect.flatMap(pointOf(claim), (trace) =>
            update((e) => write(close(e, claim), claim, state, trace))
          ),
        dropped: (claim) => update((e) => close(e, claim)),
        openClaims: read((e) => [...e.claims.values()]),
        reports: read((e) => e.reports),
        reportChanges: SubscriptionRef.changes(ref).pipe(
          Stream.map((e) => e.reports),
          Stream.changesWith((a, b) => a === b)
        ),
        accepted: (report) =>
          update((e) => ({ ...e, reports: e.reports.filter((other) => other.id !== report.id) })),
        logOffset: (path) => read((e) => e.offsets.get(path)),
        saveLogOffset: (offset) =>
          update((e) => ({ ...e, offsets: new Map(e.offsets).set(offset.path, offset) }))
      })
    })
  )
}
