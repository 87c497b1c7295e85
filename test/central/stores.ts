/** stores: a repository for each test, and what its tests ask of it again and again. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { JobRecord } from "../../src/central/JobRecord.ts"
import { Repository } from "../../src/central/Repository.ts"
import type { WorkerRecord } from "../../src/central/WorkerRecord.ts"

type Store = Repository["Service"]

export const taskOf = (job: JobRecord): string => job.key.task_id
export const claimedTask = (job: Option.Option<JobRecord>): string | undefined =>
  Option.getOrUndefined(Option.map(job, taskOf))

/** Makes a row, or overwrites it. */
export const putWorker = (store: Store, worker: WorkerRecord) =>
  store.changeWorker(worker.name, () => Result.succeed([undefined, worker]))
export const putJob = (store: Store, job: JobRecord) =>
  store.changeJob(job.key, () => Result.succeed([undefined, job]))

/** Each test has a store of its own, which begins empty. */
export const onEach =
  <E>(layer: Layer.Layer<Repository, E>) =>
  <A, E2>(name: string, test: (store: Store) => Effect.Effect<A, E2, Scope.Scope>, timeout?: number) =>
    it.live(
      name,
      () => Effect.flatMap(Repository, test).pipe(Effect.scoped, Effect.provide(layer, { local: true })),
      timeout
    )
