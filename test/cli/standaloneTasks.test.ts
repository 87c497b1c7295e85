/** Tasks in TypeScript on a standalone site, in real processes: the worker's side and the central's are one program here. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { until } from "../runner/until.ts"
import { machine } from "./standaloneSite.ts"

const tasks = join(import.meta.dirname, "siteTasks.ts")

/** A site whose airflow.cfg is there already; `execution_api_server_url` would lead its tasks elsewhere. */
const prepared = Effect.map(machine, (all) => {
  const { folder } = all
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 })
  mkdirSync(folder, { mode: 0o700 })
  write("variables.json", '{"greeting": "hello"}')
  write("connections.json", '{"db": "postgres://me:tell-nobody@db/d"}')
  write(
    "airflow.cfg",
    `[core]
execution_api_server_url = http://127.0.0.1:9/execution/
[edge]
heartbeat_interval = 1
job_poll_interval = 1
[edge_central]
variables_file = ${folder}/variables.json
connections_file = ${folder}/connections.json
`
  )
  const command = (...args: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const started = yield* all.command(...args)
      return { code: yield* started.ended, stdout: started.stdout(), stderr: started.stderr() }
    })
  return {
    ...all,
    command,
    /** A job to its end, and its log. */
    job: (task: string) =>
      Effect.gen(function* () {
        const { code, stderr } = yield* command("submit", "site", task, "--run-id", "r", "--wait")
        const { stdout } = yield* command("logs", "-f", "site", task, "r")
        return { code, stderr, log: stdout }
      })
  }
})

describe("edge-worker standalone with tasks in TypeScript", { timeout: 120_000 }, () => {
  it.live(
    "runs those of another program: XComs, variables, a secret, a failure, a skip, a cancellation",
    () =>
      Effect.gen(function* () {
        const { base, command, job, site } = yield* prepared
        const program = `${process.execPath} ${tasks}`
        const running = yield* site("--no-example", "--task-program", program)
        yield* running.says("Ctrl-C ends all of it")

        const given = yield* job("give")
        assert.strictEqual(given.code, 0, given.log)
        assert.include(given.log, "a secret: ***\n")
        assert.notInclude(given.log, "tell-nobody")
        const taken = yield* job("take")
        assert.strictEqual(taken.code, 0, taken.log)
        assert.include(taken.log, 'taken greeting=hello n=3 left="by give"\n')

        const failed = yield* job("fail")
        assert.strictEqual(failed.code, 1)
        assert.include(failed.stderr, "the job has ended: failed")
        assert.match(failed.log, / {2}Error: no luck\n(.*\n)+ {2}caused by Error: the reason\n/)
        const retried = yield* command(
          ...["submit", "site", "again", "--run-id", "r", "--retries", "1", "--wait"]
        )
        assert.deepStrictEqual(
          [retried.code, retried.stderr],
          [0, "try 1 has failed, try 2 of 2 follows\n"],
          retried.stdout
        )
        assert.include(retried.stdout, "site.again run=r try=2 success\n")
        const logs = (...args: ReadonlyArray<string>) =>
          Effect.map(command("logs", "site", "again", "r", ...args), ({ stdout }) => stdout)
        assert.include(yield* logs("--try", "1"), "try 1 of 2 finds None\n")
        assert.include(yield* logs(), "try 2 of 2 finds None\n")

        const skipped = yield* command("submit", "site", "skip", "--wait")
        assert.include(skipped.stderr, "the job has ended: skipped")

        const [begun, cleaned] = [join(base, "begun"), join(base, "cleaned")]
        const conf = JSON.stringify({ begun, cleaned })
        yield* command("submit", "site", "wait", "--run-id", "r", "--conf", conf)
        yield* until(() => existsSync(begun) || undefined)
        const cancelled = yield* command("cancel", "site", "wait", "r")
        assert.strictEqual(cancelled.code, 0, cancelled.stderr)
        yield* until(() => existsSync(cleaned) || undefined)
        yield* running.signal("SIGINT")
        assert.strictEqual(yield* running.ended, 0)
      })
  )

  it.live("is a command of a program with tasks of its own", () =>
    Effect.gen(function* () {
      const { folder, job, start } = yield* prepared
      const args = ["standalone", "--folder", folder, "--port", "0", "--no-example"]
      const running = yield* start(args, {}, tasks)
      yield* running.says("Ctrl-C ends all of it")
      assert.include((yield* job("give")).log, "a secret: ***\n")
    })
  )
})
