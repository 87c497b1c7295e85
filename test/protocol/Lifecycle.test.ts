/** The lifecycle as a pure function, and its words against the tables that Airflow's own edge3 printed. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  answer,
  initial,
  isEnding,
  type Lifecycle,
  type LifecycleEvent,
  mayFetch,
  report,
  transition
} from "../../src/protocol/Lifecycle.ts"
import type { WorkerState } from "../../src/protocol/WorkerState.ts"
import tables from "./fixtures/lifecycle-edge3-5.1.0.json" with { type: "json" }

const words = Object.keys(tables.answer) as ReadonlyArray<WorkerState>
const told = (comments: string | null) => ({ comments, told: true })
const untold = (comments: string | null) => ({ comments, told: false })
const starting: Lifecycle = initial
const active: Lifecycle = { _tag: "Active", jobs: 0, maintenance: null }
const busy: Lifecycle = { _tag: "Active", jobs: 2, maintenance: null }
const maintenance: Lifecycle = { _tag: "Maintenance", jobs: 1, maintenance: told("why") }
const draining: Lifecycle = { _tag: "Draining", jobs: 1, maintenance: null, reason: "r" }
const empty: Lifecycle = { _tag: "Draining", jobs: 0, maintenance: null, reason: "r" }
const offline: Lifecycle = { _tag: "Offline", jobs: 0, maintenance: null, reason: "r" }
const answered = (
  reported: WorkerState,
  state: WorkerState,
  more: Partial<LifecycleEvent & { _tag: "Answered" }> = {}
) => ({ _tag: "Answered", reported, state, sent: null, comments: null, ...more }) as const

describe("words", () => {
  it("answers as Airflow does, on all 144 pairs", () => {
    assert.strictEqual(words.length, 12)
    for (const stored of words) {
      for (const reported of words) {
        const golden = (tables.answer as Record<string, Record<string, string>>)[stored]?.[reported]
        assert.strictEqual(answer(stored, reported), golden, `stored ${stored}, reported ${reported}`)
      }
    }
  })

  it("reports as edge3's own function does, on every (jobs, drain, maintenance)", () => {
    assert.strictEqual(tables.report.length, 12)
    for (const row of tables.report) {
      const note = row.maintenance ? told("why") : null
      const state: Lifecycle = row.drain
        ? { _tag: "Draining", jobs: row.jobs, maintenance: note, reason: "r" }
        : note === null
          ? { _tag: "Active", jobs: row.jobs, maintenance: null }
          : { _tag: "Maintenance", jobs: row.jobs, maintenance: note }
      assert.strictEqual(report(state), row.state, JSON.stringify(row))
    }
  })

  it("says starting before the registration, and maintenance mode where it starts in it", () => {
    assert.strictEqual(report(starting), "starting")
    assert.strictEqual(report({ _tag: "Starting", jobs: 2, maintenance: told("x") }), "starting")
    assert.strictEqual(report({ _tag: "Starting", jobs: 0, maintenance: told("x") }), "maintenance mode")
    assert.strictEqual(report({ ...offline, maintenance: told("x") } as Lifecycle), "offline maintenance")
  })
})

describe("transition", () => {
  const table: ReadonlyArray<readonly [string, Lifecycle, LifecycleEvent, Lifecycle]> = [
    ["registers", starting, { _tag: "Registered" }, active],
    [
      "registers in maintenance",
      { _tag: "Starting", jobs: 0, maintenance: untold("x") },
      { _tag: "Registered" },
      { _tag: "Maintenance", jobs: 0, maintenance: untold("x") }
    ],
    ["takes a job", active, { _tag: "JobTaken" }, { ...active, jobs: 1 } as Lifecycle],
    ["a job is gone", busy, { _tag: "JobGone" }, { ...busy, jobs: 1 } as Lifecycle],
    [
      "maintenance from here",
      busy,
      { _tag: "MaintenanceOn", comments: "c" },
      { _tag: "Maintenance", jobs: 2, maintenance: untold("c") }
    ],
    [
      "another comment from here",
      maintenance,
      { _tag: "MaintenanceOn", comments: "c" },
      { ...maintenance, maintenance: untold("c") } as Lifecycle
    ],
    [
      "maintenance ends from here",
      maintenance,
      { _tag: "MaintenanceOff" },
      { _tag: "Active", jobs: 1, maintenance: null }
    ],
    [
      "maintenance from the site",
      busy,
      answered("running", "maintenance request", { comments: "site" }),
      { _tag: "Maintenance", jobs: 2, maintenance: told("site") }
    ],
    [
      "the site lifts it",
      maintenance,
      answered("maintenance pending", "running"),
      { _tag: "Active", jobs: 1, maintenance: null }
    ],
    [
      "an answer to a heartbeat from before the maintenance does not lift it",
      maintenance,
      answered("running", "running"),
      maintenance
    ],
    [
      "a comment that was told is told",
      { ...maintenance, maintenance: untold("c") } as Lifecycle,
      answered("maintenance pending", "maintenance pending", { sent: "c", comments: "site\n\nc" }),
      { ...maintenance, maintenance: told("site\n\nc") } as Lifecycle
    ],
    [
      "a comment that was written meanwhile is still to be told",
      { ...maintenance, maintenance: untold("new") } as Lifecycle,
      answered("maintenance pending", "maintenance pending", { sent: "old", comments: "old" }),
      { ...maintenance, maintenance: untold("new") } as Lifecycle
    ],
    [
      "the site edits the comment",
      maintenance,
      answered("maintenance pending", "maintenance pending", { comments: "edited" }),
      { ...maintenance, maintenance: told("edited") } as Lifecycle
    ],
    [
      "shutdown from the site",
      busy,
      answered("running", "shutdown request"),
      { _tag: "Draining", jobs: 2, maintenance: null, reason: "shutdown requested by the site" }
    ],
    [
      "a drain remembers maintenance",
      maintenance,
      { _tag: "Drain", reason: "r" },
      { _tag: "Draining", jobs: 1, maintenance: told("why"), reason: "r" }
    ],
    ["the first reason stays", draining, { _tag: "Drain", reason: "other" }, draining],
    [
      "maintenance asked during the drain is remembered",
      draining,
      answered("terminating", "maintenance request", { comments: "site" }),
      { ...draining, maintenance: told("site") } as Lifecycle
    ],
    ["a job that was still to come", empty, { _tag: "JobTaken" }, { ...empty, jobs: 1 } as Lifecycle],
    ["not empty yet", draining, { _tag: "Emptied" }, draining],
    ["empty", empty, { _tag: "Emptied" }, offline],
    ["emptied means nothing elsewhere", active, { _tag: "Emptied" }, active],
    [
      "forgotten: the comment must be told again",
      maintenance,
      { _tag: "RegisteredAnew" },
      { ...maintenance, maintenance: untold("why") } as Lifecycle
    ]
  ]
  for (const [name, before, event, after] of table) {
    it(name, () => assert.deepStrictEqual(transition(before, event), after))
  }

  const event: fc.Arbitrary<LifecycleEvent> = fc.oneof(
    fc.constantFrom<LifecycleEvent>(
      { _tag: "Registered" },
      { _tag: "RegisteredAnew" },
      { _tag: "JobTaken" },
      { _tag: "JobGone" },
      { _tag: "MaintenanceOff" },
      { _tag: "Emptied" },
      { _tag: "Drain", reason: "r" }
    ),
    fc.record({ _tag: fc.constant("MaintenanceOn" as const), comments: fc.string() }),
    fc.record({
      _tag: fc.constant("Answered" as const),
      reported: fc.constantFrom(...words),
      state: fc.constantFrom(...words),
      sent: fc.option(fc.string()),
      comments: fc.option(fc.string())
    })
  )
  const reachable = fc.array(event, { maxLength: 30 }).map((events) => events.reduce(transition, initial))

  it("is total, ends for good, and never counts below zero", () => {
    fc.assert(
      fc.property(reachable, event, (state, next) => {
        const after = transition(state, next)
        assert.isAtLeast(after.jobs, 0)
        assert.include(words, report(after))
        if (state._tag === "Offline") assert.deepStrictEqual(after, state)
        if (isEnding(state)) assert.isTrue(isEnding(after))
        if (mayFetch(after)) assert.isNull(after.maintenance)
        if (after._tag === "Offline" && state._tag !== "Offline") assert.strictEqual(state.jobs, 0)
      }),
      { numRuns: 2000, seed: 1 }
    )
  })

  it("never leaves maintenance by an answer to a heartbeat that did not report it", () => {
    fc.assert(
      fc.property(
        reachable,
        fc.constantFrom(...words),
        fc.constantFrom(...words),
        (state, reported, word) => {
          const after = transition(state, answered(reported, word))
          const left = state.maintenance !== null && after.maintenance === null
          if (left) assert.include(["maintenance pending", "maintenance mode"], reported)
        }
      ),
      { numRuns: 2000, seed: 2 }
    )
  })
})
