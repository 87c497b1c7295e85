/** Tasks in TypeScript as jobs: real processes under real attempts, and a site that answers from memory. */
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { TaskBackends } from "../../src/cli/TaskBackends.ts"
import { attemptsLayer } from "../../src/cli/taskKind.ts"
import { noteOf } from "../../src/platform/JobFolder.ts"
import { Attempts } from "../../src/runner/attempt/Attempts.ts"
import { LogUpload } from "../../src/runner/attempt/LogUpload.ts"
import { Tasks } from "../../src/runner/attempt/TaskChannel.ts"
import * as TaskHosts from "../../src/runner/attempt/TaskHosts.ts"
import { XComBackend } from "../../src/runner/attempt/XComBackend.ts"
import { NotStarted, Runner } from "../../src/runner/Runner.ts"
import { TaskRunner } from "../../src/runner/TaskRunner.ts"
import { jobOf, suite } from "../suites/runner.ts"
import { type Answer, type Asked, fakeSite, refusal } from "./attempt/fakeSite.ts"
import { kind, runContext, stepOf } from "./attempt/harness.ts"
import { machineLayer, scratchFolder, startLayer } from "./runnerLayer.ts"
import { bundled } from "./tasks/bundle.ts"
import { until } from "./until.ts"

const program = [process.execPath, await bundled("runnerProgram.ts")]

const settings = { minHeartbeatInterval: Duration.millis(20) }

/** The folder of the job that was made last. */
const lastScratch = (state: string) => {
  const folder = join(state, "scratch")
  const made = readdirSync(folder).map((name) => join(folder, name))
  return made.toSorted((one, other) => statSync(other).birthtimeMs - statSync(one).birthtimeMs)[0] ?? folder
}

const layerOf = (
  state: string,
  env: Readonly<Record<string, string>> = {},
  backends: TaskBackends = {},
  /** Instead of what a kind site answers. */
  says: (asked: Asked) => Answer | undefined = () => undefined
) => {
  mkdirSync(join(state, "logs"), { recursive: true })
  const answer = (asked: Asked) => {
    const said = says(asked)
    if (said !== undefined) return said
    if (stepOf(asked) !== "run") return kind(asked)
    const context = runContext()
    if (typeof context === "string") return context
    const { dag_run, ...rest } = JSON.parse(context.body ?? "{}")
    const conf = { scratch: lastScratch(state) }
    return { ...context, body: JSON.stringify({ ...rest, dag_run: { ...dag_run, conf } }) }
  }
  const site = fakeSite(answer)
  const layer = TaskRunner.layer.pipe(
    Layer.provide([TaskHosts.layer({ program }), Layer.provide(attemptsLayer(backends), site.layer)]),
    Layer.provideMerge(machineLayer({ folder: state, python: "none", runs: "fake", env, settings })),
    Layer.fresh
  )
  return { layer, asked: site.asked }
}

suite("tasks in TypeScript", (state, env) => layerOf(state, env).layer, { isAttempt: true })

describe("a task in TypeScript", () => {
  for (const [task, state] of [
    ["ok", "success"],
    ["exit-3", "failed"],
    ["crash", "failed"]
  ] as const)
    it.live(`${task}: the site hears ${state}, from the worker`, () =>
      Effect.gen(function* () {
        const folder = yield* scratchFolder
        const { asked, layer } = layerOf(folder)
        const { context } = yield* startLayer(layer)
        const runner = yield* Effect.provide(Runner, context)
        yield* (yield* runner.start(jobOf(folder, task))).outcome
        const states = asked
          .filter((one) => stepOf(one) === "state")
          .map(({ body }) => JSON.parse(body).state)
        assert.deepStrictEqual(states, [state])
      })
    )

  it.live("has the backends that its program provides", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const uploaded: Array<string> = []
      const { asked, layer } = layerOf(
        folder,
        {},
        {
          xcoms: Layer.succeed(XComBackend, {
            serialize: (value, { key }) => Effect.succeed({ elsewhere: key, was: value }),
            deserialize: Effect.succeed,
            purge: () => Effect.void
          }),
          logUpload: Layer.succeed(LogUpload, {
            upload: ({ file, ti }) => Effect.sync(() => void uploaded.push(`${ti.task_id}: ${file}`))
          })
        }
      )
      const { context } = yield* startLayer(layer)
      const runner = yield* Effect.provide(Runner, context)
      const job = jobOf(folder, "ok")
      yield* (yield* runner.start(job)).outcome
      const xcoms = asked.filter(({ method, path }) => method === "POST" && path.includes("xcoms/"))
      assert.deepStrictEqual(
        xcoms.map(({ body }) => JSON.parse(body)),
        [{ elsewhere: "return_value", was: 42 }]
      )
      assert.deepStrictEqual(uploaded, [`ok: ${job.logFile}`])
    })
  )

  it.live("one that the program does not have is handed back", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const { context } = yield* startLayer(layerOf(folder).layer)
      const runner = yield* Effect.provide(Runner, context)
      const error = yield* Effect.flip(runner.start(jobOf(folder, "environment")))
      assert.instanceOf(error, NotStarted)
    })
  )

  for (const [step, detail, expected] of [
    ["heartbeat", { reason: "not_running" }, "Succeeded"],
    ["heartbeat", { reason: "running_elsewhere" }, "Left"],
    ["run", { reason: "invalid_state", previous_state: "running" }, "Left"]
  ] as const)
    it.live(
      `a worker that dies after the site's ${detail.reason} to ${step} has a successor that says ${expected}`,
      () =>
        Effect.gen(function* () {
          const folder = yield* scratchFolder
          const { layer } = layerOf(folder, {}, {}, (asked) =>
            stepOf(asked) === step ? refusal(409, detail) : undefined
          )
          const first = yield* startLayer(layer)
          const job = jobOf(folder, "tree")
          const { handle } = yield* (yield* Effect.provide(Runner, first.context)).start(job)
          yield* until(() => readFileSync(noteOf(job.folder), "utf8").trim().split("\n")[1])
          yield* first.stop
          const second = yield* startLayer(layer)
          const adopted = yield* (yield* Effect.provide(Runner, second.context)).adopt({ ...job, handle })
          assert(adopted._tag === "Found")
          assert.strictEqual((yield* adopted.job.outcome)._tag, expected)
        })
    )

  it.live("one whose attempt breaks down is given up: nothing of it goes on", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const closed = yield* Deferred.make<void>()
      const tasks = Layer.succeed(Tasks, {
        registered: Effect.succeed([]),
        open: () =>
          Effect.as(
            Effect.addFinalizer(() => Deferred.succeed(closed, undefined)),
            { pid: 1, send: () => Effect.void, heard: Effect.never, kill: Effect.void }
          )
      })
      const attempts = Layer.succeed(Attempts, {
        begin: () => Effect.succeed({ outcome: Effect.die(new Error("broken")), stop: () => Effect.void })
      })
      const { context } = yield* startLayer(
        TaskRunner.layer.pipe(
          Layer.provide([tasks, attempts]),
          Layer.provideMerge(machineLayer({ folder, python: "none", runs: "fake" })),
          Layer.fresh
        )
      )
      const runner = yield* Effect.provide(Runner, context)
      yield* runner.start(jobOf(folder, "ok"))
      yield* Deferred.await(closed)
    })
  )
})
