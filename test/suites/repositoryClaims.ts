/** The contract of the repository's claims on every store: who gets which job, and that nobody else gets it. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { JobRecord } from "../../src/central/JobRecord.ts"
import type { Repository } from "../../src/central/Repository.ts"
import { ask, jobRecord } from "../central/records.ts"
import { claimedTask, onEach, putJob, taskOf } from "../central/stores.ts"

type Store = Repository["Service"]

/** What claims one after the other get, until nothing is left. */
const claimAll = (store: Store, changes: Parameters<typeof ask>[1] = {}) =>
  Effect.gen(function* () {
    const order: Array<string> = []
    for (;;) {
      const task = claimedTask(yield* store.claimJob(ask("w", { freeSlots: 99, ...changes })))
      if (task === undefined) return order
      order.push(task)
    }
  })

export const claimSuite = <E>(name: string, layer: Layer.Layer<Repository, E>) => {
  const test = onEach(layer)
  describe(`Repository on ${name}: claims`, () => {
    test("a claim makes the job its worker's", (store) =>
      Effect.gen(function* () {
        const job = jobRecord("t", { claims: 2, reason: "went back" })
        yield* store.addJob(job)
        const claimed = yield* store.claimJob(ask("w1", { now: 5000, taskInstanceId: "fresh" }))
        const expected = {
          ...job,
          state: "restarting" as const,
          worker: "w1",
          lastUpdate: 5000,
          claims: 3,
          taskInstanceId: "fresh"
        }
        assert.deepStrictEqual(claimed, Option.some(expected))
        assert.deepStrictEqual(yield* store.jobs({}), [expected])
        assert.deepStrictEqual(yield* store.claimJob(ask("w1")), Option.none())
        yield* store.addJob(jobRecord("raw", { raw: true }))
        const raw = yield* store.claimJob(ask("w1"))
        assert.strictEqual(Option.getOrThrow(raw).taskInstanceId, jobRecord("raw").taskInstanceId)
      }))

    test("claims take callbacks first, then by priority, then by age, then as they came", (store) =>
      Effect.gen(function* () {
        const add = (task: string, changes: Partial<JobRecord>) => store.addJob(jobRecord(task, changes))
        yield* add("old", { queuedAt: 1 })
        yield* add("first", { queuedAt: 2, queue: "b" })
        yield* add("second", { queuedAt: 2 })
        yield* add("high", { queuedAt: 3, priority: 10 })
        yield* add("low", { queuedAt: 0, priority: -5 })
        yield* add("callback", { queuedAt: 9, priority: -9, kind: "callback", queue: "b" })
        yield* add("old callback", { queuedAt: 8, priority: -9, kind: "callback" })
        const expected = ["old callback", "callback", "high", "old", "first", "second", "low"]
        assert.deepStrictEqual(yield* claimAll(store), expected)
        yield* store.changeJobs({}, (job) => ({ ...job, state: "queued" }))
        assert.deepStrictEqual(yield* claimAll(store, { queues: ["b", "default", "none"] }), expected)
        yield* store.changeJobs({}, (job) => ({ ...job, state: "queued" }))
        const inOne = yield* claimAll(store, { queues: ["default"] })
        assert.deepStrictEqual(inOne, ["old callback", "high", "old", "second", "low"])
      }))

    test("claims take what fits: slots, queues, team, queued only", (store) =>
      Effect.gen(function* () {
        const add = (task: string, changes: Partial<JobRecord>) => store.addJob(jobRecord(task, changes))
        yield* add("wide", { slots: 3, queuedAt: 1, priority: 9 })
        yield* add("gpu", { queue: "gpu", queuedAt: 2 })
        yield* add("GPU", { queue: "GPU", queuedAt: 3 })
        yield* add("team", { team: "red", queuedAt: 4 })
        yield* add("blue", { team: "blue", queue: "gpu", queuedAt: 5 })
        for (const state of ["running", "success", "failed", "removed", "deferred"] as const)
          yield* add(state, { state, queuedAt: 0, priority: 99 })
        const next = (changes: Parameters<typeof ask>[1]) =>
          Effect.map(store.claimJob(ask("w", changes)), claimedTask)
        assert.isUndefined(yield* next({ freeSlots: 0 }))
        assert.isUndefined(yield* next({ queues: [] }))
        assert.isUndefined(yield* next({ queues: ["gp", "gpu%", "%"] }))
        assert.isUndefined(yield* next({ team: "green" }))
        assert.isUndefined(yield* next({ team: "red", queues: ["gpu"] }))
        assert.strictEqual(yield* next({ team: "blue", queues: ["none", "gpu"] }), "blue")
        assert.strictEqual(yield* next({ freeSlots: 2 }), "gpu")
        assert.strictEqual(yield* next({ freeSlots: 3 }), "wide")
        assert.strictEqual(yield* next({ queues: ["default", "GPU"] }), "GPU")
        assert.strictEqual(yield* next({}), "team")
        assert.isUndefined(yield* next({ freeSlots: 99 }))
      }))

    test("claims at once never get the same job, and miss none", (store) =>
      Effect.gen(function* () {
        for (let i = 0; i < 30; i++) yield* store.addJob(jobRecord(`t${i}`, { queue: `q${i % 3}` }))
        const claims = yield* Effect.forEach(
          Array.from({ length: 10 }, (_, i) => i),
          (i) =>
            Effect.gen(function* () {
              const mine: Array<string> = []
              for (;;) {
                const queues = i % 2 === 0 ? null : ["q0", "q1", "q2"]
                const job = yield* store.claimJob(ask(`w${i}`, { queues }))
                if (Option.isNone(job)) return mine
                assert.strictEqual(job.value.worker, `w${i}`)
                mine.push(taskOf(job.value))
              }
            }),
          { concurrency: "unbounded" }
        )
        const all = claims.flat()
        assert.strictEqual(new Set(all).size, all.length)
        // those that another one was just claiming are passed over; a later ask gets them
        const later = yield* claimAll(store)
        assert.strictEqual(new Set([...all, ...later]).size, 30)
      }))

    test("a job that goes back to the queue keeps its place, and a job that ended is not claimed", (store) =>
      Effect.gen(function* () {
        yield* store.addJob(jobRecord("first", { queuedAt: 1 }))
        yield* store.addJob(jobRecord("second", { queuedAt: 2 }))
        yield* store.claimJob(ask("w"))
        yield* putJob(store, jobRecord("first", { queuedAt: 1, state: "queued", claims: 1 }))
        assert.strictEqual(claimedTask(yield* store.claimJob(ask("w"))), "first")
        yield* putJob(store, jobRecord("first", { state: "success" }))
        yield* putJob(store, jobRecord("second", { state: "failed" }))
        assert.isUndefined(claimedTask(yield* store.claimJob(ask("w"))))
      }))
  })
}
