/** The airflow runner where there is no Python: its own half of the conversation with the host, and its fall-back. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { JobFolder } from "../../src/platform/JobFolder.ts"
import { Runner } from "../../src/runner/Runner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { jobOf, suite } from "../suites/runner.ts"
import { fakePython } from "./fakePython.ts"
import { runnerLayer, scratchFolder, startLayer } from "./runnerLayer.ts"
import { until } from "./until.ts"

suite("airflow runner, jobs in a host", (folder, env) =>
  runnerLayer({ folder, env, python: fakePython(folder), runs: "fake" }))
suite("airflow runner, jobs in fresh interpreters", (folder, env) =>
  runnerLayer({
    folder,
    env,
    python: fakePython(folder),
    runs: "fake",
    settings: { executeTasksNewPythonInterpreter: true }
  }))

const hosts = (state: string) =>
  readdirSync(join(state, "python-host"), { withFileTypes: true }).filter((entry) => entry.isDirectory())

const startWith = Effect.fnUntraced(function* (state: string, how: string, fingerprint?: string) {
  const env = { FAKE_START: how }
  const options = { folder: state, env, python: fakePython(state), runs: "fake" }
  return yield* startLayer(runnerLayer(fingerprint === undefined ? options : { ...options, fingerprint }))
})

const hostOf = (handle: unknown) => (handle as { readonly host: string | null }).host

describe("AirflowRunner", () => {
  for (const [how, what] of [
    ["no host", "that cannot start"],
    ["refuse", "that refuses"],
    ["die", "that dies before it starts the job"]
  ] as const) {
    it.live(`a host ${what}: the job runs in a fresh interpreter, once`, () =>
      Effect.gen(function* () {
        const state = yield* scratchFolder
        const { context } = yield* startWith(state, how)
        const runner = yield* Effect.provide(Runner, context)
        const running = yield* runner.start(jobOf(state, "ok"))
        assert.isNull(hostOf(running.handle))
        assert.deepStrictEqual(yield* running.outcome, { _tag: "Succeeded" })
      })
    )
  }

  it.live(
    "a host that dies after it has started the job: the job goes on, and no second one is started",
    () =>
      Effect.gen(function* () {
        const state = yield* scratchFolder
        const { context } = yield* startWith(state, "die after")
        const runner = yield* Effect.provide(Runner, context)
        const job = jobOf(state, "wait")
        const running = yield* runner.start(job)
        assert.isNotNull(hostOf(running.handle))
        const pid = yield* until(() =>
          existsSync(join(job.scratch, "ready"))
            ? Number(readFileSync(join(job.scratch, "ready"), "utf8"))
            : undefined
        )
        const folder = yield* Effect.provide(JobFolder, context)
        const process = Option.getOrThrow(yield* folder.process(job.folder))
        assert.deepStrictEqual([process.identity.pid, process.alive], [pid, true])
        mkdirSync(join(job.scratch, "go"))
        assert.deepStrictEqual(yield* running.outcome, { _tag: "Succeeded" })
      })
  )

  it.live(
    "jobs share a host; a worker finds it after a crash; other packages or a clean end mean a new one",
    () =>
      Effect.gen(function* () {
        const state = yield* scratchFolder
        const first = yield* startWith(state, "")
        const runner = yield* Effect.provide(Runner, first.context)
        const [one, two] = yield* Effect.all(
          [runner.start(jobOf(state, "ok")), runner.start(jobOf(state, "ok"))],
          { concurrency: 2 }
        )
        assert.strictEqual(hostOf(one.handle), hostOf(two.handle))
        assert.lengthOf(hosts(state), 1)
        yield* Effect.all([one.outcome, two.outcome])

        // The first one has not ended: to the second one it is as if it had been killed.
        const second = yield* startWith(state, "")
        const again = yield* (yield* Effect.provide(Runner, second.context)).start(jobOf(state, "ok"))
        assert.strictEqual(hostOf(again.handle), hostOf(one.handle))
        yield* again.outcome

        const third = yield* startWith(state, "", "upgraded")
        const upgraded = yield* (yield* Effect.provide(Runner, third.context)).start(jobOf(state, "ok"))
        assert.notStrictEqual(hostOf(upgraded.handle), hostOf(one.handle))
        assert.deepStrictEqual(yield* upgraded.outcome, { _tag: "Succeeded" })
        yield* third.stop

        const fourth = yield* startWith(state, "", "upgraded")
        const last = yield* (yield* Effect.provide(Runner, fourth.context)).start(jobOf(state, "ok"))
        assert.notStrictEqual(hostOf(last.handle), hostOf(upgraded.handle))
        assert.deepStrictEqual(yield* last.outcome, { _tag: "Succeeded" })
      })
  )

  it.live(
    "a job that is killed ends when the last of its processes is gone, not when its supervisor is",
    () =>
      Effect.gen(function* () {
        const state = yield* scratchFolder
        const order: Array<string> = []
        const layer = runnerLayer({
          folder: state,
          python: fakePython(state),
          runs: "fake",
          // As if one of the processes took its time.
          processes: (real) => ({
            killTree: (tree) =>
              real.killTree(tree).pipe(
                Effect.tap(() => Effect.sleep("300 millis")),
                Effect.tap(() => Effect.sync(() => order.push("all gone")))
              )
          })
        })
        const { context } = yield* startLayer(layer)
        const runner = yield* Effect.provide(Runner, context)
        const job = jobOf(state, "polite")
        const running = yield* runner.start(job)
        yield* until(() => existsSync(join(job.scratch, "ready")) || undefined)
        const outcome = yield* Effect.forkChild(
          Effect.tap(running.outcome, () => Effect.sync(() => order.push("outcome"))),
          { startImmediately: true }
        )
        yield* running.stop("kill")
        yield* Fiber.join(outcome)
        assert.deepStrictEqual(order, ["all gone", "outcome"])
      })
  )

  it.live("a connection test is refused with a reason", () =>
    Effect.gen(function* () {
      const state = yield* scratchFolder
      const { context } = yield* startWith(state, "")
      const runner = yield* Effect.provide(Runner, context)
      const job = jobOf(state, "ok")
      const command = {
        type: "TestConnection" as const,
        token: "t",
        connection_test_id: "c",
        connection_id: "c",
        timeout: 60
      }
      const error = yield* Effect.flip(
        runner.start({ ...job, claim: { ...job.claim, job: { ...testJob("x"), command } } })
      )
      assert.include(error.reason, "no connection tests")
    })
  )
})
