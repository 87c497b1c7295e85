/** Whatever workers, operators and the sweeper do in whatever order: one state a job, one worker, no more than its slots. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { isEnded } from "../../src/central/JobRecord.ts"
import { Jobs } from "../../src/central/Jobs.ts"
import { Repository } from "../../src/central/Repository.ts"
import { RepositoryMemory } from "../../src/central/RepositoryMemory.ts"
import { SqlRepository } from "../../src/central/SqlRepository.ts"
import { Sweeper } from "../../src/central/Sweeper.ts"
import { CentralConfig } from "../../src/config/CentralConfig.ts"
import { Sqlite } from "../../src/platform/Sqlite.ts"
import type { JobState } from "../../src/protocol/EdgeApi.ts"
import { type Job, keyOf, keyTuple, slotsOf } from "../../src/protocol/Job.ts"
import { testCentralSettings } from "../../src/testing/centralSettings.ts"
import { knowWorker, submission, tokens } from "../central/jobsHarness.ts"
import { parameters, timeLimit } from "./fuzz.ts"

const names = ["w1", "w2", "w3"] as const
const tasks = ["a", "b", "c", "d"] as const
const capacity = 4

const worker = fc.constantFrom(...names)
const task = fc.constantFrom(...tasks)
const pick = fc.nat({ max: 3 })
const end = fc.constantFrom<JobState>("success", "failed")

/** `heard`: whether the worker gets the answer. What it does not hear it tells again, some time later. */
const actions = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("submit" as const), task, slots: fc.integer({ min: 1, max: 5 }) })
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("fetch" as const), worker, heard: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("confirm" as const), worker, pick, heard: fc.boolean() })
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("end" as const), worker, pick, state: end, heard: fc.boolean() })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("handBack" as const), worker, pick, heard: fc.boolean() })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("heartbeat" as const), worker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("goodbye" as const), worker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const), worker }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("register" as const), worker }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("late" as const),
      pick,
      state: fc.constantFrom<JobState>("running", "queued", "success", "failed")
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), task }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), worker }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("sweep" as const),
      seconds: fc.constantFrom(1, 20, 61, 151, 301, 3601)
    })
  }
)
type Action = typeof actions extends fc.Arbitrary<infer A> ? A : never

/** What a worker knows of a job that it was given; it runs only what the central has confirmed. */
interface Held {
  readonly job: Job
  running: boolean
}

const idOf = (job: Parameters<typeof keyTuple>[0]) => JSON.stringify(keyTuple(job))

/** Everybody, and what they believe. */
const world = Effect.gen(function* () {
  // Two centrals on one store.
  const first = yield* Jobs
  const second = yield* Jobs.pipe(Effect.provide(Layer.fresh(Jobs.layer)), Effect.provide(tokens))
  const sweepers = [yield* Sweeper, yield* Sweeper.pipe(Effect.provide(Layer.fresh(Sweeper.layer)))]
  const { changeWorker, jobs: stored } = yield* Repository
  let turn = 0
  const jobs = () => (turn++ % 2 === 0 ? first : second)
  const held = new Map<string, Array<Held>>(names.map((name) => [name, []]))
  /** Claims of which a message may still be under way. */
  const ghosts: Array<Job> = []
  const ended = new Map<string, JobState>()
  let runs = 0

  const heldBy = (name: string) => held.get(name) ?? []
  const forget = (name: string, one: Held) =>
    held.set(
      name,
      heldBy(name).filter((other) => other !== one)
    )
  /** True where the central accepts it. */
  const report = (job: Job, state: JobState) =>
    jobs()
      .report(keyOf(job), state, job.task_instance_id ?? null)
      .pipe(
        Effect.as(true),
        Effect.catchTag("StaleHolder", () => Effect.succeed(false))
      )
  const beat = (name: string) =>
    Effect.flatMap(
      Effect.clockWith((clock) => clock.currentTimeMillis),
      (lastUpdate) => knowWorker({ name, lastUpdate, state: "running", jobsActive: heldBy(name).length })
    )

  const act = Effect.fnUntraced(function* (action: Action) {
    switch (action.do) {
      case "submit":
        return yield* jobs()
          .submit(submission({ task_id: action.task, run_id: `r${runs++}`, slots: action.slots }), "ada")
          .pipe(Effect.asVoid)
      case "fetch": {
        const free = capacity - heldBy(action.worker).reduce((sum, { job }) => sum + slotsOf(job), 0)
        if (free < 1) return
        const body = { free_concurrency: free, supports_task_instance_uuid: true }
        const found = yield* jobs().fetch(action.worker, body, null)
        if (Option.isNone(found)) return
        const job = found.value
        assert.isAtMost(slotsOf(job), free)
        ghosts.push(job)
        // The answer is lost: the worker does not know what it was given.
        if (action.heard) heldBy(action.worker).push({ job, running: false })
        return
      }
      case "confirm": {
        const one = heldBy(action.worker)[action.pick]
        if (one === undefined) return
        const accepted = yield* report(one.job, "running")
        if (!action.heard) return
        if (accepted) one.running = true
        else forget(action.worker, one)
        return
      }
      case "end": {
        const one = heldBy(action.worker)[action.pick]
        if (one === undefined || !one.running) return
        yield* report(one.job, action.state)
        if (action.heard) forget(action.worker, one)
        return
      }
      case "handBack": {
        const one = heldBy(action.worker)[action.pick]
        if (one === undefined || one.running) return
        yield* report(one.job, "queued")
        return forget(action.worker, one)
      }
      case "heartbeat":
        return yield* beat(action.worker)
      case "goodbye":
        return yield* knowWorker({ name: action.worker, state: "offline" })
      case "crash":
        return held.set(action.worker, [])
      case "register":
        // A worker that registers has nothing: it did not find its jobs again.
        held.set(action.worker, [])
        yield* beat(action.worker)
        return yield* jobs().releaseClaimsOf(action.worker)
      case "late": {
        // A message of a worker that has not held the job for long, or holds it still and does not know of it.
        const job = ghosts[action.pick]
        if (job === undefined) return
        const holder = names.some((name) => heldBy(name).some((one) => one.job === job))
        if (!holder) yield* report(job, action.state)
        return ghosts.splice(action.pick, 1)
      }
      case "cancel": {
        const [one] = (yield* stored({ task: action.task })).filter(({ state }) => !isEnded(state))
        if (one === undefined) return
        return yield* jobs().cancel(one.key, "bob")
      }
      case "remove":
        return yield* changeWorker(
          action.worker,
          () => ({ _tag: "Success", success: [undefined, undefined] }) as never
        )
      case "sweep":
        yield* TestClock.adjust(`${action.seconds} seconds`)
        return yield* sweepers[turn++ % 2]?.sweep ?? Effect.void
    }
  })

  const check = Effect.gen(function* () {
    const all = yield* stored({})
    assert.strictEqual(new Set(all.map(({ key }) => idOf(key))).size, all.length)
    const states = new Map(all.map(({ key, state }) => [idOf(key), state]))
    for (const [id, state] of states) {
      assert.include(["queued", "restarting", "running", "success", "failed", "removed"], state)
      const before = ended.get(id)
      if (before !== undefined) assert.strictEqual(state, before)
      if (isEnded(state)) ended.set(id, state)
    }
    const runningAt = new Map<string, string>()
    for (const name of names) {
      const used = heldBy(name).reduce((sum, { job }) => sum + slotsOf(job), 0)
      assert.isAtMost(used, capacity)
      for (const { job, running } of heldBy(name)) {
        if (!running) continue
        assert.isUndefined(runningAt.get(idOf(job)), `${idOf(job)} runs twice`)
        runningAt.set(idOf(job), name)
        // Running, or over; nobody else is given it.
        assert.include(["running", "success", "failed", "removed", undefined], states.get(idOf(job)))
      }
    }
  })
  return { act, check }
})

const layerOver = (repository: Layer.Layer<Repository, unknown>) =>
  Layer.mergeAll(Jobs.layer, Sweeper.layer).pipe(
    Layer.provide(tokens),
    Layer.provideMerge(Layer.fresh(repository)),
    Layer.provideMerge(Layer.succeed(CentralConfig, testCentralSettings())),
    Layer.provideMerge(TestClock.layer()),
    Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "None"))
  )

describe.each([
  ["memory", RepositoryMemory.layer, 800, 80],
  ["SQLite", SqlRepository.layer.pipe(Layer.provide(Sqlite.layer(":memory:"))), 100, 60]
] as const)("jobs of a central on %s", (_, repository, runs, length) => {
  it(
    "are each in one state, at one worker, within its slots",
    () =>
      fc.assert(
        fc.asyncProperty(fc.array(actions, { maxLength: length, size: "max" }), (script) =>
          Effect.gen(function* () {
            const { act, check } = yield* world
            for (const action of script) {
              yield* act(action)
              yield* check
            }
          }).pipe(Effect.provide(layerOver(repository as never)), Effect.scoped, Effect.runPromise)
        ),
        parameters(runs)
      ),
    timeLimit
  )
})
