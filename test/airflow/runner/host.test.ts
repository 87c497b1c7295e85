/** The Python host itself, with jobs of ours in the place of Airflow: needs EDGE_WORKER_TEST_AIRFLOW_PYTHON. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identify } from "../../../src/platform/ProcessIdentity.ts"
import { row, rows } from "../../../src/platform/ProcessTable.ts"
import { pythonHost } from "../../../src/runner/generated/pythonHost.ts"
import { Runner } from "../../../src/runner/Runner.ts"
import { type RunnerLayerOptions, runnerLayer, scratchFolder, startLayer } from "../../runner/runnerLayer.ts"
import { until } from "../../runner/until.ts"
import { type Behaviour, jobOf, suite } from "../../suites/runner.ts"
import { python } from "./python.ts"

const options = (folder: string, changes: Partial<RunnerLayerOptions> = {}): RunnerLayerOptions => ({
  folder,
  python,
  runs: "behaviours:Behaviours",
  ...changes,
  env: { PYTHONPATH: import.meta.dirname, ...changes.env },
  settings: { pythonHostIdle: Duration.seconds(1), ...changes.settings }
})

suite("airflow runner, real Python host", (folder, env) => runnerLayer(options(folder, { env })))
suite("airflow runner, real fresh interpreters", (folder, env) =>
  runnerLayer(options(folder, { env, settings: { executeTasksNewPythonInterpreter: true } })))

const begin = Effect.fnUntraced(function* (changes: Partial<RunnerLayerOptions> = {}) {
  const state = yield* scratchFolder
  const { context, stop } = yield* startLayer(runnerLayer(options(state, changes)))
  return { state, runner: yield* Effect.provide(Runner, context), stop }
})

/** The host's pid file appears with its folder. */
const hostPid = (state: string) => {
  const base = join(state, "python-host")
  const folder = readdirSync(base).find((name) => existsSync(join(base, name, "pid")))
  return folder === undefined
    ? undefined
    : Number(JSON.parse(readFileSync(join(base, folder, "pid"), "utf8")).pid)
}

const numberIn = (file: string) =>
  existsSync(file) ? Number(readFileSync(file, "utf8")) || undefined : undefined

/** A job of the Python side alone: it does what only a fork can do. */
const orphans = "orphans" as Behaviour

describe("Python host", () => {
  it.live("has one thread, and each job a session of its own whose parent is the host", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin()
      const job = jobOf(state, "wait")
      const running = yield* runner.start(job)
      const pid = yield* until(() => numberIn(join(job.scratch, "ready")))
      const host = hostPid(state)
      assert.strictEqual(row(pid)?.session, pid)
      assert.strictEqual(row(pid)?.parent, host)
      assert.lengthOf(readdirSync(`/proc/${host}/task`), 1)
      mkdirSync(join(job.scratch, "go"))
      yield* running.outcome
    })
  )

  it.live("shows no token in a command line or an environment", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin()
      const job = jobOf(state, "wait")
      const running = yield* runner.start(job)
      const pid = yield* until(() => numberIn(join(job.scratch, "ready")))
      for (const one of [pid, hostPid(state)]) {
        for (const file of ["cmdline", "environ"]) {
          assert.notInclude(readFileSync(`/proc/${one}/${file}`, "utf8"), "only-for-this-task", file)
        }
      }
      yield* running.stop("kill")
    })
  )

  for (const coreDumps of [false, true]) {
    it.live(`core_dumps = ${coreDumps} holds for the host and its jobs`, () =>
      Effect.gen(function* () {
        const limits = (pid: number | undefined) =>
          /^Max core file size +(\S+) +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.slice(1)
        // One byte also keeps a core from being piped to a handler, which 0 does not.
        const none = limits(process.pid)?.[1] === "0" ? ["0", "0"] : ["1", "1"]
        for (const executeTasksNewPythonInterpreter of [false, true]) {
          const { runner, state } = yield* begin({
            settings: { coreDumps, executeTasksNewPythonInterpreter }
          })
          const job = jobOf(state, "wait")
          const running = yield* runner.start(job)
          const pid = yield* until(() => numberIn(join(job.scratch, "ready")))
          for (const one of executeTasksNewPythonInterpreter ? [pid] : [pid, hostPid(state)]) {
            assert.deepStrictEqual(limits(one), coreDumps ? limits(process.pid) : none)
          }
          yield* running.stop("kill")
          yield* running.outcome
        }
      })
    )
  }

  it.live("killed: its jobs go on, their ends are noticed, and the next job gets another host", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin()
      const job = jobOf(state, "wait")
      const running = yield* runner.start(job)
      yield* until(() => numberIn(join(job.scratch, "ready")))
      const first = yield* until(() => hostPid(state))
      process.kill(first, "SIGKILL")
      yield* until(() => (identify(first) === undefined ? true : undefined))
      const next = yield* runner.start(jobOf(state, "ok"))
      assert.deepStrictEqual(yield* next.outcome, { _tag: "Succeeded" })
      mkdirSync(join(job.scratch, "go"))
      assert.deepStrictEqual(yield* running.outcome, { _tag: "Succeeded" })
    })
  )

  it.live("killed with its job: a process without an exit file has failed", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin()
      const job = jobOf(state, "wait")
      const running = yield* runner.start(job)
      const pid = yield* until(() => numberIn(join(job.scratch, "ready")))
      const host = yield* until(() => hostPid(state))
      process.kill(host, "SIGKILL")
      process.kill(pid, "SIGKILL")
      const outcome = yield* running.outcome
      assert.strictEqual(outcome._tag, "Failed")
      assert.include(outcome._tag === "Failed" ? outcome.reason : "", "without an exit code")
    })
  )

  it.live("asked to end by SIGTERM: it does once it has no job, and the next job gets another host", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin()
      yield* (yield* runner.start(jobOf(state, "ok"))).outcome
      const host = yield* until(() => hostPid(state))
      process.kill(host, "SIGTERM")
      yield* until(() => (identify(host) === undefined ? true : undefined))
      const job = jobOf(state, "ok")
      assert.deepStrictEqual(yield* (yield* runner.start(job)).outcome, { _tag: "Succeeded" })
    })
  )

  it.live("ends after a while without jobs", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin({ settings: { pythonHostIdle: Duration.seconds(1) } })
      yield* (yield* runner.start(jobOf(state, "ok"))).outcome
      const host = yield* until(() => hostPid(state))
      yield* until(() => (identify(host) === undefined ? true : undefined))
      assert.deepStrictEqual(yield* (yield* runner.start(jobOf(state, "ok"))).outcome, { _tag: "Succeeded" })
    })
  )

  it.live("ends with its worker, but not before its last job, whose end it leaves on disk", () =>
    Effect.gen(function* () {
      const { runner, state, stop } = yield* begin({ settings: { pythonHostIdle: Duration.hours(1) } })
      const job = jobOf(state, "wait")
      yield* runner.start(job)
      const pid = yield* until(() => numberIn(join(job.scratch, "ready")))
      const host = yield* until(() => hostPid(state))
      yield* stop
      assert.isDefined(identify(host))
      assert.isDefined(identify(pid))
      mkdirSync(join(job.scratch, "go"))
      yield* until(() => (identify(host) === undefined ? true : undefined))
      assert.isUndefined(identify(pid))
      assert.deepStrictEqual(JSON.parse(readFileSync(join(job.folder, "exit"), "utf8")), { code: 0 })
    })
  )

  it.live("a task's process that was killed is named, although its supervisor lived on", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin()
      const outcome = yield* (yield* runner.start(jobOf(state, "task-killed" as Behaviour))).outcome
      assert.propertyVal(outcome, "reason", "exited with code 247: its task's process was killed by SIGKILL")
    })
  )

  it.live("whose imports fail: the jobs run in fresh interpreters", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin({ env: { BEHAVIOURS_FAIL: "1" } })
      const running = yield* runner.start(jobOf(state, "ok"))
      assert.propertyVal(running.handle, "host", null)
      assert.deepStrictEqual(yield* running.outcome, { _tag: "Succeeded" })
    })
  )

  it.live("takes in what has lost its parents, and a kill finds it there", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin()
      const job = jobOf(state, orphans)
      const running = yield* runner.start(job)
      const orphan = yield* until(() => numberIn(join(job.scratch, "orphan")))
      // It may have written before its own parent has ended.
      yield* until(() => (row(orphan)?.parent === hostPid(state) ? true : undefined))
      yield* running.stop("kill")
      assert.isUndefined(identify(orphan))
      yield* until(() =>
        [...rows().values()].some((one) => one.zombie && one.parent === hostPid(state)) ? undefined : true
      )
    })
  )

  it("compiles for Python 3.9, the oldest that Airflow 3 has run on", () => {
    const check = "import ast, sys; ast.parse(sys.stdin.read(), feature_version=(3, 9))"
    execFileSync(python, ["-c", check], { input: pythonHost })
  })
})
