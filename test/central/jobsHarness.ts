/** A central's jobs over the store in memory, for tests. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { Jobs } from "../../src/central/Jobs.ts"
import { Repository } from "../../src/central/Repository.ts"
import { RepositoryMemory } from "../../src/central/RepositoryMemory.ts"
import { Sweeper } from "../../src/central/Sweeper.ts"
import type { WorkerRecord } from "../../src/central/WorkerRecord.ts"
import { CentralConfig, type CentralSettings } from "../../src/config/CentralConfig.ts"
import { TaskTokens } from "../../src/platform/TaskTokens.ts"
import { TokenRefused } from "../../src/platform/TokenVerifier.ts"
import type { Submission } from "../../src/protocol/CentralApi.ts"
import type { JobState } from "../../src/protocol/EdgeApi.ts"
import type { Job, JobKey } from "../../src/protocol/Job.ts"
import { testCentralSettings } from "../../src/testing/centralSettings.ts"

export const tokens = Layer.succeed(
  TaskTokens,
  TaskTokens.of({
    issue: (id) => Effect.succeed(Redacted.make(`token-of-${id}`)),
    verify: () => Effect.fail(new TokenRefused({ reason: "these are no tokens" }))
  })
)

/** Jobs and sweeper, with the store beside them. */
export const jobsLayer = (settings: Partial<CentralSettings> = {}) =>
  Layer.mergeAll(Jobs.layer, Sweeper.layer).pipe(
    Layer.provideMerge(RepositoryMemory.layer),
    Layer.provide([tokens, Layer.succeed(CentralConfig, testCentralSettings(settings))])
  )

export const submission = (changes: Partial<Submission> = {}): Submission => ({
  dag_id: "dag",
  task_id: "task",
  run_id: "run",
  ...changes
})

export const key: JobKey = { dag_id: "dag", task_id: "task", run_id: "run", try_number: 1, map_index: -1 }

const ask = { free_concurrency: 4, supports_task_instance_uuid: true }

/** What a worker is given; fails where there is nothing. */
export const claim = (worker: string): Effect.Effect<Job, unknown, Jobs> =>
  Jobs.use((jobs) => jobs.fetch(worker, ask, null)).pipe(
    Effect.flatMap((job) => (Option.isSome(job) ? Effect.succeed(job.value) : Effect.fail("no job")))
  )

export const report = (job: Job, state: JobState) =>
  Jobs.use((jobs) => jobs.report(job, state, job.task_instance_id ?? null))

export const stateOf = (of: JobKey) => Jobs.use((jobs) => jobs.get(of)).pipe(Effect.map(({ state }) => state))

/** Puts a worker into the store. */
export const knowWorker = (worker: Partial<WorkerRecord> & { readonly name: string }) =>
  Repository.use((repository) =>
    repository.changeWorker(worker.name, () =>
      Result.succeed([
        undefined,
        {
          state: "idle",
          maintenanceComment: null,
          queues: null,
          firstOnline: 0,
          lastUpdate: 0,
          jobsActive: 0,
          sysinfo: {},
          team: null,
          concurrency: null,
          ...worker
        }
      ])
    )
  )
