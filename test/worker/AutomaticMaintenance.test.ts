/** AutomaticMaintenance: what a sysinfo does to the worker's state, and how it is dated. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { EdgeConfig, type EdgeSettings } from "../../src/config/EdgeConfig.ts"
import type { Sysinfo } from "../../src/protocol/EdgeApi.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { adjust, minute } from "../../src/worker/AutomaticMaintenance.ts"
import { WorkerLifecycle } from "../../src/worker/WorkerLifecycle.ts"

const both: Partial<EdgeSettings> = { automaticMaintenanceOn: "warning", automaticMaintenanceExit: "info" }

/** The comment of the maintenance (null for none) after each of these, and what was said of it. */
const comments = (sysinfos: ReadonlyArray<Sysinfo>, settings: Partial<EdgeSettings>) => {
  const lines: Array<string> = []
  return Effect.gen(function* () {
    const { get } = yield* WorkerLifecycle
    yield* TestClock.setTime(new Date(2026, 2, 4, 5, 6, 7).getTime())
    const found: Array<string | null> = []
    for (const sysinfo of sysinfos) {
      yield* adjust(sysinfo)
      found.push((yield* get).maintenance?.comments ?? null)
    }
    return { found, lines }
  }).pipe(
    Effect.provide([
      WorkerLifecycle.layer,
      Layer.succeed(EdgeConfig, testSettings(settings)),
      Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    ])
  )
}

describe("AutomaticMaintenance", () => {
  it.effect("enters and leaves by the status, and says why", () =>
    Effect.gen(function* () {
      const { found, lines } = yield* comments([{ status: 20 }, { status: 30 }, { status: 20 }], both)
      const comment =
        "[2026-03-04 05:06] - Automatic maintenance mode entered due to status WARNING in sysinfo."
      assert.deepStrictEqual(found, [null, comment, null])
      assert.deepStrictEqual(lines, [
        "entering maintenance by itself: the sysinfo's status is WARNING",
        "leaving maintenance by itself: the sysinfo's status is INFO"
      ])
    })
  )

  it.effect("takes a status that is missing, or no number, for INFO", () =>
    Effect.gen(function* () {
      const { found } = yield* comments([{}, { status: "40" }, { status: 40 }, { status: "40" }], both)
      assert.deepStrictEqual(
        found.map((comment) => comment !== null),
        [false, false, true, false]
      )
      const left = yield* comments([{ status: 40 }, {}], both)
      assert.isNull(left.found[1])
    })
  )

  it.effect("leaves alone what a person began without a comment", () =>
    Effect.gen(function* () {
      const { get, send } = yield* WorkerLifecycle
      yield* send({ _tag: "Registered" })
      const asked = { _tag: "Answered", reported: "idle", sent: null, comments: null } as const
      yield* send({ ...asked, state: "maintenance request" })
      yield* adjust({ status: 20 })
      assert.strictEqual((yield* get)._tag, "Maintenance")
    }).pipe(Effect.provide([WorkerLifecycle.layer, Layer.succeed(EdgeConfig, testSettings(both))]))
  )

  it("dates with two digits a part, in this machine's time zone", () => {
    assert.strictEqual(minute(new Date(2026, 10, 12, 13, 14).getTime()), "2026-11-12 13:14")
    assert.strictEqual(minute(new Date(2026, 0, 2, 3, 4).getTime()), "2026-01-02 03:04")
  })
})
