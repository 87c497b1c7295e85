/** Any interleaving of adding, claiming, changing, sweeping and logging leaves each job in one state, with one holder. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { isHeld, type JobRecord } from "../../src/central/JobRecord.ts"
import type { Repository } from "../../src/central/Repository.ts"
import type { JobKey } from "../../src/protocol/Job.ts"
import { ask, jobRecord } from "../central/records.ts"
import { onEach } from "../central/stores.ts"
import { timeLimit, tried } from "../fuzz/fuzz.ts"

type Store = Repository["Service"]

const step = fc.oneof(
  fc.record({
    do: fc.constant("add" as const),
    job: fc.nat(5),
    slots: fc.integer({ min: 1, max: 3 }),
    priority: fc.nat(2)
  }),
  fc.record({ do: fc.constant("claim" as const), narrow: fc.boolean() }),
  fc.record({
    do: fc.constantFrom("run" as const, "succeed" as const, "fail" as const, "log" as const),
    which: fc.nat(3)
  }),
  fc.record({ do: fc.constant("sweep" as const) })
)
type Step = typeof step extends fc.Arbitrary<infer A> ? A : never

/** What each of three workers does, one after the other, while the others do theirs. */
const lives = fc.record({
  capacities: fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 1, max: 4 }))),
  steps: fc.tuple(...[0, 1, 2].map(() => fc.array(step, { maxLength: 14 })))
})

/** A job as its holder knows it. */
interface Held {
  readonly key: JobKey
  readonly id: string
  readonly slots: number
}

const used = (held: Iterable<{ readonly slots: number }>) =>
  [...held].reduce((sum, { slots }) => sum + slots, 0)

/** What was seen while one history ran; its jobs stand in a Dag and queues of their own. */
const history = (stores: readonly [Store, ...ReadonlyArray<Store>], run: string) => {
  const added = new Map<string, JobKey>()
  const claims: Array<{
    readonly job: JobRecord
    readonly free: number
    readonly queues: ReadonlyArray<string>
  }> = []
  const ends: Array<string> = []
  const chunks = new Map<string, Array<string>>()
  const queuesOf = (narrow: boolean) => (narrow ? [`${run}-0`] : [`${run}-0`, `${run}-1`])

  const worker = (w: number, capacity: number) => {
    const store = stores[w % stores.length] ?? stores[0]
    const name = `${run}-w${w}`
    const held = new Map<string, Held>()
    let n = 0
    /** As a report of the holder; refused where another one holds it. */
    const report = ({ id, key, slots }: Held, state: "running" | "success" | "failed") =>
      Effect.map(
        store.changeJob(key, (row) =>
          row !== undefined && isHeld(row.state) && row.taskInstanceId === id && row.worker === name
            ? Result.succeed([true, { ...row, state }])
            : Result.succeed([false, row])
        ),
        (accepted) => {
          if (accepted && state === "running") return
          if (accepted) ends.push(key.task_id)
          held.delete(id)
          return { id, slots }
        }
      )
    const take = (todo: Step) => {
      const which = "which" in todo ? [...held.values()][todo.which % Math.max(1, held.size)] : undefined
      switch (todo.do) {
        case "add": {
          const base = jobRecord(`t${todo.job}`, {
            slots: todo.slots,
            priority: todo.priority,
            queue: `${run}-${todo.job % 2}`
          })
          const job = { ...base, key: { ...base.key, dag_id: run } }
          return Effect.map(store.addJob(job), (made) => {
            if (made) assert.isFalse(added.has(job.key.task_id), "made twice")
            if (made) added.set(job.key.task_id, job.key)
          })
        }
        case "claim": {
          const [free, queues, id] = [capacity - used(held.values()), queuesOf(todo.narrow), `${name}-${n++}`]
          const asked = ask(name, { freeSlots: free, queues, taskInstanceId: id })
          return Effect.map(store.claimJob(asked), (claimed) => {
            if (Option.isNone(claimed)) return
            const job = claimed.value
            assert.deepStrictEqual([job.state, job.worker, job.taskInstanceId], ["restarting", name, id])
            claims.push({ job, free, queues })
            held.set(id, { id, key: job.key, slots: job.slots })
          })
        }
        case "sweep":
          return store.changeJobs({ states: ["restarting"], dag: run }, (row) => ({
            ...row,
            state: "queued"
          }))
        case "log": {
          if (which === undefined) return Effect.void
          const text = `<${name} ${n++}>`
          const log = chunks.get(which.key.task_id) ?? []
          chunks.set(which.key.task_id, [...log, text])
          const chunk = { time: text, text }
          return Effect.andThen(store.appendLog(which.key, chunk), store.appendLog(which.key, chunk))
        }
        default:
          if (which === undefined) return Effect.void
          return report(which, todo.do === "run" ? "running" : todo.do === "succeed" ? "success" : "failed")
      }
    }
    return { name, capacity, held, take }
  }

  const check = Effect.fnUntraced(function* (workers: ReadonlyArray<ReturnType<typeof worker>>) {
    const [store] = stores
    const rows = yield* store.jobs({ dag: run })
    assert.sameMembers(
      rows.map(({ key }) => key.task_id),
      [...added.keys()]
    )
    for (const row of rows) {
      const own = claims.filter(({ job }) => job.key.task_id === row.key.task_id)
      // each claim saw the one before it: none was given twice
      assert.sameMembers(
        own.map(({ job }) => job.claims),
        own.map((_, i) => i + 1)
      )
      assert.strictEqual(row.claims, own.length)
      const endings = ends.filter((task) => task === row.key.task_id).length
      assert.strictEqual(endings, row.state === "success" || row.state === "failed" ? 1 : 0)
      if (isHeld(row.state))
        assert.deepStrictEqual(
          workers.filter(({ held, name }) => held.has(row.taskInstanceId) && name === row.worker).length,
          1
        )
      const { text } = yield* store.readLog(row.key, 0, 100_000)
      assert.sameMembers(text.match(/<[^>]*>/g) ?? [], chunks.get(row.key.task_id) ?? [])
    }
    for (const { free, job, queues } of claims) {
      assert.isAtMost(job.slots, free)
      assert.include(queues, job.queue)
    }
    for (const { capacity, name } of workers)
      assert.isAtMost(used(rows.filter((row) => isHeld(row.state) && row.worker === name)), capacity)
  })
  return { worker, check }
}

/** The workers take turns with the stores: those of several centrals on one database. */
export const interleave = (stores: readonly [Store, ...ReadonlyArray<Store>], runs: number) => {
  let n = 0
  return tried(runs, lives, ({ capacities, steps }) =>
    Effect.gen(function* () {
      const { check, worker } = history(stores, `run${n++}.`)
      const workers = capacities.map((capacity, w) => worker(w, capacity))
      yield* Effect.forEach(
        workers,
        ({ take }, w) =>
          Effect.forEach(steps[w] ?? [], (todo) => Effect.andThen(Effect.yieldNow, take(todo)), {
            discard: true
          }),
        { concurrency: "unbounded", discard: true }
      )
      yield* check(workers)
    })
  )
}

export const interleavings = <E>(name: string, layer: Layer.Layer<Repository, E>, runs: number) =>
  onEach(layer)(
    `Repository on ${name}: any interleaving leaves each job in one state, with one holder, within the slots`,
    (store) => interleave([store], runs),
    timeLimit
  )
