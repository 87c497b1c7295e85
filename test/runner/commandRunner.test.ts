/** The command runner: the contract of every runner, and what is its own: the log, the conf, what may be run. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { CommandLine } from "../../src/config/commandTable.ts"
import { identify } from "../../src/platform/ProcessIdentity.ts"
import { CommandRunner } from "../../src/runner/CommandRunner.ts"
import { Runner } from "../../src/runner/Runner.ts"
import { jobOf, suite } from "../suites/runner.ts"
import { runnerLayer, scratchFolder, startLayer } from "./runnerLayer.ts"
import { until } from "./until.ts"

const layerOf = (folder: string, commands: Record<string, CommandLine>, env?: Record<string, string>) => {
  mkdirSync(join(folder, "logs"), { recursive: true })
  return runnerLayer({
    folder,
    python: "no python",
    runs: "nothing",
    runner: CommandRunner.layer,
    settings: { commands: new Map(Object.entries(commands)) },
    ...(env === undefined ? {} : { env })
  })
}

const behaving = (folder: string): CommandLine => [
  process.execPath,
  join(import.meta.dirname, "command.mjs"),
  join(folder, "scratch")
]

suite("command runner", (folder, env) => layerOf(folder, { "dag.*": behaving(folder) }, { ...env }))

const runnerOf = Effect.fnUntraced(function* (
  state: string,
  commands: Record<string, CommandLine>,
  env?: Record<string, string>
) {
  const { context } = yield* startLayer(layerOf(state, commands, env))
  return yield* Effect.provide(Runner, context)
})

/** The task is called `ok` in every test that does not ask for another; what it does is `script`. */
const run = Effect.fnUntraced(function* (script: string, env?: Record<string, string>) {
  const state = yield* scratchFolder
  const runner = yield* runnerOf(state, { "dag.ok": ["sh", "-c", script] }, env)
  const job = jobOf(state, "ok")
  const running = yield* runner.start(job)
  return { job, outcome: yield* running.outcome, log: eventsIn(job.logFile) }
})

interface Event {
  readonly timestamp: string
  readonly level: string
  readonly event: string
  readonly logger: string
}

const eventsIn = (file: string): ReadonlyArray<Event> =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

describe("a command's log", () => {
  it.live("has a line an event as Airflow's own, stdout and stderr apart, also the last without an end", () =>
    Effect.gen(function* () {
      const { log, outcome } = yield* run("echo one; printf 'two\\r\\n\\nlast'; echo 'no' >&2")
      assert.deepStrictEqual(outcome, { _tag: "Succeeded" })
      const of = (logger: string) => log.filter((line) => line.logger === logger).map((line) => line.event)
      assert.deepStrictEqual(of("task.stdout"), ["one", "two", "", "last"])
      assert.deepStrictEqual(of("task.stderr"), ["no"])
      assert.deepStrictEqual(
        new Set(log.map(({ level, logger }) => `${logger} ${level}`)),
        new Set(["task.stdout info", "task.stderr error"])
      )
      for (const { timestamp } of log) assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    })
  )

  it.live("keeps every byte of much output, of one long line, and of what is not UTF-8", () =>
    Effect.gen(function* () {
      const line = "ä".repeat(100_001)
      const { log } = yield* run(
        `${process.execPath} -e 'process.stdout.write("ä".repeat(100001) + "\\n"); ` +
          `for (let n = 0; n < 20000; n++) process.stdout.write("line " + n + "\\n")'; printf 'x\\377y\\n'`
      )
      const events = log.map(({ event }) => event)
      const long = events.filter((event) => event.startsWith("ä"))
      assert.isAbove(long.length, 1)
      assert.strictEqual(long.join(""), line)
      assert.deepStrictEqual(
        events.filter((event) => event.startsWith("line ")),
        Array.from({ length: 20_000 }, (_, n) => `line ${n}`)
      )
      assert.strictEqual(events.at(-1), "x\\xffy")
    })
  )

  it.live("goes on, whole, while no worker is there", () =>
    Effect.gen(function* () {
      const state = yield* scratchFolder
      const go = join(state, "go")
      const script = `echo before; while [ ! -e ${go} ]; do sleep 0.01; done; echo after; exit 5`
      const layer = layerOf(state, { "dag.ok": ["sh", "-c", script] })
      const first = yield* startLayer(layer)
      const job = jobOf(state, "ok")
      const running = yield* (yield* Effect.provide(Runner, first.context)).start(job)
      yield* until(() => (existsSync(job.logFile) ? true : undefined))
      yield* first.stop
      writeFileSync(go, "")
      yield* until(() => (existsSync(join(job.folder, "exit")) ? true : undefined))
      assert.deepStrictEqual(
        eventsIn(job.logFile).map(({ event }) => event),
        ["before", "after"]
      )
      const second = yield* startLayer(layer)
      const handle = JSON.parse(JSON.stringify(running.handle))
      const adopted = yield* (yield* Effect.provide(Runner, second.context)).adopt({ ...job, handle })
      assert(adopted._tag === "Found")
      assert.propertyVal(yield* adopted.job.outcome, "exitCode", 5)
    })
  )

  it.live("does not wait for what the command leaves behind", () =>
    Effect.gen(function* () {
      const { log, outcome } = yield* run("(sleep 1000) & echo started $!")
      assert.deepStrictEqual(outcome, { _tag: "Succeeded" })
      const pid = Number(log[0]?.event.split(" ")[1])
      assert.isDefined(identify(pid))
      process.kill(pid, "SIGKILL")
    })
  )
})

describe("a command", () => {
  it.live("gets its conf as a file that only this user can read; null where the job has none", () =>
    Effect.gen(function* () {
      const state = yield* scratchFolder
      const runner = yield* runnerOf(state, { "dag.*": ["sh", "-c", 'pwd; cat "$EDGE_WORKER_CONF"'] })
      const job = jobOf(state, "ok")
      const conf = { name: "x; rm -rf /", big: 12345678901234567890n.toString() }
      const asked = { ...job, claim: { ...job.claim, job: { ...job.claim.job, conf } } }
      yield* (yield* runner.start(asked)).outcome
      assert.deepStrictEqual(
        eventsIn(job.logFile).map(({ event }) => event),
        [job.folder, JSON.stringify(conf)]
      )
      assert.strictEqual(statSync(join(job.folder, "conf.json")).mode & 0o777, 0o600)
      const without = jobOf(state, "ok")
      yield* (yield* runner.start(without)).outcome
      assert.strictEqual(eventsIn(without.logFile)[1]?.event, "null")
    })
  )

  it.live("is told which job it is, and gets NODE_OPTIONS back, but no credential", () =>
    Effect.gen(function* () {
      const { log } = yield* run("env", {
        AIRFLOW__EDGE_WORKER__COMMANDS: "{}",
        AIRFLOW__EDGE_CENTRAL__DATABASE_URL: "postgresql://u:hidden@h/d",
        AIRFLOW__API_AUTH__JWT_PRIVATE_KEY_PATH: "hidden",
        AIRFLOW__CORE__FERNET_KEY: "hidden",
        AIRFLOW__CELERY__RESULT_BACKEND: "db+postgresql://hidden",
        AIRFLOW__SMTP__SMTP_PASSWORD_CMD: "echo hidden",
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=hidden",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: "authorization=hidden",
        EDGE_WORKER_TOKEN: "hidden",
        EDGE_WORKER_TASK_NODE_OPTIONS: "--stack-trace-limit=7",
        MINE: "kept"
      })
      const lines = log.map(({ event }) => event)
      assert.includeMembers(lines, [
        "EDGE_WORKER_DAG_ID=dag",
        "EDGE_WORKER_TASK_ID=ok",
        "EDGE_WORKER_RUN_ID=run",
        "EDGE_WORKER_TRY_NUMBER=1",
        "EDGE_WORKER_MAP_INDEX=-1",
        "NODE_OPTIONS=--stack-trace-limit=7",
        "MINE=kept"
      ])
      assert.notInclude(lines.join("\n"), "hidden")
      assert.notInclude(lines.join("\n"), "only-for-this-task")
    })
  )

  it.live("runs for the tasks that are named and no others", () =>
    Effect.gen(function* () {
      const state = yield* scratchFolder
      const runner = yield* runnerOf(state, { "dag.wait": ["true"], "other.*": ["true"] })
      const error = yield* Effect.flip(runner.start(jobOf(state, "ok")))
      assert.include(error.reason, "no command is configured for dag.ok")
    })
  )

  it.live("that does not exist, or is not executable, is a job that could not be started", () =>
    Effect.gen(function* () {
      const state = yield* scratchFolder
      const plain = join(state, "plain")
      writeFileSync(plain, "#!/bin/sh\n")
      chmodSync(plain, 0o600)
      const reasonOf = Effect.fnUntraced(function* (program: string) {
        const runner = yield* runnerOf(state, { "dag.ok": [program] })
        const job = jobOf(state, "ok")
        const { reason } = yield* Effect.flip(runner.start(job))
        assert.deepStrictEqual(readdirSync(job.folder), [])
        return reason
      })
      const begin = "the command of dag.ok in [edge_worker] commands cannot be run: "
      assert.strictEqual(
        yield* reasonOf(join(state, "none")),
        `${begin}${join(state, "none")} does not exist`
      )
      assert.strictEqual(yield* reasonOf(state), `${begin}${state} is not a file`)
      assert.strictEqual(
        yield* reasonOf("no-such-program"),
        `${begin}no-such-program is in no folder of the worker's PATH`
      )
      assert.strictEqual(
        yield* reasonOf(plain),
        `${begin}${plain} is not executable by the user that this worker runs as`
      )
    })
  )

  it.live("whose interpreter is missing ends with 127 and says so", () =>
    Effect.gen(function* () {
      const state = yield* scratchFolder
      const script = join(state, "script")
      writeFileSync(script, "#!/no/such/interpreter\n")
      chmodSync(script, 0o700)
      const runner = yield* runnerOf(state, { "dag.ok": [script] })
      const job = jobOf(state, "ok")
      const outcome = yield* (yield* runner.start(job)).outcome
      assert.propertyVal(outcome, "exitCode", 127)
      assert.include(eventsIn(job.logFile)[0]?.event, "could not be started")
    })
  )

  it.live("ends with its supervisor: who kills that leaves nothing running", () =>
    Effect.gen(function* () {
      const state = yield* scratchFolder
      const runner = yield* runnerOf(state, { "dag.wait": behaving(state) })
      const job = jobOf(state, "wait")
      const running = yield* runner.start(job)
      const pid = yield* until(() => {
        const file = join(job.scratch, "ready")
        return existsSync(file) ? Number(readFileSync(file, "utf8")) || undefined : undefined
      })
      const supervisor = JSON.parse(readFileSync(join(job.folder, "pid"), "utf8")).pid
      assert.notStrictEqual(supervisor, pid)
      process.kill(supervisor, "SIGKILL")
      assert.propertyVal(yield* running.outcome, "reason", "was killed by SIGKILL")
      assert.isUndefined(identify(pid))
    })
  )
})
