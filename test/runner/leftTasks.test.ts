/** What settles a dead worker's promises, of tasks in TypeScript: it knows none, opens none, and ends what is left. */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { noteOf } from "../../src/platform/JobFolder.ts"
import { identify } from "../../src/platform/ProcessIdentity.ts"
import { Attempts } from "../../src/runner/attempt/Attempts.ts"
import { leftTasks } from "../../src/runner/attempt/leftTasks.ts"
import { Tasks } from "../../src/runner/attempt/TaskChannel.ts"
import { marksOfHosts } from "../../src/runner/attempt/taskHostEnvironment.ts"
import { Runner } from "../../src/runner/Runner.ts"
import { RunnerChoice } from "../../src/runner/RunnerChoice.ts"
import { TaskRunner } from "../../src/runner/TaskRunner.ts"
import { jobOf } from "../suites/runner.ts"
import { fakePython } from "./fakePython.ts"
import { machineLayer, runnerLayer, scratchFolder, startLayer } from "./runnerLayer.ts"
import { until } from "./until.ts"

const runnerOf = Effect.fnUntraced(function* (
  folder: string,
  tasks: Layer.Layer<Tasks>,
  begin: Attempts["Service"]["begin"]
) {
  const { context, stop } = yield* startLayer(
    runnerLayer({
      ...{ folder, python: fakePython(folder), runs: "fake", tasks },
      runner: RunnerChoice.layer({ runs: "fake", task: TaskRunner.layer }),
      attempts: Layer.succeed(Attempts, { begin })
    })
  )
  return { runner: yield* Effect.provide(Runner, context), stop }
})

/** The task of each job, which never ends. */
const anyTask = Layer.succeed(Tasks, {
  registered: Effect.succeed([{ dag_id: "dag", task_id: "ok" }]),
  open: () => Effect.succeed({ pid: 1, send: () => Effect.void, heard: Effect.never, kill: Effect.void })
})
const noTasks = Layer.succeed(Tasks, {
  registered: Effect.succeed([]),
  open: () => Effect.die(new Error("Unexpected call"))
})

describe("a job of a task in TypeScript whose worker died", () => {
  for (const [told, expected] of [
    [true, "Found"],
    [false, "Gone"]
  ] as const)
    it.live(`is settled by who does not know the task, before its handle was noted: ${expected}`, () =>
      Effect.gen(function* () {
        const folder = yield* scratchFolder
        const before = yield* runnerOf(folder, anyTask, ({ known }) =>
          Effect.as(told && known !== undefined ? known({ _tag: "Succeeded" }) : Effect.void, {
            outcome: Effect.never,
            stop: () => Effect.void
          })
        )
        const job = jobOf(folder, "ok")
        yield* before.runner.start(job)
        yield* before.stop
        assert.lengthOf(readFileSync(noteOf(job.folder), "utf8").trim().split("\n"), told ? 2 : 1)
        const after = yield* runnerOf(folder, noTasks, () => Effect.die(new Error("Unexpected call")))
        const adopted = yield* after.runner.adopt({ ...job, handle: undefined })
        assert.strictEqual(adopted._tag, expected)
        if (adopted._tag === "Found")
          assert.deepStrictEqual(yield* adopted.job.outcome, { _tag: "Succeeded" })
        else
          assert.deepInclude(adopted, { reason: "the worker ended while the task ran, and the task with it" })
      })
    )
})

describe("the tasks of a worker that is gone", () => {
  it.live("are none, and what their processes have left is ended", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const [name = "", value = ""] = marksOfHosts(folder).split("=")
      const left = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1000)"], {
        detached: true,
        stdio: ["ignore", "pipe", "ignore"],
        env: { [name]: value }
      })
      let ready = false
      left.stdout?.once("data", () => {
        ready = true
      })
      yield* until(() => ready || undefined)
      const { context } = yield* startLayer(
        leftTasks.pipe(Layer.provide(machineLayer({ folder, python: "none", runs: "fake" })))
      )
      assert.isUndefined(identify(left.pid ?? 0))
      const tasks = yield* Effect.provide(Tasks, context)
      assert.deepStrictEqual(yield* tasks.registered, [])
      const error = yield* Effect.flip(Effect.scoped(tasks.open(jobOf(folder, "ok"))))
      assert.include(error.reason, "no tasks in TypeScript")
    })
  )
})
