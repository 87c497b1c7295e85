/** Which runner a job gets: by the configuration when it starts, by its own handle when it is found again. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CommandLine } from "../../src/config/commandTable.ts"
import type { EdgeSettings } from "../../src/config/EdgeConfig.ts"
import { LocalAirflow, NoLocalAirflow } from "../../src/platform/LocalAirflow.ts"
import { Attempts } from "../../src/runner/attempt/Attempts.ts"
import { Tasks } from "../../src/runner/attempt/TaskChannel.ts"
import { Runner, UnknownTask } from "../../src/runner/Runner.ts"
import { RunnerChoice } from "../../src/runner/RunnerChoice.ts"
import { TaskRunner } from "../../src/runner/TaskRunner.ts"
import { jobOf, suite } from "../suites/runner.ts"
import { fakePython } from "./fakePython.ts"
import { runnerLayer, scratchFolder, startLayer } from "./runnerLayer.ts"

const noAirflow = Layer.succeed(LocalAirflow, {
  current: Effect.fail(new NoLocalAirflow({ places: ["PATH: nothing"] }))
})

/** Two tasks in TypeScript, which are never gone. */
const tasks = Layer.succeed(Tasks, {
  registered: Effect.succeed([
    { dag_id: "dag", task_id: "crash" },
    { dag_id: "other", task_id: "ok" }
  ]),
  open: () => Effect.succeed({ pid: 1, send: () => Effect.void, heard: Effect.never, kill: Effect.void })
})
const attempts = Layer.succeed(Attempts, {
  begin: () => Effect.succeed({ outcome: Effect.never, stop: () => Effect.void })
})

const layerOf = (
  folder: string,
  commands: Record<string, CommandLine>,
  python: boolean,
  env: Readonly<Record<string, string>> = {},
  settings: Partial<EdgeSettings> = {}
) => {
  mkdirSync(join(folder, "logs"), { recursive: true })
  return runnerLayer({
    folder,
    env,
    python: fakePython(folder),
    runs: "fake",
    runner: RunnerChoice.layer({ runs: "fake", task: TaskRunner.layer }),
    tasks,
    attempts,
    settings: { commands: new Map(Object.entries(commands)), ...settings },
    ...(python ? {} : { airflow: noAirflow })
  })
}

const commandOf = (folder: string): CommandLine => [
  process.execPath,
  join(import.meta.dirname, "command.mjs"),
  join(folder, "scratch")
]

suite("chosen runner, commands where there is no Python", (folder, env) =>
  layerOf(folder, { "dag.*": commandOf(folder) }, false, env))

const runnerOf = Effect.fnUntraced(function* (
  folder: string,
  commands: Record<string, CommandLine>,
  python: boolean,
  settings: Partial<EdgeSettings> = {}
) {
  const { context } = yield* startLayer(layerOf(folder, commands, python, {}, settings))
  return yield* Effect.provide(Runner, context)
})

const kindOf = (running: { readonly handle: unknown }) => (running.handle as { readonly kind: string }).kind

describe("RunnerChoice", () => {
  it.live("runs a configured command, and everything else in Python", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const runner = yield* runnerOf(folder, { "dag.ok": ["true"] }, true)
      const command = yield* runner.start(jobOf(folder, "ok"))
      const python = yield* runner.start(jobOf(folder, "exit-3"))
      assert.deepStrictEqual([kindOf(command), kindOf(python)], ["command", "airflow"])
      assert.deepStrictEqual(yield* command.outcome, { _tag: "Succeeded" })
      assert.propertyVal(yield* python.outcome, "exitCode", 3)
    })
  )

  it.live("never runs a command for a callback, whatever its job is called", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const runner = yield* runnerOf(folder, { "dag.*": ["true"] }, false)
      const job = jobOf(folder, "ok")
      const { token, dag_rel_path, bundle_info, log_path } = job.claim.job.command as never as Record<
        string,
        never
      >
      const command = {
        type: "ExecuteCallback" as const,
        token: token ?? "",
        dag_rel_path: dag_rel_path ?? "",
        bundle_info: bundle_info ?? { name: "" },
        log_path: log_path ?? null,
        callback: { id: "c", fetch_method: "import_path" as const, data: {} }
      }
      const error = yield* Effect.flip(
        runner.start({ ...job, claim: { ...job.claim, job: { ...job.claim.job, command } } })
      )
      assert.include(error.reason, "no Python with Apache Airflow was found. Looked at: PATH: nothing")
    })
  )

  it.live("says what is missing where neither is there", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const runner = yield* runnerOf(folder, { "other.*": ["true"] }, false)
      const error = yield* Effect.flip(runner.start(jobOf(folder, "ok")))
      assert.instanceOf(error, UnknownTask)
      assert.match(
        error.reason,
        /^this worker cannot run dag\.ok: it has dag\.crash, other\.ok, and no command is configured for dag\.ok in \[edge_worker\] commands, and no Python/
      )
    })
  )

  it.live("runs a task in TypeScript by its names, after a command and before Python", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const choice = yield* runnerOf(folder, {}, true)
      const task = yield* choice.start(jobOf(folder, "crash"))
      const python = yield* choice.start(jobOf(folder, "ok"))
      assert.deepStrictEqual([kindOf(task), kindOf(python)], ["task", "airflow"])
      yield* python.outcome
      const needs = (behaviour: "crash" | "ok") => choice.needsFolder?.(jobOf(folder, behaviour).claim)
      assert.deepStrictEqual(
        [yield* needs("crash") ?? Effect.die(0), yield* needs("ok") ?? Effect.die(0)],
        [false, true]
      )
      const second = yield* scratchFolder
      const commands = yield* runnerOf(second, { "dag.*": ["true"] }, true)
      const command = yield* commands.start(jobOf(second, "crash"))
      assert.strictEqual(kindOf(command), "command")
      yield* command.outcome
    })
  )

  it.live("gives no task of a TypeScript queue to Python", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const queues = {
        coordinators: new Map([["ts", "airflow.sdk.coordinators.NodeCoordinator"]]),
        queueToCoordinator: new Map([["default", "ts"]])
      }
      const runner = yield* runnerOf(folder, {}, true, queues)
      const error = yield* Effect.flip(runner.start(jobOf(folder, "ok")))
      assert.instanceOf(error, UnknownTask)
      assert.include(error.reason, "says that tasks of the queue default are TypeScript")
      assert.strictEqual(kindOf(yield* runner.start(jobOf(folder, "crash"))), "task")
      const java = { ...queues, coordinators: new Map([["ts", "airflow.sdk.JavaCoordinator"]]) }
      const other = yield* runnerOf(yield* scratchFolder, {}, true, java)
      const python = yield* other.start(jobOf(folder, "ok"))
      assert.strictEqual(kindOf(python), "airflow")
      yield* python.outcome
    })
  )

  it.live("finds a job again by what began it, also when the configuration has changed", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const first = yield* startLayer(layerOf(folder, { "dag.*": commandOf(folder) }, true))
      const job = jobOf(folder, "wait")
      const { handle } = yield* (yield* Effect.provide(Runner, first.context)).start(job)
      yield* first.stop
      const second = yield* runnerOf(folder, {}, true)
      const adopted = yield* second.adopt({ ...job, handle: JSON.parse(JSON.stringify(handle)) })
      assert(adopted._tag === "Found")
      assert.strictEqual(kindOf(adopted.job), "command")
      writeFileSync(join(job.scratch, "go"), "")
      assert.deepStrictEqual(yield* adopted.job.outcome, { _tag: "Succeeded" })
    })
  )
})
