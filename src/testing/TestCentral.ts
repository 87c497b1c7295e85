/** TestCentral: a central site in memory with Airflow's own rules, for tests of workers under the test clock. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import type { JobState, WorkerStateBody } from "../protocol/EdgeApi.ts"
import { type Job, type JobKey, keyTuple } from "../protocol/Job.ts"
import { answer } from "../protocol/Lifecycle.ts"
import type { WorkerState } from "../protocol/WorkerState.ts"
import { EdgeClient } from "../worker/EdgeClient.ts"
import { SiteUnavailable, type VersionRejected, WorkerConflict, WorkerNotFound } from "../worker/EdgeError.ts"

/** The calls that a worker makes. */
export type Operation = "register" | "heartbeat" | "fetch" | "report" | "log"

/** What the central keeps of a worker. */
export interface StoredWorker {
  readonly state: WorkerState
  readonly comments: string | null
  readonly queues: ReadonlyArray<string> | null
  readonly concurrency: number | null
  readonly body: WorkerStateBody
  /** Task instances that it is told to stop; absent as in Airflow. */
  readonly revoked?: ReadonlyArray<string>
}

/** A job as the central sees it. */
export interface StoredJob {
  readonly job: Job
  readonly state: JobState
  /** Every state that was reported, in order. */
  readonly reported: ReadonlyArray<JobState>
  readonly log: string
}

/** Everything that the central knows. */
export interface Central {
  readonly worker: StoredWorker | undefined
  readonly jobs: ReadonlyMap<string, StoredJob>
  /** Every call that arrived, in order. */
  readonly calls: ReadonlyArray<{ readonly operation: Operation; readonly body: unknown }>
  /** What each operation meets before or after the central's own rules; none by default. */
  readonly faults: Partial<Record<Operation, Fault>>
}

/**
 * `refuse`: nothing is done. `lose`: it is done, and the answer is lost. `wait` comes first. `oversize`: a fetch gives a job
 * also where it needs more slots than the worker has free. `versions`: what the answer to a registration or a heartbeat says
 * of them, by default that they match.
 */
export interface Fault {
  readonly oversize?: boolean
  readonly wait?: Effect.Effect<void>
  readonly refuse?: SiteUnavailable | VersionRejected
  readonly lose?: SiteUnavailable
  readonly versions?: "mismatch" | "unsaid"
}

const versionsMatch = (fault: Fault | undefined): { readonly versions_match?: boolean } =>
  fault?.versions === "unsaid" ? {} : { versions_match: fault?.versions !== "mismatch" }

/** A site that is down: the connection is refused. */
export const down = new SiteUnavailable({ operation: "test", reason: "connection refused", ambiguous: false })
/** An answer that was lost after the commit. */
export const lost = new SiteUnavailable({ operation: "test", reason: "connection reset", ambiguous: true })

const id = (key: JobKey) => JSON.stringify(keyTuple(key))

const maintenance: ReadonlyArray<WorkerState> = [
  "maintenance request",
  "maintenance pending",
  "maintenance mode",
  "offline maintenance"
]

/** `redefine_maintenance_comments` of edge3 5.1.0: other comments are appended to the stored ones. */
const comments = (state: WorkerState, stored: string | null, sent: string | null): string | null => {
  if (!maintenance.includes(state)) return null
  if (!sent || sent === stored) return stored
  return stored && stored.length + sent.length < 1020 ? `${stored}\n\n${sent}` : sent
}

/** The controls of the central in memory. */
export class TestCentral extends Context.Service<
  TestCentral,
  {
    readonly get: Effect.Effect<Central>
    /** Waits until the central's knowledge fits. */
    readonly until: (predicate: (central: Central) => boolean) => Effect.Effect<Central>
    /** A worker of this name that the site already knows, before ours registers. */
    readonly preset: (worker: Pick<StoredWorker, "state" | "comments">) => Effect.Effect<void>
    readonly addJob: (job: Job) => Effect.Effect<void>
    /** What an operator or the sweeper does to the stored worker. */
    readonly editWorker: (edit: (worker: StoredWorker) => StoredWorker | undefined) => Effect.Effect<void>
    /** What this operation meets from now on. */
    readonly fault: (operation: Operation, fault: Fault | undefined) => Effect.Effect<void>
  }
>()("edge-worker/testing/TestCentral") {
  /** The central and the `EdgeClient` that speaks to it. */
  static readonly layer = Layer.effectContext(
    Effect.gen(function* () {
      const { name } = yield* WorkerIdentity
      const ref = yield* SubscriptionRef.make<Central>({
        worker: undefined,
        jobs: new Map(),
        calls: [],
        faults: {}
      })
      const get = SubscriptionRef.get(ref)
      const update = (f: (central: Central) => Central) => SubscriptionRef.update(ref, f)

      /** Records the call, meets the fault, then does what Airflow does. */
      const call = <A, E>(operation: Operation, body: unknown, act: Effect.Effect<A, E>) =>
        Effect.gen(function* () {
          yield* update((c) => ({ ...c, calls: [...c.calls, { operation, body }] }))
          const fault = (yield* get).faults[operation]
          if (fault?.wait !== undefined) yield* fault.wait
          if (fault?.refuse !== undefined) return yield* fault.refuse
          const result = yield* act
          if (fault?.lose !== undefined) return yield* fault.lose
          return result
        })
      const register = (body: WorkerStateBody) =>
        call(
          "register",
          body,
          Effect.gen(function* () {
            const { faults, worker } = yield* get
            if (
              worker !== undefined &&
              !["offline", "unknown", "offline maintenance"].includes(worker.state)
            ) {
              return yield* new WorkerConflict({
                detail: `Worker '${name}' is already active in state '${worker.state}'.`
              })
            }
            const state = worker === undefined ? body.state : answer(worker.state, body.state)
            const kept = comments(state, worker?.comments ?? null, body.maintenance_comments ?? null)
            const stored = {
              state,
              comments: kept,
              queues: body.queues ?? null,
              concurrency: worker?.concurrency ?? null,
              body
            }
            yield* update((c) => ({ ...c, worker: stored }))
            return { last_update: "2026-01-01T00:00:00Z", ...versionsMatch(faults.register) }
          })
        )
      const setState = (body: WorkerStateBody) =>
        call(
          "heartbeat",
          body,
          Effect.gen(function* () {
            const { faults, worker } = yield* get
            if (worker === undefined) return yield* new WorkerNotFound()
            const state = answer(worker.state, body.state)
            const kept = comments(state, worker.comments, body.maintenance_comments ?? null)
            yield* update((c) => ({ ...c, worker: { ...worker, state, comments: kept, body } }))
            return {
              state,
              queues: worker.queues,
              maintenance_comments: kept,
              concurrency: worker.concurrency,
              ...versionsMatch(faults.heartbeat),
              ...(worker.revoked === undefined ? {} : { revoked: worker.revoked })
            }
          })
        )
      const fetch = (body: {
        readonly free_concurrency: number
        readonly queues?: ReadonlyArray<string> | null | undefined
      }) =>
        call(
          "fetch",
          body,
          Effect.gen(function* () {
            const central = yield* get
            if (central.worker === undefined) return yield* new WorkerNotFound()
            const found = [...central.jobs].find(
              ([, { job, state }]) =>
                state === "queued" &&
                (central.faults.fetch?.oversize === true || job.concurrency_slots <= body.free_concurrency) &&
                (!body.queues ||
                  job.command.type !== "ExecuteTask" ||
                  body.queues.includes(job.command.ti.queue ?? "default"))
            )
            if (found === undefined) return Option.none()
            const [key, stored] = found
            yield* update((c) => ({
              ...c,
              jobs: new Map(c.jobs).set(key, { ...stored, state: "restarting" })
            }))
            return Option.some(stored.job)
          })
        )
      const editJob = (key: JobKey, edit: (job: StoredJob) => StoredJob) =>
        update((c) => {
          const stored = c.jobs.get(id(key))
          return stored === undefined ? c : { ...c, jobs: new Map(c.jobs).set(id(key), edit(stored)) }
        })

      const central = TestCentral.of({
        get,
        until: (predicate) =>
          SubscriptionRef.changes(ref).pipe(
            Stream.filter(predicate),
            Stream.runHead,
            Effect.map(Option.getOrThrow)
          ),
        preset: ({ state, comments: kept }) =>
          update((c) => ({
            ...c,
            worker: { state, comments: kept, queues: null, concurrency: null, body: { state, sysinfo: {} } }
          })),
        addJob: (job) =>
          update((c) => ({
            ...c,
            jobs: new Map(c.jobs).set(id(job), { job, state: "queued", reported: [], log: "" })
          })),
        editWorker: (edit) => update((c) => (c.worker === undefined ? c : { ...c, worker: edit(c.worker) })),
        fault: (operation, fault) => update((c) => ({ ...c, faults: { ...c.faults, [operation]: fault } }))
      })
      const never = (error: VersionRejected) => Effect.die(error)
      const client = EdgeClient.of({
        register,
        setState,
        fetch: (body) => fetch(body).pipe(Effect.catchTag("VersionRejected", never)),
        reportJob: (key, _, state) =>
          call(
            "report",
            { key, state },
            editJob(key, (job) => ({ ...job, state, reported: [...job.reported, state] }))
          ).pipe(Effect.catchTag("VersionRejected", never)),
        pushLog: (key, body) =>
          call(
            "log",
            body,
            editJob(key, (job) => ({ ...job, log: job.log + body.log_chunk_data }))
          ).pipe(Effect.catchTag("VersionRejected", never)),
        siteVersion: Effect.succeed(Option.some("3.3.2"))
      })
      return Context.make(TestCentral, central).pipe(Context.add(EdgeClient, client))
    })
  )
}
