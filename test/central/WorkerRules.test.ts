import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Operator from "../../src/central/OperatorRules.ts"
import type { WorkerRecord } from "../../src/central/WorkerRecord.ts"
import { heard, keptComment, registered, storable, versionsMatch } from "../../src/central/WorkerRules.ts"
import { isOlder, releaseOf } from "../../src/config/pep440.ts"
import type { WorkerStateBody } from "../../src/protocol/EdgeApi.ts"
import { WorkerState } from "../../src/protocol/WorkerState.ts"

const states = WorkerState.literals
const accepted = {
  airflowVersion: "3.3.2",
  edgeProviderVersion: "5.1.0",
  minimumAcceptableCoreVersion: undefined,
  minimumAcceptableEdgeVersion: undefined
}
const sysinfo = { airflow_version: "3.3.2", edge_provider_version: "5.1.0" }

const row = (changes: Partial<WorkerRecord> = {}): WorkerRecord => ({
  name: "w1",
  state: "idle",
  maintenanceComment: null,
  queues: null,
  firstOnline: 1,
  lastUpdate: 1,
  jobsActive: 0,
  sysinfo,
  team: null,
  concurrency: null,
  ...changes
})

const body = (changes: Partial<WorkerStateBody> = {}): WorkerStateBody => ({
  state: "idle",
  sysinfo,
  ...changes
})

/** Recorded from edge3 5.1.0 for the tests of the protocol. */
const table: { readonly answer: Record<WorkerState, Record<WorkerState, WorkerState>> } = JSON.parse(
  readFileSync(new URL("../protocol/fixtures/lifecycle-edge3-5.1.0.json", import.meta.url), "utf8")
)

describe("a heartbeat", () => {
  it("stores for each of Airflow's states what Airflow stores", () => {
    for (const stored of states)
      for (const state of states)
        assert.strictEqual(
          heard(body({ state }), 5, row({ state: stored })).state,
          table.answer[stored][state],
          `${stored}, ${state}`
        )
  })
  it("keeps what an operator has set: queues, concurrency, team", () => {
    const stored = row({ queues: ["a"], concurrency: 3, team: "t" })
    const after = heard(body({ queues: ["b"], jobs_active: 2, team_name: "u" }), 9, stored)
    assert.deepStrictEqual(after, { ...stored, jobsActive: 2, lastUpdate: 9 })
  })
})

describe("a registration", () => {
  for (const state of states) {
    const gone = ["offline", "unknown", "offline maintenance"].includes(state)
    it(`${gone ? "replaces" : "is refused by"} a worker that is ${state}`, () => {
      const result = registered("w1", body({ state: "starting" }), 9, row({ state }))
      if (gone) {
        assert.isTrue(Result.isSuccess(result))
        if (Result.isSuccess(result)) assert.strictEqual(result.success.state, table.answer[state].starting)
      } else {
        assert.isTrue(Result.isFailure(result))
        if (Result.isFailure(result))
          assert.strictEqual(
            result.failure.detail,
            `Worker 'w1' is already active in state '${state}'. Cannot start a duplicate worker with the same name.`
          )
      }
    })
  }
  it("overwrites the queues and the team, and keeps the concurrency and the first time", () => {
    const stored = row({ state: "unknown", queues: ["a"], concurrency: 3, team: "t", firstOnline: 2 })
    const result = registered("w1", body({ state: "starting", queues: [] }), 9, stored)
    assert.isTrue(Result.isSuccess(result))
    if (Result.isFailure(result)) return
    assert.deepStrictEqual(
      [result.success.queues, result.success.team, result.success.concurrency, result.success.firstOnline],
      [null, null, 3, 2]
    )
  })
  it("begins for a new worker in the state that it says", () => {
    const result = registered(
      "w1",
      body({ state: "maintenance mode", maintenance_comments: "x" }),
      9,
      undefined
    )
    assert.isTrue(Result.isSuccess(result))
    if (Result.isSuccess(result))
      assert.deepStrictEqual(
        [result.success.state, result.success.maintenanceComment],
        ["maintenance mode", "x"]
      )
  })
})

describe("the maintenance comment", () => {
  it("is appended while both are short, else replaced, and gone outside of maintenance", () => {
    assert.strictEqual(keptComment("maintenance mode", "a", "b"), "a\n\nb")
    assert.strictEqual(keptComment("maintenance mode", "a", "a"), "a")
    assert.strictEqual(keptComment("maintenance mode", "a", null), "a")
    assert.strictEqual(keptComment("maintenance mode", null, "b"), "b")
    assert.strictEqual(keptComment("maintenance mode", "a".repeat(1019), "b"), "b")
    assert.strictEqual(keptComment("maintenance mode", "a".repeat(1018), "b")?.length, 1021)
    assert.strictEqual(keptComment("idle", "a", "b"), null)
    assert.strictEqual(keptComment("maintenance exit", "a", "b"), null)
  })
})

describe("the versions of a worker", () => {
  const told = (info: WorkerStateBody["sysinfo"], more: Partial<typeof accepted> | object = {}) => {
    const result = versionsMatch(info, { ...accepted, ...more })
    return Result.isSuccess(result) ? result.success : result.failure.detail
  }
  it("must be the central's, unless older ones are accepted", () => {
    assert.strictEqual(told(sysinfo), true)
    assert.strictEqual(
      told({ ...sysinfo, airflow_version: "3.3.3" }),
      "Edge Worker runs on Airflow 3.3.3 which is below the minimum acceptable version None. Rejecting access due to incompatible version."
    )
    assert.strictEqual(
      told({ ...sysinfo, edge_provider_version: "5.0.9" }),
      "Edge Worker runs on Edge Provider 5.0.9 and the core runs on 5.1.0. Rejecting access due to difference."
    )
    assert.strictEqual(
      told({ edge_provider_version: "5.1.0" }),
      "Edge Worker does not specify the version it is running on."
    )
    assert.strictEqual(
      told({ airflow_version: "3.3.2" }),
      "Edge Worker does not specify the provider version it is running on."
    )
    const relaxed = { minimumAcceptableCoreVersion: "3.2.0", minimumAcceptableEdgeVersion: "5.0.0" }
    assert.strictEqual(told({ airflow_version: "3.2.0", edge_provider_version: "5.9.1" }, relaxed), false)
    assert.strictEqual(told({ airflow_version: "3.2.0rc1", edge_provider_version: "5.1.0" }, relaxed), false)
    assert.match(
      String(told({ ...sysinfo, airflow_version: "3.1.9" }, relaxed)),
      /version 3\.2\.0\. Rejecting/
    )
    assert.match(
      String(told({ ...sysinfo, airflow_version: "latest" }, relaxed)),
      /^Edge Worker runs on Airflow latest/
    )
    assert.match(String(told({ ...sysinfo, edge_provider_version: 4 }, relaxed)), /Edge Provider 4 and/)
  })
  it("are read as Python reads them", () => {
    for (const [version, release] of [
      ["3.3.2", [3, 3, 2]],
      ["v3.3", [3, 3, 0]],
      ["3", [3, 0, 0]],
      ["1!3.3.2rc1.post2.dev3+local.1", [3, 3, 2]],
      ["3.3.2b4", [3, 3, 2]],
      [" 3.3.2.dev0 ", [3, 3, 2]],
      ["3.3.2-1", [3, 3, 2]],
      ["3.3.2.4.5", [3, 3, 2]],
      ["3.x", undefined],
      ["", undefined],
      ["latest", undefined],
      [`3${"0".repeat(200)}`, undefined]
    ] as const)
      assert.deepStrictEqual(releaseOf(version), release, version)
    assert.isTrue(isOlder("3.9.10", "3.10.0"))
    assert.isFalse(isOlder("3.10.0", "3.9.10"))
    assert.isFalse(isOlder("3.3.2rc1", "3.3.2"))
    assert.isTrue(isOlder("nonsense", "0.0.1"))
  })
})

describe("what does not fit", () => {
  const loc = (name: string, changes: Partial<WorkerStateBody>) => {
    const result = storable(name, body(changes))
    return Result.isSuccess(result) ? undefined : result.failure.loc.join(".")
  }
  it("is refused before anything is stored", () => {
    assert.strictEqual(
      loc("w".repeat(64), { queues: ["q".repeat(252)], maintenance_comments: "c".repeat(1024) }),
      undefined
    )
    assert.strictEqual(loc("w".repeat(65), {}), "path.worker_name")
    assert.strictEqual(loc("a/b", {}), "path.worker_name")
    assert.strictEqual(loc("w", { queues: ["q".repeat(253)] }), "body.queues")
    assert.strictEqual(loc("w", { queues: ["a", ""] }), "body.queues")
    assert.strictEqual(loc("w", { maintenance_comments: "c".repeat(1025) }), "body.maintenance_comments")
    assert.strictEqual(loc("w", { team_name: "t".repeat(65) }), "body.team_name")
    assert.strictEqual(loc("w", { jobs_active: -1 }), "body.jobs_active")
    assert.strictEqual(loc("w", { sysinfo: { ...sysinfo, text: "x".repeat(65_536) } }), "body.sysinfo")
  })
})

describe("an operator", () => {
  const outcome = (decision: Operator.Decision, worker: WorkerRecord) => {
    const result = decision(worker)
    return Result.isSuccess(result) ? result.success : result.failure.detail
  }
  const gone = new Set<WorkerState>(["offline", "unknown", "offline maintenance"])
  it("removes only workers that are gone", () => {
    for (const state of states)
      assert.strictEqual(
        outcome(Operator.removed, row({ state })),
        gone.has(state) ? undefined : `Cannot remove edge worker w1 as it is in ${state} state!`
      )
  })
  it("changes queues and slots only of workers that are there", () => {
    for (const state of states) {
      const told = [
        outcome(Operator.queuesAdded(["q"]), row({ state })),
        outcome(Operator.queuesRemoved(["q"]), row({ state })),
        outcome(Operator.concurrencySet(3), row({ state }))
      ]
      if (!gone.has(state)) assert.isTrue(told.every((one) => typeof one === "object"))
      else
        assert.deepStrictEqual(told, [
          `Cannot add queues to edge worker w1 as it is in ${state} state!`,
          `Cannot remove queues from edge worker w1 as it is in ${state} state!`,
          `Cannot set concurrency for edge worker w1 as it is in ${state} state!`
        ])
    }
  })
  it("gives each queue once, and with the last one taken every queue", () => {
    assert.deepInclude(outcome(Operator.queuesAdded(["a", "b"]), row({ queues: ["b"] })), {
      queues: ["b", "a"]
    })
    assert.deepInclude(outcome(Operator.queuesRemoved(["b"]), row({ queues: ["b"] })), { queues: null })
    assert.match(String(outcome(Operator.queuesAdded(["q".repeat(300)]), row())), /at most 256/)
    assert.match(String(outcome(Operator.concurrencySet(0), row())), /at least 1/)
  })
  it("asks for maintenance with a comment that fits", () => {
    const worker = outcome(Operator.maintenanceRequested("disk", "ada", 0), row())
    assert.isObject(worker)
    if (typeof worker === "string" || worker === undefined) return
    assert.strictEqual(worker.state, "maintenance request")
    assert.match(
      worker.maintenanceComment ?? "",
      /^\[\d{4}-\d\d-\d\d \d\d:\d\d\] - ada put node into maintenance mode\nComment: disk$/
    )
    const changed = outcome(Operator.maintenanceUpdated("fan", "bob", 0), worker)
    assert.isObject(changed)
    if (typeof changed === "string") return
    assert.match(
      changed?.maintenanceComment ?? "",
      /^\[.*\] - ada put node into maintenance mode\n\[.*\] - bob updated comment:\nfan$/
    )
    assert.strictEqual(
      outcome(Operator.maintenanceRequested("", "ada", 0), row()),
      "Maintenance comment is required"
    )
    assert.match(
      String(outcome(Operator.maintenanceRequested("x".repeat(1000), "ada", 0), row())),
      /at most 1024 are kept/
    )
    assert.strictEqual(
      outcome(Operator.maintenanceUpdated("x", "ada", 0), row()),
      "Cannot change maintenance comment as w1 is not in maintenance!"
    )
    assert.deepInclude(outcome(Operator.maintenanceLifted, worker), {
      state: "maintenance exit",
      maintenanceComment: null
    })
  })
  it("shuts down only who is there", () => {
    for (const state of states)
      assert.deepInclude(outcome(Operator.shutdownRequested, row({ state })), {
        state: gone.has(state) ? state : "shutdown request"
      })
  })
})
