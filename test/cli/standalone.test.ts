/** `edge-worker standalone` in real processes: a first job, an end, a second start, and what keeps it from starting. */

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { identify } from "../../src/platform/ProcessIdentity.ts"
import { until } from "../runner/until.ts"
import { machine } from "./standaloneSite.ts"

const text = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "")

// Each of them starts several processes, which takes its time on a small machine.
describe("edge-worker standalone", { timeout: 120_000 }, () => {
  it.live(
    "runs its example without Python, shows its log and end, and ends by Ctrl-C with nothing left",
    () =>
      Effect.gen(function* () {
        const { folder, site } = yield* machine
        const first = yield* site()
        yield* first.says("Its end: success")
        const said = first.stdout()
        assert.match(said, /Web page: http:\/\/127\.0\.0\.1:\d+\/login\?link=[\w-]{20,}/)
        assert.match(said, /\d\d:\d\d:\d\d {2}Hello from example\.hello, run manual__\S+, try 1\n/)
        assert.include(said, 'My conf is {"name":"somebody","submitted_by":"edge-worker standalone"}')
        assert.isBelow(said.indexOf("Step 4 of 4"), said.indexOf("Its end: success"))
        assert.include(text(join(folder, "standalone.log")), "there is no local Airflow")
        yield* first.says("Ctrl-C ends all of it")
        yield* first.signal("SIGINT")
        assert.strictEqual(yield* first.ended, 0)
        assert.include(first.stdout(), "Ending: ")
        assert.strictEqual(first.stderr(), "")
        assert.deepStrictEqual(readdirSync(join(folder, "edge-worker", "standalone", "jobs")), [])
        for (const name of [
          "site.sh",
          "airflow.cfg",
          "edge-central/jwt-secret",
          "edge-central/admin-token"
        ]) {
          assert.strictEqual(statSync(join(folder, name)).mode & 0o077, 0, name)
        }
      })
  )

  it.live(
    "starts again in its folder, with the settings that are there now, and takes jobs from its commands",
    () =>
      Effect.gen(function* () {
        const { base, command, folder, site } = yield* machine
        const first = yield* site("--no-example")
        yield* first.says("Ctrl-C ends all of it")
        assert.notInclude(first.stdout(), "A first job")
        yield* first.signal("SIGTERM")
        assert.strictEqual(yield* first.ended, 0)

        const own = join(base, "own.sh")
        writeFileSync(own, 'echo "own: $1"; cat "$EDGE_WORKER_CONF"; exit 4\n')
        const cfg = text(join(folder, "airflow.cfg"))
        writeFileSync(
          join(folder, "airflow.cfg"),
          cfg.replace("commands = {", `commands = {\n    "mine.*": ["sh", "${own}", "a b; c"],`)
        )
        const second = yield* site()
        yield* second.says("Its end: success")
        const submit = yield* command(
          "submit",
          "mine",
          "any",
          "--conf",
          '{"n": 1}',
          "--wait",
          "--run-id",
          "r1"
        )
        assert.strictEqual(yield* submit.ended, 1, submit.stderr())
        const logs = yield* command("logs", "-f", "--raw", "mine", "any", "r1")
        assert.strictEqual(yield* logs.ended, 1, logs.stderr())
        const events = logs
          .stdout()
          .split("\n")
          .filter((line) => line.startsWith("{"))
          .map((line) => JSON.parse(line).event)
        assert.deepStrictEqual(events.slice(0, 2), ["own: a b; c", '{"n":1}'])
        assert.match(events.at(-1), /exited with code 4/)
        const status = yield* command("status")
        assert.strictEqual(yield* status.ended, 0, status.stderr())
        assert.propertyVal(JSON.parse(status.stdout()), "worker_name", "standalone")
      })
  )

  it.live("refuses a folder that is in use, and a port that is, and says what to do", () =>
    Effect.gen(function* () {
      const { folder, base, site, start } = yield* machine
      const first = yield* site("--no-example")
      yield* first.says("Ctrl-C ends all of it")
      const again = yield* site()
      assert.strictEqual(yield* again.ended, 73)
      assert.include(again.stderr(), `${folder} is in use: another \`edge-worker standalone\` runs there`)

      const taken = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const server = createServer()
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const address = taken.address()
      const port = typeof address === "object" && address !== null ? String(address.port) : ""
      const other = yield* start(["standalone", "--folder", join(base, "other"), "--port", port])
      assert.strictEqual(yield* other.ended, 73)
      assert.include(other.stderr(), `cannot listen on 127.0.0.1 port ${port}: another program listens there`)
      assert.include(other.stderr(), "--port N or [edge_central] port, 0 for any that is free")
      const central = yield* start(["central", "--state-folder", join(base, "central"), "--port", port])
      assert.strictEqual(yield* central.ended, 73)
      assert.strictEqual(central.stderr(), other.stderr())
    })
  )

  it.live("has other workers beside its own, each with queues of its own", () =>
    Effect.gen(function* () {
      const { command, commandWith, folder, site } = yield* machine
      const first = yield* site("--no-example", "--queues", "default, small")
      yield* first.says("Ctrl-C ends all of it")
      const waiting = yield* command("submit", "example", "hello", "-q", "words", "--run-id", "r1", "--wait")
      yield* waiting.says("no worker that is online serves the queue words: the job waits for one")
      const args = ["-H", "second", "-q", "words", "--pid", join(folder, "second.pid")]
      const another = {
        AIRFLOW_CONFIG: "/nowhere/airflow.cfg",
        AIRFLOW__API_AUTH__JWT_SECRET: "of another site, which is long enough to be one",
        AIRFLOW__EDGE_WORKER__STATE_FOLDER: "/nowhere"
      }
      const second = yield* commandWith(another, "worker", ...args)
      assert.strictEqual(yield* waiting.ended, 0, waiting.stderr())
      for (const [run, queue, worker] of [
        ["r2", "small", "standalone"],
        ["r3", "words", "second"]
      ] as const) {
        const args = ["submit", "example", "hello", "-q", queue, "--run-id", run, "--wait", "--json"]
        const submit = yield* command(...args)
        assert.strictEqual(yield* submit.ended, 0, submit.stderr())
        assert.strictEqual(JSON.parse(submit.stdout()).worker, worker)
      }
      yield* second.signal("SIGINT")
      assert.strictEqual(yield* second.ended, 0, second.stderr())
    })
  )

  it.live("says what is wrong with its queues before it makes anything", () =>
    Effect.gen(function* () {
      const { folder, site } = yield* machine
      const ended = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
        const one = yield* site(...args)
        return [yield* one.ended, one.stderr().split("\n")[0]]
      })
      assert.deepStrictEqual(yield* ended("--queues", "words"), [
        64,
        "edge-worker standalone: --queues leaves out default, where the example job waits: add it, or give --no-example"
      ])
      assert.deepStrictEqual(yield* ended("--no-example", "-q", "a,,b"), [
        64,
        "edge-worker standalone: an entry of --queues is empty; leave the flag out to serve every queue"
      ])
      assert.isFalse(existsSync(folder))
    })
  )

  it.live("is not led to another site by what the environment says of one", () =>
    Effect.gen(function* () {
      const { folder, start } = yield* machine
      const site = yield* start(["standalone", "--folder", folder, "--port", "0"], {
        AIRFLOW_HOME: "/nowhere",
        AIRFLOW__EDGE__API_URL: "http://127.0.0.1:9/edge_worker/v1/rpcapi",
        AIRFLOW__API_AUTH__JWT_SECRET: "of another site",
        AIRFLOW__EDGE_WORKER__COMMANDS: JSON.stringify({
          "example.hello": ["sh", "-c", "echo from a variable; env"]
        })
      })
      yield* site.says("Its end: success")
      assert.match(site.stdout(), /\d {2}from a variable\n/)
      assert.include(site.stdout(), `  AIRFLOW_HOME=${folder}\n`)
    })
  )

  it.live("a job that does not end holds up a Ctrl-C for as long as airflow.cfg says, and is gone then", () =>
    Effect.gen(function* () {
      const { command, folder, site } = yield* machine
      const first = yield* site("--no-example")
      yield* first.says("Ctrl-C ends all of it")
      yield* first.signal("SIGINT")
      yield* first.ended
      const file = join(folder, "airflow.cfg")
      // Never longer than its test.
      const script = `trap "" TERM; echo $$; while [ -e '${folder}' ]; do sleep 0.1; done`
      writeFileSync(
        file,
        text(file)
          .replace(
            "commands = {",
            () => `commands = {\n    "mine.*": ["sh", "-c", ${JSON.stringify(script)}],`
          )
          .replace(/drain_(timeout|kill_grace)_sec = 5/g, "drain_$1_sec = 1")
      )
      const second = yield* site("--no-example")
      yield* second.says("Ctrl-C ends all of it")
      const submit = yield* command("submit", "mine", "any", "--run-id", "r1")
      assert.strictEqual(yield* submit.ended, 0, submit.stderr())
      const log = join(folder, "logs")
      const pid = yield* until(() => {
        const found = readdirSync(folder).includes("logs")
          ? readdirSync(log, { recursive: true, encoding: "utf8" }).find((name) => name.endsWith(".log"))
          : undefined
        return found === undefined
          ? undefined
          : Number(/"event":"(\d+)"/.exec(text(join(log, found)))?.[1]) || undefined
      })
      assert.isDefined(identify(pid))
      yield* second.signal("SIGINT")
      assert.strictEqual(yield* second.ended, 21)
      assert.isUndefined(identify(pid))
    })
  )

  it.live("a job goes on while the site is killed, and the next start tells how it ended", () =>
    Effect.gen(function* () {
      const { command, site } = yield* machine
      const first = yield* site()
      yield* first.says("Step 1 of 4")
      const run = /run (manual__\S+)/.exec(first.stdout())?.[1] ?? ""
      yield* first.signal("SIGKILL")
      yield* first.ended
      const second = yield* site("--no-example")
      yield* second.says("Ctrl-C ends all of it")
      const logs = yield* command("logs", "-f", "--raw", "example", "hello", run)
      assert.strictEqual(yield* logs.ended, 0, logs.stderr())
      const events = [...logs.stdout().matchAll(/"event":"((?:Hello|Step|Done)[^"]*)"/g)].map(
        (found) => found[1]
      )
      assert.deepStrictEqual(events.slice(1), [
        "Step 1 of 4",
        "Step 2 of 4",
        "Step 3 of 4",
        "Step 4 of 4",
        "Done"
      ])
    })
  )
})
