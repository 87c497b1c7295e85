/** The sysinfo of a heartbeat, versions from the site, and maintenance by itself as edge3 does it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Ref from "effect/Ref"
import { TestClock } from "effect/testing"
import { EdgeConfig, type EdgeSettings } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import type { Sysinfo, WorkerStateBody } from "../../src/protocol/EdgeApi.ts"
import type { Lifecycle } from "../../src/protocol/Lifecycle.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { type Central, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { TestWorker } from "../../src/testing/TestWorker.ts"
import { Assignment } from "../../src/worker/Assignment.ts"
import { decide, levelName } from "../../src/worker/AutomaticMaintenance.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { FetchGate } from "../../src/worker/FetchGate.ts"
import { Slots } from "../../src/worker/Slots.ts"
import { known, type ReportedVersions, Versions } from "../../src/worker/Versions.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { ExtendedSysinfo, SysinfoFailed, WorkerSysinfo } from "../../src/worker/WorkerSysinfo.ts"
import { advance, settle, within } from "./harness.ts"

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

/** The sysinfo without a worker around it. */
const alone = <A, E>(
  extended: Effect.Effect<Sysinfo, SysinfoFailed> | undefined,
  versions: Partial<ReportedVersions>,
  test: (sysinfo: WorkerSysinfo["Service"]) => Effect.Effect<A, E, Slots | Assignment>,
  settings: Partial<EdgeSettings> = {}
) =>
  Effect.flatMap(WorkerSysinfo, test).pipe(
    Effect.scoped,
    Effect.provide(
      WorkerSysinfo.layer.pipe(
        Layer.provideMerge([Assignment.layer, Slots.layer]),
        Layer.provide([
          Layer.succeed(ExtendedSysinfo, extended),
          Layer.mock(FetchGate, { whyNot: Effect.undefined }),
          Layer.mock(Versions, { current: Effect.succeed({ ...known, python: "3.11.7", ...versions }) }),
          Layer.succeed(EdgeConfig, testSettings(settings)),
          Layer.succeed(WorkerIdentity, { name: "one", queues: null, team: null, concurrency: 3 })
        ])
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
          yield* Ref.set(own, { status: "high", status_text: "" })
          yield* advance("1 minute")
          assert.strictEqual((yield* told)?.status, 30)
          assert.match(String((yield* told)?.status_text), /^Takes no jobs: .* 100 MiB$/)
        })
      )
    })
  )

  it.effect(
    "tells the machine's versions, the start and the slots; and that the versions differ, where they do",
    () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(new Date(2026, 2, 4, 5, 6, 7, 89).getTime())
        const own = {
          airflow_version: "3.3.2",
          edge_provider_version: "5.1.0",
          worker_start_time: "2026-03-04T05:06:07.089000",
          concurrency: 3,
          free_concurrency: 1
        }
        yield* alone(undefined, {}, ({ current }) =>
          Effect.gen(function* () {
            yield* (yield* Slots).settle(0, 2)
            assert.deepStrictEqual(yield* current, { status: 20, ...own, python_version: "3.11.7" })
            yield* (yield* Assignment).update({ versionsMatch: false })
            const { version_mismatch_description: why, ...rest } = yield* current
            assert.deepStrictEqual(rest, {
              status: 30,
              status_text: "Healthy but version mismatch",
              ...own,
              python_version: "3.11.7"
            })
            assert.include(why, "different versions")
          })
        )
        yield* alone(undefined, { python: undefined }, ({ current }) =>
          Effect.gen(function* () {
            assert.notProperty(yield* current, "python_version")
          })
        )
      })
  )

  it.effect(
    "leaves the operator's part out from a failure on until it succeeds again, and warns once of each",
    () =>
      Effect.gen(function* () {
        const answers = ["a", "x", "x", "y", "b"]
        const extended = Effect.suspend(() => {
          const next = answers.shift() ?? "end"
          return next < "x"
            ? Effect.succeed({ rack: next })
            : Effect.fail(new SysinfoFailed({ reason: next }))
        })
        const lines: Array<string> = []
        yield* alone(extended, {}, ({ current, ready }) =>
          Effect.gen(function* () {
            yield* ready
            yield* settle
            const racks: Array<unknown> = []
            for (let look = 0; look < 5; look++) {
              racks.push((yield* current).rack)
              yield* TestClock.adjust("30 seconds")
              yield* settle
            }
            assert.deepStrictEqual(racks, ["a", undefined, undefined, undefined, "b"])
          })
        ).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])))
        assert.deepStrictEqual(lines.slice(0, 2), [
          "left out of the sysinfo: x",
          "left out of the sysinfo: y"
        ])
      })
  )

  it.effect("a bug of the operator's part is a failure like any other: it is looked at again", () =>
    Effect.gen(function* () {
      const answers: Array<Effect.Effect<Sysinfo>> = [
        Effect.succeed({ status: 40 }),
        Effect.die(new TypeError("a bug")),
        Effect.succeed({ status: 10 })
      ]
      const lines: Array<string> = []
      yield* alone(
        Effect.suspend(() => answers.shift() ?? Effect.never),
        {},
        ({ current }) =>
          Effect.gen(function* () {
            const levels: Array<unknown> = []
            for (let look = 0; look < 3; look++) {
              yield* settle
              levels.push((yield* current).status)
              yield* TestClock.adjust("30 seconds")
            }
            assert.deepStrictEqual(levels, [40, 20, 10])
          })
      ).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])))
      assert.deepStrictEqual(lines, ["left out of the sysinfo: TypeError: a bug"])
    })
  )

  it.effect("calls a part that takes 30 s a failure, and looks again after the heartbeat interval", () =>
    Effect.gen(function* () {
      let looks = 0
      const lines: Array<string> = []
      const extended = Effect.suspend(() => {
        looks += 1
        return Effect.never
      })
      yield* alone(extended, {}, () =>
        Effect.gen(function* () {
          yield* advance("29 seconds")
          assert.deepStrictEqual([looks, lines], [1, []])
          yield* advance("30 seconds")
          assert.deepStrictEqual(
            [looks, lines],
            [1, ["left out of the sysinfo: no answer within 30 seconds"]]
          )
          yield* advance("1 second")
          assert.strictEqual(looks, 2)
        })
      ).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])))
    })
  )

  for (const [automaticMaintenanceOn, waits] of [
    ["error", 5],
    ["off", 0]
  ] as const) {
    it.effect(
      `a start waits ${waits} s for it where automatic maintenance is ${automaticMaintenanceOn}`,
      () =>
        alone(
          Effect.never,
          {},
          ({ ready }) =>
            Effect.gen(function* () {
              const fiber = yield* Effect.forkChild(ready)
              if (waits > 0) {
                yield* settle
                yield* TestClock.adjust("4999 millis")
                yield* settle
                assert.isUndefined(fiber.pollUnsafe())
                yield* TestClock.adjust("1 millis")
              }
              yield* settle
              assert.isDefined(fiber.pollUnsafe())
            }),
          { automaticMaintenanceOn }
        )
    )
  }

  it.effect("a start waits for nothing where the operator has no part", () =>
    alone(undefined, {}, ({ ready }) => ready, { automaticMaintenanceOn: "error" })
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
