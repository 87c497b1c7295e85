/** Occupy: a job holds its slots until its process is gone, which is not when nobody waits for it any more. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { occupy } from "../../src/worker/Occupy.ts"
import { Slots } from "../../src/worker/Slots.ts"
import { WorkerLifecycle } from "../../src/worker/WorkerLifecycle.ts"
import { settle } from "./harness.ts"

const claim = { id: "c", job: testJob("a", { concurrency_slots: 2 }), claimedAt: 0, expires: null }

const parts = Layer.mergeAll(Slots.layer, WorkerLifecycle.layer).pipe(
  Layer.provide(Layer.succeed(WorkerIdentity, { name: "one", queues: null, team: null, concurrency: 3 }))
)

/** Slots that are held, and jobs that are counted. */
const counts = Effect.gen(function* () {
  const { held } = yield* (yield* Slots).usage
  const { jobs } = yield* (yield* WorkerLifecycle).get
  return { held, jobs }
})

/** A job on its slots, and the scope that it runs in. */
const begun = Effect.fnUntraced(function* (job: Effect.Effect<void>) {
  yield* (yield* Slots).settle(0, 2)
  const scope = yield* Scope.make()
  yield* occupy(claim, job).pipe(Scope.provide(scope))
  yield* settle
  return scope
})

describe("Occupy", () => {
  it.effect("counts a job until it is over, then its slots are free", () =>
    Effect.gen(function* () {
      const over = yield* Deferred.make<void>()
      yield* begun(Deferred.await(over))
      assert.deepStrictEqual(yield* counts, { held: 2, jobs: 1 })
      yield* Deferred.succeed(over, undefined)
      yield* settle
      assert.deepStrictEqual(yield* counts, { held: 0, jobs: 0 })
    }).pipe(Effect.provide(parts))
  )

  it.effect("frees the slots of a job that died of a bug", () =>
    Effect.gen(function* () {
      yield* begun(Effect.die(new Error("bug")))
      assert.deepStrictEqual(yield* counts, { held: 0, jobs: 0 })
    }).pipe(Effect.provide(parts))
  )

  it.effect("frees nothing where only the wait was ended: the process may live", () =>
    Effect.gen(function* () {
      yield* Scope.close(yield* begun(Effect.never), Exit.void)
      assert.deepStrictEqual(yield* counts, { held: 2, jobs: 1 })
    }).pipe(Effect.provide(parts))
  )
})
