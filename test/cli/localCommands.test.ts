import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { run, running, temporaryHome } from "./commandLine.ts"

const sixKeys = ["job_count", "jobs", "state", "maintenance", "maintenance_comments", "drain"]

/** The file's content, once it is there. */
const appears = (file: string) =>
  Effect.try(() => readFileSync(file, "utf8")).pipe(Effect.retry(Schedule.spaced("10 millis")), Effect.orDie)

describe("local commands", () => {
  it.live("status prints edge3's six keys first, four spaces deep", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const worker = yield* running(home, ["-H", "one", "-q", "a,b", "-c4"], { FAKE_JOBS: "1" })
      const { code, stderr, stdout } = yield* run(home, ["status"])
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      const status = JSON.parse(stdout)
      assert.deepStrictEqual(Object.keys(status).slice(0, 6), sixKeys)
      assert.strictEqual(stdout, `${JSON.stringify(status, null, 4)}\n`)
      assert.deepStrictEqual(status.jobs, [["dag", "task0", "run", 1, -1]])
      assert.deepStrictEqual(status.queues, ["a", "b"])
      assert.strictEqual(status.concurrency, 4)
      assert.strictEqual(status.pid, worker.pid)
    })
  )

  it.live("maintenance stores the comment as edge3 words it", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const worker = yield* running(home)
      const on = yield* run(home, ["maintenance", "on", "-w", "-c", "new disk"], { LOGNAME: "anna" })
      assert.strictEqual(on.code, 0)
      const status = JSON.parse(on.stdout)
      assert.strictEqual(status.state, "maintenance mode")
      assert.match(
        status.maintenance_comments,
        /^\[\d{4}-\d\d-\d\d \d\d:\d\d\] - anna put node into maintenance mode via cli\nComment: new disk$/
      )
      const off = yield* run(home, ["maintenance", "off", "-w"])
      assert.strictEqual(JSON.parse(off.stdout).state, "idle")
      assert.include(worker.stdout(), "maintenance off")
    })
  )

  it.live("maintenance on without a comment: 4, and nothing is asked", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(yield* temporaryHome, ["maintenance", "on"])
      assert.strictEqual(code, 4)
      assert.include(stderr, "say why")
    })
  )

  it.live("stop -w returns when the process is gone", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const worker = yield* running(home)
      const { code, stderr } = yield* run(home, ["stop", "-w"])
      assert.strictEqual(code, 0)
      assert.include(stderr, `worker "one" (pid ${worker.pid}) has ended.`)
      assert.strictEqual(yield* worker.ended, 0)
      assert.include(worker.stdout(), "drain edge-worker stop")
    })
  )

  it.live("stop twice does not hurt running jobs, and -w tells how many are left", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const worker = yield* running(home, ["-H", "one"], { FAKE_JOBS: "2" })
      const first = yield* run(home, ["stop"])
      assert.include(first.stderr, "2 jobs finish first")
      assert.strictEqual((yield* run(home, ["stop"])).code, 0)
      assert.notInclude(worker.stdout(), "terminate")
      yield* worker.signal("SIGTERM")
      yield* worker.says("drain SIGTERM")
      yield* worker.signal("SIGTERM")
      assert.strictEqual(yield* worker.ended, 20)
    })
  )

  it.live("without a worker: 1, and where was looked", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      for (const args of [["status"], ["stop"], ["maintenance", "off"], ["status", "-H", "x"]]) {
        const { code, stderr } = yield* run(home, args)
        assert.strictEqual(code, 1)
        assert.include(stderr, home)
      }
      const { code, stderr } = yield* run(home, ["status", "--pid", join(home, "no.pid")])
      assert.strictEqual(code, 1)
      assert.include(stderr, "no.pid")
    })
  )

  it.live("several workers: -H or --pid says which; without either they are listed", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const pidFile = join(home, "two.pid")
      yield* running(home, ["-H", "one"])
      yield* running(home, ["-H", "two", "--pid", pidFile])
      const name = (stdout: string) => JSON.parse(stdout).worker_name
      assert.strictEqual(name((yield* run(home, ["status", "-H", "one"])).stdout), "one")
      assert.strictEqual(name((yield* run(home, ["status", "--pid", pidFile])).stdout), "two")
      const neither = yield* run(home, ["status"])
      assert.strictEqual(neither.code, 1)
      assert.include(neither.stderr, "Running here: one, two.")
    })
  )

  it.live("a state folder whose path is too long for a socket", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const env = { AIRFLOW__EDGE_WORKER__STATE_FOLDER: join(home, "x".repeat(120)) }
      const worker = yield* running(home, ["-H", "one"], env)
      assert.strictEqual((yield* run(home, ["status"], env)).code, 0)
      const socket = readFileSync(join(env.AIRFLOW__EDGE_WORKER__STATE_FOLDER, "socket"), "utf8")
      yield* worker.signal("SIGTERM")
      yield* worker.ended
      assert.isFalse(existsSync(join(socket, "..")))
    })
  )

  it.live("a second worker of the name is refused with the pid of the first: 73", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const first = yield* running(home)
      const { code, stderr } = yield* run(home, ["worker", "-H", "one"])
      assert.strictEqual(code, 73)
      assert.match(
        stderr,
        new RegExp(`a worker called "one" already runs here with pid ${first.pid}, started 20`)
      )
    })
  )

  it.live("another name with the same pid file is refused with a hint: 73", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const first = yield* running(home)
      const { code, stderr } = yield* run(home, ["worker", "-H", "two"])
      assert.strictEqual(code, 73)
      assert.include(stderr, `names the worker with pid ${first.pid}`)
      assert.include(stderr, "--pid")
    })
  )

  it.live("a state folder that others can enter is refused with the command that mends it: 73", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const folder = join(home, "edge-worker", "one")
      mkdirSync(folder, { recursive: true })
      chmodSync(folder, 0o750)
      const { code, stderr } = yield* run(home, ["worker", "-H", "one"])
      assert.strictEqual(code, 73)
      assert.include(stderr, `Run: chmod 700 '${folder}'`)
    })
  )

  it.live("SIGUSR2 is answered as edge3 does: exactly six keys", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const worker = yield* running(home, ["-H", "one"], { FAKE_JOBS: "1" })
      yield* worker.signal("SIGUSR2")
      const status = JSON.parse(yield* appears(join(home, "airflow-edge-worker.out")))
      assert.deepStrictEqual(Object.keys(status), sixKeys)
      assert.strictEqual(status.state, "running")
    })
  )

  it.live("SIGUSR2 takes the maintenance marker, and drops one that cannot be read", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const marker = join(home, "airflow-edge-worker.in")
      const worker = yield* running(home)
      writeFileSync(marker, JSON.stringify({ maintenance: "on", comments: "[now] - me" }))
      yield* worker.signal("SIGUSR2")
      yield* worker.says('maintenance "[now] - me"')
      assert.isFalse(existsSync(marker))
      writeFileSync(marker, "{")
      yield* worker.signal("SIGUSR2")
      yield* worker.says("a maintenance request could not be read")
      assert.isFalse(existsSync(marker))
    })
  )
})
