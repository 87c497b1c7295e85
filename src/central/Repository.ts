/** Repository: the central's store of workers, jobs, logs and what tasks leave. Every method is one transaction: all of it, or nothing. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Role } from "../protocol/CentralApi.ts"
import type { JobKey } from "../protocol/Job.ts"
import type { Ask, JobFilter, JobRecord, JobTally } from "./JobRecord.ts"
import type { WorkerFilter, WorkerRecord } from "./WorkerRecord.ts"
import type { VariableRecord, XComFilter, XComKey, XComRecord } from "./XComRecord.ts"

/** The database does not answer, refuses or is full: nothing was changed, or nobody can tell. Clients get a 503. */
export class RepositoryUnavailable extends Schema.TaggedError<RepositoryUnavailable>()(
  "RepositoryUnavailable",
  {
    reason: Schema.String
  }
) {
  override get message() {
    return `the central's database: ${this.reason}`
  }
}

/**
 * What a change leaves of a row: the row as it shall be, `undefined` to remove it (or not to make it); and another row that
 * it makes besides, unless there is one of that key.
 */
export type Change<Row, A, E> = (
  row: Row | undefined
) => Result.Result<readonly [answer: A, row: Row | undefined, another?: Row | undefined], E>

/** A task that writes. Its job stays as it is from the moment that it `may` until what it writes is there. */
export interface Writer<E> {
  /** That of its claim. */
  readonly taskInstanceId: string
  /** Decides on the job of this claim; `undefined`: there is none, or none any more. */
  readonly may: (job: JobRecord | undefined) => Result.Result<unknown, E>
}

/** A part of a job's log. Positions count characters (UTF-16) from the log's beginning. */
export interface LogPart {
  readonly text: string
  /** Where the next part begins. */
  readonly next: number
}

/** One thing that a person did. */
export interface AuditEntry {
  readonly at: number
  readonly user: string
  /** What was done, to what: "maintenance", "w1". */
  readonly action: string
  readonly target: string
  readonly detail: string | null
}

/** Who has shown who they are, until when. */
export interface Login {
  /** A digest of what they were given: whoever reads the database can do nothing with it. */
  readonly digest: string
  readonly kind: "token" | "session"
  readonly user: string
  /** What the user might do then. */
  readonly roles: ReadonlyArray<Role>
  /** A digest of the password that it was given for; `null`: it was given for a login link. */
  readonly stamp: string | null
  /** Epoch milliseconds. */
  readonly until: number
}

/** How often something was tried. */
export interface Tries {
  readonly count: number
  /** Until when that counts, in epoch milliseconds. */
  readonly until: number
}

type Stored<A, E = never> = Effect.Effect<A, E | RepositoryUnavailable>

/** The store. Rules are the callers': it only keeps, finds and serialises. */
export class Repository extends Context.Service<
  Repository,
  {
    /** Reads a worker, decides and writes, while nobody else can touch it. A failure of `change` changes nothing. */
    readonly changeWorker: <A, E>(name: string, change: Change<WorkerRecord, A, E>) => Stored<A, E>
    /** One worker as it is now; nothing is locked. `undefined` where there is none. */
    readonly worker: (name: string) => Stored<WorkerRecord | undefined>
    /** By name. */
    readonly workers: (filter: WorkerFilter) => Stored<ReadonlyArray<WorkerRecord>>
    /** The same for each of several workers; those that another transaction holds are left out. Gives the changed ones. */
    readonly changeWorkers: (
      filter: WorkerFilter,
      change: (worker: WorkerRecord) => WorkerRecord | undefined
    ) => Stored<ReadonlyArray<WorkerRecord>>

    /** False where a job of that key is there already. */
    readonly addJob: (job: JobRecord) => Stored<boolean>
    /**
     * Claims the next `queued` job that fits: callbacks first, then the highest priority, then the oldest. It becomes
     * `restarting`, held by the worker. No two asks, of no two centrals, get the same one.
     */
    readonly claimJob: (ask: Ask) => Stored<Option.Option<JobRecord>>
    readonly changeJob: <A, E>(key: JobKey, change: Change<JobRecord, A, E>) => Stored<A, E>
    /** As `worker`. */
    readonly job: (key: JobKey) => Stored<JobRecord | undefined>
    /** The job whose claim, now or last, has this id: that of a former claim leads to none. */
    readonly jobOf: (taskInstanceId: string) => Stored<JobRecord | undefined>
    /** By age. */
    readonly jobs: (filter: JobFilter, limit?: number) => Stored<ReadonlyArray<JobRecord>>
    /** Those that `jobs` would give, counted by run, state and whether another try has followed. */
    readonly tallyJobs: (filter: JobFilter) => Stored<ReadonlyArray<JobTally>>
    /** As `changeWorkers`; a job's log and its earlier tries go with it, and XComs with the last job of their run. Gives the rows as they were. */
    readonly changeJobs: (
      filter: JobFilter,
      change: (job: JobRecord) => JobRecord | undefined
    ) => Stored<ReadonlyArray<JobRecord>>

    /**
     * Appends a chunk, in the order of arrival. `repeated`: a chunk of that time with that text is there, nothing was
     * added; `taken`: one with another text is there, nothing was added. The job need not be there any more.
     */
    readonly appendLog: (
      key: JobKey,
      chunk: { readonly time: string; readonly text: string }
    ) => Stored<"appended" | "repeated" | "taken">
    /** The log from a position on, at most about `limit` characters. */
    readonly readLog: (key: JobKey, from: number, limit: number) => Stored<LogPart>

    /** Keeps a value in the place of the one before. Without a `writer` nobody is asked. */
    readonly putXCom: <E = never>(xcom: XComRecord, writer?: Writer<E>) => Stored<void, E>
    readonly xcom: (key: XComKey) => Stored<XComRecord | undefined>
    /** By map index, of several runs the newest value first. */
    readonly xcoms: (filter: XComFilter) => Stored<ReadonlyArray<XComRecord>>
    readonly countXComs: (filter: XComFilter) => Stored<number>
    /** False where there was none. */
    readonly removeXCom: <E = never>(key: XComKey, writer?: Writer<E>) => Stored<boolean, E>

    readonly putVariable: <E = never>(variable: VariableRecord, writer?: Writer<E>) => Stored<void, E>
    readonly variable: (key: string) => Stored<VariableRecord | undefined>
    /** The keys of all. */
    readonly variableKeys: Stored<ReadonlyArray<string>>
    readonly removeVariable: <E = never>(key: string, writer?: Writer<E>) => Stored<boolean, E>

    readonly addAudit: (entry: AuditEntry) => Stored<void>
    /** The newest first. */
    readonly audits: (limit: number) => Stored<ReadonlyArray<AuditEntry>>

    /** So that it counts at every central of this store. */
    readonly addLogin: (login: Login) => Stored<void>
    readonly login: (digest: string) => Stored<Login | undefined>
    readonly removeLogin: (digest: string) => Stored<void>

    /**
     * Reads the tries of these keys, decides and writes, while nobody else can, at any central of this store. `change` may be
     * asked twice.
     */
    readonly changeTries: <A>(
      keys: ReadonlyArray<string>,
      change: (tries: ReadonlyMap<string, Tries>) => readonly [answer: A, changed: ReadonlyMap<string, Tries>]
    ) => Stored<A>

    /** Forgets logins and tries that are over, audit entries from before, and logs whose job is gone; gives how many logs. */
    readonly tidy: (limits: { readonly now: number; readonly auditsBefore: number }) => Stored<number>
    /** Answers as long as the database does. */
    readonly ping: Stored<void>
  }
>()("edge-worker/central/Repository") {}
