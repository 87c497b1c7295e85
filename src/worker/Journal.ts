/** Journal: what the worker has promised and not yet settled: claims, running jobs, log offsets, reports. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import {
  type JournalChange,
  type JournalEntry,
  JournalStore,
  type JournalUnwritable
} from "../platform/JournalStore.ts"
import { type KeptLog, KeptLogs, type KeptLogsUnusable } from "../platform/KeptLogs.ts"
import type { JobState } from "../protocol/EdgeApi.ts"
import { type Claim, isSameJob, type JobKey, keyOf } from "../protocol/Job.ts"
import { pointOf, type TracePoint } from "./JobTrace.ts"
import { decodeEntry, encodeClaim, encodeReport } from "./JournalCodec.ts"

/** A state that the site must be told, kept until it has accepted it. */
export interface Report {
  /** Rising: the order in which reports were written. */
  readonly id: number
  readonly claimId: string
  readonly key: JobKey
  readonly taskInstanceId: string | null
  readonly state: JobState
  /** The claim's: a hand-back that waits beyond it must not be sent any more. */
  readonly expires: number | null
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

/** A claim of which something is still to be done: run, or told. */
export interface OpenClaim {
  readonly claim: Claim
  /** What its runner finds it again by; absent until its process exists. */
  readonly handle: Schema.Json | undefined
  /** Its end is in the outbox; only its log is not told to the end yet. */
  readonly ended: boolean
  /**
   * The absolute path of its log; null: the one in its own folder. Absent where an older edge-worker wrote the claim.
   * The log folder of the next worker may be another one.
   */
  readonly log?: string | null
}

interface Entries {
  readonly claims: ReadonlyMap<string, OpenClaim>
  readonly reports: ReadonlyArray<Report>
  /** The id of the newest report. */
  readonly newest: number
}

const at = (log: string | null | undefined) => (log === undefined ? {} : { log })

const put = (open: OpenClaim): JournalChange => ({
  kind: "claim",
  id: open.claim.id,
  value: encodeClaim(open)
})

/** What a step of a job changes in memory, and on disk. */
interface Step {
  readonly next: Entries
  readonly changes: ReadonlyArray<JournalChange>
}

const keep = (entries: Entries, open: OpenClaim): Step => ({
  next: { ...entries, claims: new Map(entries.claims).set(open.claim.id, open) },
  changes: [put(open)]
})

const write = (step: Step, claim: Claim, state: JobState, trace: TracePoint | undefined): Step => {
  const report: Report = {
    id: step.next.newest + 1,
    claimId: claim.id,
    key: keyOf(claim.job),
    taskInstanceId: claim.job.task_instance_id ?? null,
    state,
    expires: claim.expires,
    trace
  }
  return {
    next: { ...step.next, newest: report.id, reports: [...step.next.reports, report] },
    changes: [...step.changes, { kind: "report", id: `${report.id}`, value: encodeReport(report) }]
  }
}

const removeReports = (step: Step, gone: (report: Report) => boolean): Step => {
  const { next } = step
  const changes = next.reports
    .filter(gone)
    .map(({ id }): JournalChange => ({ kind: "report", id: `${id}`, value: null }))
  return changes.length === 0
    ? step
    : {
        next: { ...next, reports: next.reports.filter((report) => !gone(report)) },
        changes: [...step.changes, ...changes]
      }
}

/** The end is known: a `running` that still waits could only overwrite it. */
const withdrawRunning = (step: Step, claim: Claim) =>
  removeReports(step, (report) => report.claimId === claim.id && report.state === "running")

/** The site has given the job out anew, so it has the hand-back of an earlier claim: told again it would give this one away. */
const withdrawHandBack = (step: Step, { job }: Claim) =>
  removeReports(step, ({ key, state }) => state === "queued" && isSameJob(key, job))

const remove = (entries: Entries, claim: Claim): Step => {
  const claims = new Map(entries.claims)
  claims.delete(claim.id)
  return { next: { ...entries, claims }, changes: [{ kind: "claim", id: claim.id, value: null }] }
}

/** Memory is what the worker goes by; each change is on disk before the call returns. */
export class Journal extends Context.Service<
  Journal,
  {
    /**
     * Before the job starts. Where it fails the job must not start: a crash would forget it. A hand-back of an earlier
     * claim of the job that still waits is withdrawn.
     */
    readonly claimed: (claim: Claim, log?: string | null) => Effect.Effect<void, JournalUnwritable>
    /** The process exists: keeps its handle and puts `running` into the outbox. */
    readonly started: (claim: Claim, handle: Schema.Json) => Effect.Effect<void>
    /**
     * The claim has ended: puts `state` into the outbox and drops a `running` that still waits. `log` is given where
     * its log turned out to be another one than `claimed` said.
     */
    readonly settled: (claim: Claim, state: JobState, log?: string | null) => Effect.Effect<void>
    /** Nothing is left to do but to send what is in the outbox: the log is told, or there is none. */
    readonly closed: (claim: Claim) => Effect.Effect<void>
    readonly openClaims: Effect.Effect<ReadonlyArray<OpenClaim>>
    /** The outbox in the order of writing. */
    readonly reports: Effect.Effect<ReadonlyArray<Report>>
    /** The outbox now, then after each change of it. */
    readonly reportChanges: Stream.Stream<ReadonlyArray<Report>>
    /** The site has accepted the report (2xx): removes it. */
    readonly accepted: (report: Report) => Effect.Effect<void>
    /** Also of a log that is kept. */
    readonly logOffset: (path: string) => Effect.Effect<LogOffset | undefined>
    /** Without those that are kept. */
    readonly logOffsets: Effect.Effect<ReadonlyArray<LogOffset>>
    /** After a 2xx and never sooner. */
    readonly saveLogOffset: (offset: LogOffset) => Effect.Effect<void>
    /** The site has all of them: from now on `KeptLogs` has them. One of which it has more meanwhile stays. */
    readonly keepLogs: (logs: ReadonlyArray<KeptLog>) => Effect.Effect<void, KeptLogsUnusable>
    /** The file is removed: nobody may go on where the site had it, also not by the list of the kept ones. */
    readonly forgetLog: (path: string) => Effect.Effect<void, KeptLogsUnusable>
    /** Why the journal cannot be written now; what it would write waits in memory and is tried again. */
    readonly problem: Effect.Effect<string | undefined>
  }
>()("edge-worker/worker/Journal") {
  static readonly layer = Layer.effect(
    Journal,
    Effect.gen(function* () {
      const store = yield* JournalStore
      const kept = yield* KeptLogs
      // Changed in place, by the steps below only: they change often.
      const { offsets, stale, ...restored } = yield* restore(store.left)
      /** Changed by `apply` only. */
      let entries: Entries = restored
      /** Those of `entries`, for who waits for a change of them. */
      const outbox = yield* SubscriptionRef.make<ReadonlyArray<Report>>(restored.reports)
      const problem = yield* SubscriptionRef.make<string | undefined>(undefined)

      const oneWrite = yield* Semaphore.make(1)

      const refused = Effect.fnUntraced(function* ({ message, reason }: JournalUnwritable) {
        // A full disk refuses each write: only the first is worth a line.
        const before = yield* SubscriptionRef.getAndSet(problem, reason)
        if (before === undefined) yield* Effect.logError(`${message}; no new jobs until it can`)
      })
      /** Memory first, then the disk, with no other write in between; a refused write is made up for later. */
      const apply = (f: (entries: Entries) => Step) =>
        Effect.suspend(() => {
          const { reports } = entries
          const { changes, next } = f(entries)
          entries = next
          const written = changes.length === 0 ? Effect.void : store.write(changes)
          return next.reports === reports
            ? written
            : Effect.andThen(SubscriptionRef.set(outbox, next.reports), written)
        }).pipe(Effect.tapError(refused), oneWrite.withPermit, Effect.uninterruptible)
      const keepGoing = (f: (entries: Entries) => Step) => Effect.ignore(apply(f))
      const read = <A>(f: (entries: Entries) => A) => Effect.sync(() => f(entries))

      const writeAnew = read((entries) => snapshot(entries, offsets)).pipe(
        Effect.flatMap(store.replace),
        Effect.andThen(SubscriptionRef.set(problem, undefined)),
        oneWrite.withPermit,
        Effect.uninterruptible
      )
      yield* SubscriptionRef.changes(problem).pipe(
        // The stream tells of each refused write, also after all of them were made up for.
        Stream.filterEffect(() => Effect.map(SubscriptionRef.get(problem), (reason) => reason !== undefined)),
        Stream.runForEach(() =>
          writeAnew.pipe(
            Effect.retry(Schedule.spaced("5 seconds")),
            Effect.andThen(Effect.logInfo("the journal is written again"))
          )
        ),
        Effect.forkScoped
      )

      yield* keepGoing((next) => ({ next, changes: stale }))

      let listUnusable = false
      const keptOffset = (path: string) =>
        kept.find(path).pipe(
          Effect.retry({ schedule: Schedule.spaced("1 second"), times: 5, while: () => !listUnusable }),
          Effect.map((log) => {
            listUnusable = false
            return log && { path, inode: log.inode, offset: log.size }
          }),
          Effect.catch(({ message }) =>
            Effect.suspend(() => {
              const known = listUnusable
              listUnusable = true
              return known
                ? Effect.undefined
                : Effect.as(
                    Effect.logError(
                      `${message}; a log that a deferred task goes on with is sent again from its beginning`
                    ),
                    undefined
                  )
            })
          )
        )
      const isWhole = ({ inode, path, size }: KeptLog) => {
        const offset = offsets.get(path)
        return offset?.inode === inode && offset.offset === size
      }
      const forget = (path: string): JournalChange => {
        offsets.delete(path)
        return { kind: "offset", id: path, value: null }
      }

      return Journal.of({
        claimed: (claim, log) =>
          apply((e) =>
            withdrawHandBack(keep(e, { claim, handle: undefined, ended: false, ...at(log) }), claim)
          ),
        started: (claim, handle) =>
          Effect.flatMap(pointOf(claim), (trace) =>
            keepGoing((e) => {
              const open = { ...at(e.claims.get(claim.id)?.log), claim, handle, ended: false }
              return write(keep(e, open), claim, "running", trace)
            })
          ),
        settled: (claim, state, log) =>
          Effect.flatMap(pointOf(claim), (trace) =>
            keepGoing((e) => {
              const before = e.claims.get(claim.id)
              const open = {
                ...at(log === undefined ? before?.log : log),
                claim,
                handle: before?.handle,
                ended: true
              }
              return write(withdrawRunning(keep(e, open), claim), claim, state, trace)
            })
          ),
        closed: (claim) => keepGoing((e) => withdrawRunning(remove(e, claim), claim)),
        openClaims: read((e) => [...e.claims.values()]),
        reports: read((e) => e.reports),
        reportChanges: SubscriptionRef.changes(outbox),
        accepted: (report) =>
          keepGoing((e) => removeReports({ next: e, changes: [] }, (other) => other.id === report.id)),
        logOffset: (path) =>
          Effect.suspend(() => {
            const offset = offsets.get(path)
            return offset === undefined ? keptOffset(path) : Effect.succeed(offset)
          }),
        logOffsets: Effect.sync(() => [...offsets.values()]),
        saveLogOffset: (offset) =>
          keepGoing((next) => {
            offsets.set(offset.path, offset)
            return { next, changes: [{ kind: "offset", id: offset.path, value: JSON.stringify(offset) }] }
          }),
        keepLogs: (logs) =>
          Effect.andThen(
            kept.keep(logs),
            keepGoing((next) => ({ next, changes: logs.filter(isWhole).map(({ path }) => forget(path)) }))
          ),
        forgetLog: (path) =>
          Effect.andThen(
            keepGoing((next) => ({ next, changes: offsets.has(path) ? [forget(path)] : [] })),
            kept.forget(path)
          ),
        problem: SubscriptionRef.get(problem)
      })
    })
  )
}

const snapshot = (entries: Entries, offsets: ReadonlyMap<string, LogOffset>): ReadonlyArray<JournalEntry> => [
  ...[...entries.claims.values()].map((open) => ({
    kind: "claim" as const,
    id: open.claim.id,
    value: encodeClaim(open)
  })),
  ...entries.reports.map((report) => ({
    kind: "report" as const,
    id: `${report.id}`,
    value: encodeReport(report)
  })),
  ...[...offsets.values()].map((offset) => ({
    kind: "offset" as const,
    id: offset.path,
    value: JSON.stringify(offset)
  }))
]

/** What the store has left; an entry that makes no sense is named in the log and left out. */
const restore = Effect.fnUntraced(function* (left: ReadonlyArray<JournalEntry>) {
  const claims = new Map<string, OpenClaim>()
  const reports: Array<Report> = []
  const offsets = new Map<string, LogOffset>()
  for (const entry of left) {
    const decoded = decodeEntry(entry)
    if (decoded === undefined) {
      yield* Effect.logError(`the journal's ${entry.kind} ${entry.id} cannot be read and is not settled`)
    } else if (decoded._tag === "claim") claims.set(entry.id, decoded.open)
    else if (decoded._tag === "report") reports.push(decoded.report)
    else offsets.set(entry.id, decoded.offset)
  }
  // A disk that refused may have kept a `running` whose end the site has long accepted: it must not come after it.
  const isStale = ({ claimId, state }: Report) => state === "running" && (claims.get(claimId)?.ended ?? true)
  return {
    claims,
    reports: reports.filter((report) => !isStale(report)),
    stale: reports
      .filter(isStale)
      .map(({ id }): JournalChange => ({ kind: "report", id: `${id}`, value: null })),
    offsets,
    newest: reports.at(-1)?.id ?? 0
  }
})
