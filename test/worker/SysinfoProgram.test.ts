/** The operator's own sysinfo: from a real command, with every way in which it can go wrong. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig, type EdgeSettings } from "../../src/config/EdgeConfig.ts"
import { LocalAirflow, NoLocalAirflow } from "../../src/platform/LocalAirflow.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { SysinfoProgram } from "../../src/worker/SysinfoProgram.ts"
import { ExtendedSysinfo, SysinfoFailed } from "../../src/worker/WorkerSysinfo.ts"

const noAirflow = Layer.succeed(LocalAirflow, {
  current: Effect.fail(new NoLocalAirflow({ places: ["nowhere"] }))
})

const look = (settings: Partial<EdgeSettings>) =>
  Effect.gen(function* () {
    const extended = yield* ExtendedSysinfo
    return extended === undefined ? undefined : yield* extended
  }).pipe(
    Effect.provide(
      SysinfoProgram.layer.pipe(
        Layer.provide([Layer.succeed(EdgeConfig, testSettings(settings)), noAirflow, NodeServices.layer])
      )
    )
  )

describe("SysinfoProgram", () => {
  it.live("is nothing where nothing is configured", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* look({}))
    })
  )

  it.live("takes texts and numbers from a command", () =>
    Effect.gen(function* () {
      const answer = yield* look({
        sysinfoCommand: `printf '{"status": 30, "disk": 0.5, "rack": "a\\u00e9"}'`
      })
      assert.deepStrictEqual(answer, { status: 30, disk: 0.5, rack: "aé" })
    })
  )

  for (const [name, sysinfoCommand, words] of [
    ["prints no JSON", "echo hello", "but hello"],
    ["prints another shape", `echo '[1, {"a": 1}]'`, "object of texts and numbers"],
    ["fails", "echo broken >&2; exit 3", "code 3: broken"],
    ["does not exist", "no-such-program-at-all", "code 127"]
  ] as const) {
    it.live(`says what is wrong: the command ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(look({ sysinfoCommand }))
        assert.instanceOf(error, SysinfoFailed)
        assert.include(error.message, words)
        assert.include(error.message, "[edge_worker] sysinfo_command")
      })
    )
  }

  it.live("a Python function without a local Airflow says so", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(look({ extendedSystemInfoFunction: "my.sysinfo" }))
      assert.include(error.message, "nowhere")
    })
  )
})
