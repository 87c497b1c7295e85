import { existsSync, readFileSync, renameSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { identify, isAlive } from "../../src/platform/ProcessIdentity.ts"
import { run, temporaryHome } from "./commandLine.ts"

const pidIn = (home: string) => Number(readFileSync(join(home, "airflow-edge-worker.pid"), "utf8"))

/** Waits until it is true. */
const until = (done: () => boolean) =>
  Effect.repeat(Effect.sync(done), { until: (is) => is, schedule: Schedule.spaced("10 millis") })

/** A daemon that is killed with the scope, if it still lives. */
const daemon = (home: string, args: ReadonlyArray<string> = [], env: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(run(home, ["worker", "-H", "one", "-D", ...args], env), () =>
    Effect.gen(function* () {
      if (!existsSync(join(home, "airflow-edge-worker.pid"))) return
      const left = identify(pidIn(home))
      if (left === undefined) return
      process.kill(left.pid, "SIGKILL")
      yield* until(() => !isAlive(left))
    })
  )

describe("-D", () => {
  it.live(
    "returns when the worker is online, which then is a session of its own with its files in the home",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryHome
        const { code, stdout } = yield* daemon(home, ["-u", "027"])
        assert.strictEqual(code, 0)
        const pid = pidIn(home)
        assert.include(stdout, `Worker "one" is online with pid ${pid}.`)
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
        assert.strictEqual(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]), pid)
        assert.include(readFileSync(`/proc/${pid}/status`, "utf8"), "Umask:\t0027")
        assert.include(readFileSync(join(home, "airflow-edge-worker.log"), "utf8"), "starts name=one")
        assert.isFalse(existsSync(join(home, "airflow-edge-worker.out")))
        assert.strictEqual((yield* run(home, ["stop", "-w"])).code, 0)
      })
  )

  it.live("opens its files anew on SIGHUP", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      yield* daemon(home, ["-l", join(home, "my.log"), "--stdout", join(home, "my.out")])
      for (const file of ["my.log", "my.out"]) renameSync(join(home, file), join(home, `${file}.1`))
      process.kill(pidIn(home), "SIGHUP")
      yield* until(
        () =>
          existsSync(join(home, "my.log")) && readFileSync(join(home, "my.log"), "utf8").includes("SIGHUP")
      )
      yield* run(home, ["stop", "-w"])
      assert.include(readFileSync(join(home, "my.out"), "utf8"), "drain edge-worker stop")
      assert.notInclude(readFileSync(join(home, "my.out.1"), "utf8"), "drain")
    })
  )

  it.live("fails as the worker fails, with its words", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const refused = yield* daemon(home, [], { FAKE_START: "refused" })
      assert.strictEqual(refused.code, 76)
      assert.include(refused.stderr, "there is another worker of this name")
      assert.isFalse(existsSync(join(home, "airflow-edge-worker.pid")))
    })
  )

  it.live("does not write its stdout where airflow edge status is answered", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const { code, stderr } = yield* daemon(home, ["--stdout", join(home, "airflow-edge-worker.out")])
      assert.strictEqual(code, 64)
      assert.include(stderr, "choose another one")
    })
  )
})
