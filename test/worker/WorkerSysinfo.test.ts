/** The sysinfo of a heartbeat, versions from the site, and maintenance by itself as edge3 does it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import type { Sysinfo, WorkerStateBody } from "../../src/protocol/EdgeApi.ts"
import type { Lifecycle } from "../../src/protocol/Lifecycle.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { type Central, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { TestWorker } from "../../src/testing/TestWorker.ts"
import { decide, levelName } from "../../src/worker/AutomaticMaintenance.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { Versions } from "../../src/worker/Versions.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { ExtendedSysinfo } from "../../src/worker/WorkerSysinfo.ts"
import { advance, within } from "./harness.ts"

const bodies = (central: Central) =>
  central.calls.filter((call) => call.operation === "heartbeat").map((call) => call.body as WorkerStateBody)

const withSysinfo = <A, E>(
  extended: Effect.Effect<Sysinfo>,
  settings: Parameters<typeof TestWorker.layerNoRunner>[0],
  test: Effect.Effect<A, E, Worker | TestCentral>
) =>
  test.pipe(
    Effect.scoped,
    Effect.provide(
      TestWorker.layerNoRunner(settings).pipe(
        Layer.provide(Layer.succeed(ExtendedSysinfo, extended)),
        Layer.provideMerge([TestRunner.layer(), MemoryFileTail.layer])
      )
    )
  )

describe("WorkerSysinfo", () => {
  it.effect("carries the operator's part, and never waits for it", () =>
    withSysinfo(
      Effect.as(Effect.sleep("20 seconds"), { rack: "a", cpu: 0.5 }),
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        yield* within(
          "1 second",
          central.until((c) => c.worker?.state === "idle")
        )
        assert.notProperty((yield* central.get).worker?.body.sysinfo, "rack")
        yield* within(
          "52 seconds",
          central.until((c) => c.worker?.body.sysinfo.rack === "a")
        )
        assert.strictEqual((yield* central.get).worker?.body.sysinfo.cpu, 0.5)
      })
    )
  )

  it.effect("is a warning at least where no jobs are taken, and never less than the operator's own", () =>
    Effect.gen(function* () {
      const own = yield* Ref.make<Sysinfo>({ status: 10, status_text: "cool" })
      yield* withSysinfo(
        Ref.get(own),
        { freeDisk: () => Effect.succeed(0) },
        Effect.gen(function* () {
          const central = yield* TestCentral
          const told = Effect.map(central.get, ({ worker }) => worker?.body.sysinfo)
          yield* advance("1 minute")
          assert.strictEqual((yield* told)?.status, 30)
          assert.match(String((yield* told)?.status_text), /^Takes no jobs: only 0 MiB are free .*; cool$/)
          yield* Ref.set(own, { status: 40 })
          yield* advance("1 minute")
          assert.strictEqual((yield* told)?.status, 40)
          assert.match(String((yield* told)?.status_text), /^Takes no jobs: .* 100 MiB$/)
        })
      )
    })
  )

  it.effect("one that hangs for ever is left out; heartbeats go on", () =>
    withSysinfo(
      Effect.never,
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        yield* advance("5 minutes")
        assert.isAtLeast(bodies(yield* central.get).length, 10)
      })
    )
  )

  it.effect("enters maintenance by its status, and leaves it again", () =>
    Effect.gen(function* () {
      const status = yield* Ref.make(40)
      yield* withSysinfo(
        Effect.map(Ref.get(status), (level) => ({ status: level })),
        { settings: { automaticMaintenanceOn: "error", automaticMaintenanceExit: "info" } },
        Effect.gen(function* () {
          const worker = yield* Worker
          const central = yield* TestCentral
          yield* within(
            "10 seconds",
            central.until((c) => c.worker?.state === "maintenance mode")
          )
          assert.strictEqual(
            (yield* central.get).calls.find((call) => call.operation === "register")?.operation,
            "register"
          )
          assert.match(
            (yield* worker.status).maintenance_comments ?? "",
            /^\[\d{4}-\d\d-\d\d \d\d:\d\d\] - Automatic maintenance mode entered due to status ERROR in sysinfo\.$/
          )
          yield* Ref.set(status, 30)
          yield* advance("2 minutes")
          assert.isTrue((yield* worker.status).maintenance)
          yield* Ref.set(status, 20)
          yield* within(
            "65 seconds",
            central.until((c) => c.worker?.state === "idle")
          )
        })
      )
    })
  )
})

describe("AutomaticMaintenance.decide", () => {
  const active: Lifecycle = { _tag: "Active", jobs: 0, maintenance: null }
  const maintained = (comments: string): Lifecycle => ({
    _tag: "Maintenance",
    jobs: 0,
    maintenance: { comments, told: true }
  })
  const automatic = maintained(
    "[2026-01-01 10:00] - Automatic maintenance mode entered due to status ERROR in sysinfo."
  )
  const levels = [10, 20, 30, 40, 50]
  const entering = (on: "off" | "warning" | "error") =>
    levels.filter((level) =>
      decide(active, level, { automaticMaintenanceOn: on, automaticMaintenanceExit: "off" }, 0)
    )
  const leaving = (state: Lifecycle, exit: "off" | "warning" | "info") =>
    levels.filter((level) =>
      decide(state, level, { automaticMaintenanceOn: "off", automaticMaintenanceExit: exit }, 0)
    )

  it("enters from the configured level on", () => {
    assert.deepStrictEqual(
      [entering("off"), entering("warning"), entering("error")],
      [[], [30, 40, 50], [40, 50]]
    )
  })

  it("leaves only what it entered", () => {
    assert.deepStrictEqual(
      [leaving(automatic, "off"), leaving(automatic, "warning"), leaving(automatic, "info")],
      [[], [10, 20, 30], [10, 20]]
    )
    assert.deepStrictEqual(leaving(maintained("by hand"), "info"), [])
  })

  it("names levels as Python does", () => {
    assert.deepStrictEqual([0, 20, 30, 50, 35].map(levelName), [
      "NOTSET",
      "INFO",
      "WARNING",
      "CRITICAL",
      "Level 35"
    ])
  })
})

describe("Versions", () => {
  const onSite = (airflow: string | undefined, refusal: string) =>
    Effect.gen(function* () {
      const versions = yield* Versions
      const before = yield* versions.current
      const learnt = yield* versions.learn(refusal)
      return { before, learnt, after: yield* versions.current }
    }).pipe(
      Effect.provide(Versions.layer()),
      Effect.provideService(
        EdgeClient,
        new Proxy({} as EdgeClient["Service"], {
          get: (_, name) => {
            if (name !== "siteVersion") throw new Error(`Unexpected call: ${String(name)}`)
            return Effect.fromNullishOr(airflow).pipe(Effect.option)
          }
        })
      )
    )
  const refusal = (version: string) =>
    `Edge Worker runs on Edge Provider 5.1.0 and the core runs on ${version}. Rejecting access due to difference.`

  it.effect("without a local Airflow are the site's own", () =>
    Effect.gen(function* () {
      const { before, learnt, after } = yield* onSite("3.4.0", refusal("5.2.1"))
      assert.deepStrictEqual([before.airflow, before.edge3], ["3.4.0", "5.1.0"])
      assert.isTrue(learnt)
      assert.strictEqual(after.edge3, "5.2.1")
    })
  )

  it.effect("of another major edge3 are not pretended", () =>
    Effect.gen(function* () {
      const { learnt, after } = yield* onSite("3.4.0", refusal("6.0.0"))
      assert.isFalse(learnt)
      assert.strictEqual(after.edge3, "5.1.0")
    })
  )
})
