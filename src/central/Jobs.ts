/** Jobs: the embedded central's jobs, from submission over claim and reports to their logs. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { CentralConfig } from "../config/CentralConfig.ts"
import { TaskTokens } from "../platform/TaskTokens.ts"
import type { CentralLog, RawSubmission, Submission } from "../protocol/CentralApi.ts"
import type { JobState, WorkerQueuesBody } from "../protocol/EdgeApi.ts"
import { display, type Job, type JobKey, keyOf } from "../protocol/Job.ts"
import * as CentralMetrics from "./CentralMetrics.ts"
import { isEnded, type JobFilter, type JobRecord } from "./JobRecord.ts"
import {
  cancelled,
  type JobEnded,
  JobUnknown,
  mayLog,
  type NotReportable,
  released,
  reported,
  type StaleHolder
} from "./JobRules.ts"
import { Repository, type RepositoryUnavailable } from "./Repository.ts"
import { nextKey } from "./Retries.ts"
import { freshId, fromRaw, fromSubmission, manualRun, toJob, type WorkloadRefused } from "./Workloads.ts"

/** 409: a job of that key is there. */
export class JobExists extends Schema.TaggedError<JobExists>()("JobExists", { key: Schema.String }) {
  override get message() {
    return `there is a job ${this.key} already`
  }
}

/** How long after a job's end its log may still arrive: a worker sends its rest beside the report of the end. */
const logRest = 2000

/** How long a worker is told again that a job of its own has been ended. */
const revocationLife = 600_000

/** The most characters that one look at a log gives. */
const logPart = 262_144

type Stored<A, E = never> = Effect.Effect<A, E | RepositoryUnavailable>

/** What becomes of jobs. */
export class Jobs extends Context.Service<
  Jobs,
  {
    readonly submit: (request: Submission, user: string) => Stored<JobRecord, JobExists>
    readonly submitRaw: (
      request: typeof RawSubmission.Type,
      user: string
    ) => Stored<JobRecord, JobExists | WorkloadRefused>
    /** Of several tries the last one. */
    readonly cancel: (key: JobKey, user: string) => Stored<JobRecord, JobUnknown | JobEnded>
    /** Claims the next job for a worker, of its team as it registered. */
    readonly fetch: (
      worker: string,
      body: WorkerQueuesBody,
      team: string | null
    ) => Stored<Option.Option<Job>>
    readonly report: (
      key: JobKey,
      state: JobState,
      taskInstanceId: string | null
    ) => Stored<void, StaleHolder | NotReportable>
    /** `taken`: another chunk has this time. What a former holder says is not kept, so that it can forget it too. */
    readonly pushLog: (
      key: JobKey,
      chunk: { readonly time: string; readonly text: string },
      taskInstanceId: string | null
    ) => Stored<"kept" | "ignored" | "taken">
    readonly readLog: (key: JobKey, from: number) => Stored<CentralLog, JobUnknown>
    readonly list: (filter: JobFilter, limit?: number) => Stored<ReadonlyArray<JobRecord>>
    readonly get: (key: JobKey) => Stored<JobRecord, JobUnknown>
    /** What the central itself has ended, not long ago, of the jobs that this worker had: ids of task instances. */
    readonly revokedFrom: (worker: string) => Stored<ReadonlyArray<string>>
    /** For a worker that registers anew: what it did not confirm goes back. */
    readonly releaseClaimsOf: (worker: string) => Stored<number>
  }
>()("edge-worker/central/Jobs") {
  static readonly layer = Layer.effect(
    Jobs,
    Effect.gen(function* () {
      const repository = yield* Repository
      const tokens = yield* TaskTokens
      const retryDelay = Duration.toMillis((yield* CentralConfig).defaultTaskRetryDelay)

      const add = Effect.fnUntraced(function* (job: JobRecord) {
        if (!(yield* repository.addJob(job))) return yield* new JobExists({ key: display(job.key) })
        yield* Effect.logInfo(`${job.submittedBy} submitted ${display(job.key)}`)
        return job
      })
      const get = Effect.fnUntraced(function* (key: JobKey) {
        return (yield* repository.job(key)) ?? (yield* new JobUnknown())
      })

      return Jobs.of({
        submit: Effect.fnUntraced(function* (request, user) {
          if (request.run_id !== undefined)
            return yield* add(yield* fromSubmission(request, request.run_id, user, retryDelay))
          const now = yield* Clock.currentTimeMillis
          const attempt = (n: number): Stored<JobRecord, JobExists> =>
            Effect.flatMap(fromSubmission(request, manualRun(now, n), user, retryDelay), add).pipe(
              Effect.catchTag("JobExists", (error) =>
                n < 999 ? Effect.suspend(() => attempt(n + 1)) : Effect.fail(error)
              )
            )
          return yield* attempt(0)
        }),
        submitRaw: Effect.fnUntraced(function* (request, user) {
          return yield* add(yield* fromRaw(request, user))
        }),
        cancel: Effect.fnUntraced(function* (key, user) {
          const change = cancelled(user, yield* Clock.currentTimeMillis)
          const lastOf = (key: JobKey): Stored<JobRecord, JobUnknown | JobEnded> =>
            repository
              .changeJob(key, change)
              .pipe(
                Effect.catchTag("JobEnded", (error) =>
                  error.retried ? Effect.suspend(() => lastOf(nextKey(key))) : Effect.fail(error)
                )
              )
          const job = yield* lastOf(key)
          yield* Effect.logInfo(`${user} cancelled ${display(job.key)}`)
          return job
        }),
        fetch: Effect.fnUntraced(function* (worker, body, team) {
          const claimed = yield* repository.claimJob({
            worker,
            // As Airflow reads it: no queues are all queues (edge3 5.1.0, `routes/jobs.py`).
            queues: body.queues?.length ? body.queues : null,
            team,
            freeSlots: body.free_concurrency,
            now: yield* Clock.currentTimeMillis,
            taskInstanceId: yield* freshId
          })
          if (Option.isNone(claimed)) return Option.none()
          yield* CentralMetrics.jobStarted(claimed.value)
          return Option.some(yield* Effect.provideService(toJob(claimed.value), TaskTokens, tokens))
        }),
        report: Effect.fnUntraced(function* (key, state, taskInstanceId) {
          const now = yield* Clock.currentTimeMillis
          const { before, job } = yield* repository.changeJob(
            key,
            reported(state, taskInstanceId, now, yield* freshId)
          )
          if (job !== undefined && before === "running" && isEnded(job.state)) {
            yield* CentralMetrics.jobFinished(job, job.state)
          }
        }),
        pushLog: Effect.fnUntraced(function* (key, chunk, taskInstanceId) {
          const job = yield* repository.job(key)
          if (job === undefined || !mayLog(job, taskInstanceId)) return "ignored"
          const stored = yield* repository.appendLog(keyOf(key), chunk)
          return stored === "taken" ? "taken" : "kept"
        }),
        readLog: Effect.fnUntraced(function* (key, from) {
          // The state first: what the log says after it came later.
          const { lastUpdate, state } = yield* get(key)
          const part = yield* repository.readLog(key, from, logPart)
          const quiet = (yield* Clock.currentTimeMillis) - lastUpdate >= logRest
          return { ...part, state, ended: isEnded(state) && quiet && part.text === "" }
        }),
        revokedFrom: Effect.fnUntraced(function* (worker) {
          const now = yield* Clock.currentTimeMillis
          const ended = yield* repository.jobs({
            heldBy: worker,
            states: ["removed", "failed"],
            updatedSince: now - revocationLife
          })
          return ended.filter(({ reason }) => reason !== null).map(({ taskInstanceId }) => taskInstanceId)
        }),
        list: repository.jobs,
        get,
        releaseClaimsOf: Effect.fnUntraced(function* (worker) {
          const now = yield* Clock.currentTimeMillis
          const back = yield* repository.changeJobs({ heldBy: worker, states: ["restarting"] }, released(now))
          return back.length
        })
      })
    })
  )
}
