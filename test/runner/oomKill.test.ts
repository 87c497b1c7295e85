/** A job that the kernel killed for want of memory is told from one that somebody killed. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Outcome, Runner } from "../../src/runner/Runner.ts"
import { jobOf } from "../suites/runner.ts"
import { fakePython } from "./fakePython.ts"
import { type RunnerLayerOptions, runnerLayer, scratchFolder, startLayer } from "./runnerLayer.ts"
import { until } from "./until.ts"

const place = "/sys/fs/cgroup/edge.service/memory.events"
const named = `was killed by SIGKILL: the kernel's out-of-memory killer (oom_kill count of ${place} rose)`

/** A machine whose only group counts the kills that a test says. */
const machine = Effect.gen(function* () {
  const state = yield* scratchFolder
  const oomRoot = join(state, "machine")
  const count = (kills: number) => writeFileSync(join(oomRoot, place), `oom 9\noom_kill ${kills}\n`)
  mkdirSync(join(oomRoot, "proc/self"), { recursive: true })
  mkdirSync(join(oomRoot, "sys/fs/cgroup/edge.service"), { recursive: true })
  writeFileSync(join(oomRoot, "proc/self/cgroup"), "0::/edge.service\n")
  count(4)
  const start = (fresh: boolean, processes?: RunnerLayerOptions["processes"]) =>
    Effect.flatMap(
      startLayer(
        runnerLayer({
          folder: state,
          python: fakePython(state),
          runs: "fake",
          oomRoot,
          ...(processes === undefined ? {} : { processes }),
          settings: { executeTasksNewPythonInterpreter: fresh }
        })
      ),
      ({ context, stop }) => Effect.map(Effect.provide(Runner, context), (runner) => ({ runner, stop }))
    )
  return { state, count, start }
})

const begin = Effect.fnUntraced(function* (fresh: boolean) {
  const { count, start, state } = yield* machine
  const { runner, stop } = yield* start(fresh)
  const job = jobOf(state, "wait")
  const running = yield* runner.start(job)
  const ready = join(job.scratch, "ready")
  const pid = yield* until(() =>
    existsSync(ready) ? Number(readFileSync(ready, "utf8")) || undefined : undefined
  )
  return { count, job, pid, restart: Effect.andThen(stop, start(fresh)), running }
})

const reasonOf = (outcome: Outcome) => (outcome._tag === "Failed" ? outcome.reason : "succeeded")

describe("a job killed by SIGKILL", () => {
  for (const fresh of [false, true]) {
    const where = fresh ? "a fresh interpreter" : "a host"
    it.live(
      `in ${where}: names the out-of-memory killer where its count rose meanwhile, and only there`,
      () =>
        Effect.gen(function* () {
          const oom = yield* begin(fresh)
          oom.count(5)
          process.kill(oom.pid, "SIGKILL")
          assert.strictEqual(reasonOf(yield* oom.running.outcome), named)
          const other = yield* begin(fresh)
          process.kill(other.pid, "SIGKILL")
          assert.strictEqual(reasonOf(yield* other.running.outcome), "was killed by SIGKILL")
        })
    )
  }

  it.live("while it was still being started: named", () =>
    Effect.gen(function* () {
      const { count, start, state } = yield* machine
      const { runner } = yield* start(true, (real) => ({
        spawn: (options) => Effect.tap(real.spawn(options), () => Effect.sync(() => count(5)))
      }))
      const { outcome } = yield* runner.start(jobOf(state, "crash"))
      assert.strictEqual(reasonOf(yield* outcome), named)
    })
  )

  it.live("whose supervisor lived on to tell: named too", () =>
    Effect.gen(function* () {
      const { count, job, pid, running } = yield* begin(false)
      writeFileSync(join(job.folder, "exit"), JSON.stringify({ code: 247, task_signal: "SIGKILL" }))
      count(5)
      process.kill(pid, "SIGTERM")
      assert.strictEqual(
        reasonOf(yield* running.outcome),
        `exited with code 247: its task's process ${named}`
      )
    })
  )

  it.live("after a restart of the worker: counted from the job's own start", () =>
    Effect.gen(function* () {
      const { count, job, pid, restart, running } = yield* begin(false)
      const handle = JSON.parse(JSON.stringify(running.handle))
      count(5)
      const { runner } = yield* restart
      const adopted = yield* runner.adopt({ ...job, handle })
      process.kill(pid, "SIGKILL")
      assert.isTrue(adopted._tag === "Found")
      if (adopted._tag === "Found") assert.strictEqual(reasonOf(yield* adopted.job.outcome), named)
    })
  )

  it.live("by another signal, or by us: not named", () =>
    Effect.gen(function* () {
      const other = yield* begin(false)
      other.count(5)
      process.kill(other.pid, "SIGTERM")
      assert.strictEqual(reasonOf(yield* other.running.outcome), "was killed by SIGTERM")
      const ours = yield* begin(false)
      ours.count(5)
      yield* ours.running.stop("kill")
      assert.strictEqual(reasonOf(yield* ours.running.outcome), "was killed by SIGKILL")
    })
  )
})
