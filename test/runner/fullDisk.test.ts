/** A disk that gets full while a job's process is being started: the job runs here, or not at all, and the runner knows which. */
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Processes } from "../../src/platform/Processes.ts"
import { isAlive, type ProcessIdentity } from "../../src/platform/ProcessIdentity.ts"
import { CommandRunner } from "../../src/runner/CommandRunner.ts"
import { Runner } from "../../src/runner/Runner.ts"
import { jobOf } from "../suites/runner.ts"
import { fakePython } from "./fakePython.ts"
import { runnerLayer, scratchFolder, startLayer } from "./runnerLayer.ts"
import { until } from "./until.ts"

type Spawn = Processes["Service"]["spawn"]

const kinds = {
  "a fresh interpreter": (folder: string) => ({
    python: fakePython(folder),
    runs: "fake",
    settings: { executeTasksNewPythonInterpreter: true }
  }),
  "a command": (folder: string) => ({
    python: "no python",
    runs: "nothing",
    runner: CommandRunner.layer,
    settings: {
      commands: new Map([
        [
          "dag.*",
          [process.execPath, join(import.meta.dirname, "command.mjs"), join(folder, "scratch")] as const
        ]
      ])
    }
  })
}

describe.each(Object.entries(kinds))("%s whose pid cannot be written", (_, optionsOf) => {
  const start = Effect.fnUntraced(function* (spawn: (real: Spawn, folder: string) => Spawn) {
    const state = yield* scratchFolder
    for (const name of ["logs", "jobs"]) mkdirSync(join(state, name))
    const job = jobOf(state, "wait")
    const { context } = yield* startLayer(
      runnerLayer({
        ...optionsOf(state),
        folder: state,
        processes: (real) => ({ spawn: spawn(real.spawn, job.folder) })
      })
    )
    // Where the worker's copy of the pid would be written first.
    mkdirSync(join(job.folder, ".pid.new"))
    return { job, started: yield* Effect.result((yield* Effect.provide(Runner, context)).start(job)) }
  })

  it.live("is not started where it has not taken its workload, and nothing of it is left", () =>
    Effect.gen(function* () {
      let process: ProcessIdentity | undefined
      const { job, started } = yield* start(
        (spawn) => (options) =>
          Effect.tap(spawn({ ...options, command: "sleep", args: ["1000"] }), (spawned) =>
            Effect.sync(() => {
              process = spawned
            })
          )
      )
      assert(started._tag === "Failure")
      assert.strictEqual(started.failure._tag, "NotStarted", started.failure.reason)
      assert(process !== undefined)
      assert.isFalse(isAlive(process))
      assert.isFalse(existsSync(join(job.folder, "workload-1.json")))
    })
  )

  it.live("goes on where it has begun: it has written its pid itself", () =>
    Effect.gen(function* () {
      const { job, started } = yield* start(
        (spawn, folder) => (options) =>
          Effect.tap(spawn(options), () =>
            until(
              () =>
                (existsSync(join(folder, "pid")) && !existsSync(join(folder, "workload.claimed"))) ||
                undefined
            )
          )
      )
      assert(started._tag === "Success")
      mkdirSync(join(job.scratch, "go"))
      assert.deepStrictEqual(yield* started.success.outcome, { _tag: "Succeeded" })
    })
  )
})
