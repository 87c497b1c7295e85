import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { run, running, start, temporaryHome } from "./commandLine.ts"

describe("signals", () => {
  it.live("the first SIGTERM drains; with nothing to finish the worker ends with 0", () =>
    Effect.gen(function* () {
      const worker = yield* running(yield* temporaryHome)
      yield* worker.signal("SIGTERM")
      assert.strictEqual(yield* worker.ended, 0)
      assert.include(worker.stdout(), "drain SIGTERM")
    })
  )

  it.live("the second terminates the tasks: 20", () =>
    Effect.gen(function* () {
      const worker = yield* running(yield* temporaryHome, ["-H", "one"], { FAKE_JOBS: "2" })
      yield* worker.signal("SIGINT")
      yield* worker.says("drain SIGINT")
      yield* worker.signal("SIGTERM")
      assert.strictEqual(yield* worker.ended, 20)
      assert.include(worker.stdout(), "terminate SIGTERM")
    })
  )

  it.live("the third kills them: 21", () =>
    Effect.gen(function* () {
      const worker = yield* running(yield* temporaryHome, ["-H", "one"], {
        FAKE_JOBS: "1",
        FAKE_STUBBORN: "1"
      })
      yield* worker.signal("SIGTERM")
      yield* worker.says("drain SIGTERM")
      yield* worker.signal("SIGTERM")
      yield* worker.says("terminate SIGTERM")
      yield* worker.signal("SIGTERM")
      assert.strictEqual(yield* worker.ended, 21)
      assert.include(worker.stdout(), "kill SIGTERM")
    })
  )

  it.live("a fourth ends a worker that does not get rid of its tasks", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const worker = yield* running(home, ["-H", "one"], { FAKE_JOBS: "1", FAKE_STUBBORN: "forever" })
      for (const step of ["drain", "terminate", "kill"]) {
        yield* worker.signal("SIGINT")
        yield* worker.says(`${step} SIGINT`)
      }
      yield* worker.signal("SIGINT")
      assert.strictEqual(yield* worker.ended, 21)
    })
  )

  it.live("SIGQUIT is the second at once", () =>
    Effect.gen(function* () {
      const worker = yield* running(yield* temporaryHome, ["-H", "one"], { FAKE_JOBS: "1" })
      yield* worker.signal("SIGQUIT")
      assert.strictEqual(yield* worker.ended, 20)
      assert.notInclude(worker.stdout(), "drain SIGQUIT")
    })
  )

  it.live("SIGHUP and SIGUSR1 end nothing", () =>
    Effect.gen(function* () {
      const worker = yield* running(yield* temporaryHome)
      yield* worker.signal("SIGUSR1")
      yield* worker.signal("SIGHUP")
      yield* worker.says("SIGHUP: log files are opened anew")
      yield* worker.signal("SIGTERM")
      assert.strictEqual(yield* worker.ended, 0)
      assert.notInclude(worker.stderr(), "Debugger listening")
    })
  )

  it.live("a signal before there is a worker gives the start up", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const worker = yield* start(home, ["worker", "-H", "one"], { FAKE_START: "never" })
      yield* worker.says("starting\n")
      yield* worker.signal("SIGTERM")
      assert.strictEqual(yield* worker.ended, 0)
      assert.isFalse(existsSync(join(home, "airflow-edge-worker.pid")))
    })
  )

  it.live("undelivered reports outweigh what was done to tasks: 75", () =>
    Effect.gen(function* () {
      const env = { FAKE_JOBS: "1", FAKE_REPORTS_LEFT: "3" }
      const worker = yield* running(yield* temporaryHome, ["-H", "one"], env)
      yield* worker.signal("SIGQUIT")
      assert.strictEqual(yield* worker.ended, 75)
      assert.include(worker.stderr(), "reports_left=3")
    })
  )

  it.live("a name that is taken on the site: 76", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const { code, stderr } = yield* run(home, ["worker", "-H", "one"], { FAKE_START: "refused" })
      assert.strictEqual(code, 76)
      assert.include(stderr, "edge-worker: there is another worker of this name")
    })
  )

  it.live("kill -9 frees the name, and the next worker says nothing of it but a log line", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const first = yield* running(home)
      yield* first.signal("SIGKILL")
      assert.strictEqual(yield* first.ended, "SIGKILL")
      assert.strictEqual(readFileSync(join(home, "airflow-edge-worker.pid"), "utf8"), `${first.pid}\n`)
      const second = yield* running(home)
      assert.strictEqual(readFileSync(join(home, "airflow-edge-worker.pid"), "utf8"), `${second.pid}\n`)
      assert.include(second.stderr(), "left from a worker that is gone")
    })
  )
})
