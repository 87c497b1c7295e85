/** settle: what it says of what a dead worker has left, and its exit codes. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { run, running, startProgram, temporaryHome } from "./commandLine.ts"

describe("settle", () => {
  it.live("says that there is nothing", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* run(yield* temporaryHome, ["settle", "-H", "one"])
      assert.deepStrictEqual([code, stdout], [0, "There was nothing to settle.\n"])
    })
  )

  it.live("needs no Airflow here, as a worker with tasks in TypeScript had none", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const main = join(import.meta.dirname, "../../src/cli/main.ts")
      const settled = yield* startProgram(process.execPath, [main, "settle", "-H", "one"], {
        AIRFLOW_HOME: home,
        AIRFLOW__EDGE__API_URL: "http://127.0.0.1:9/edge_worker/v1/rpcapi",
        AIRFLOW__API_AUTH__JWT_SECRET: "a secret of thirty-two characters",
        PATH: home
      })
      assert.strictEqual(yield* settled.ended, 0, settled.stderr())
      assert.strictEqual(settled.stdout(), "There was nothing to settle.\n")
    })
  )

  it.live("says what was told, in words and as JSON", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const words = yield* run(home, ["settle", "-H", "one", "--kill"], { FAKE_JOBS: "2" })
      assert.strictEqual(words.code, 0)
      assert.strictEqual(
        words.stdout,
        "Found 2 open jobs, 0 logs and 1 report to be told. All is told. The site knows the worker as offline.\n"
      )
      const json = yield* run(home, ["settle", "-H", "one", "--json"], { FAKE_JOBS: "1" })
      assert.deepInclude(JSON.parse(json.stdout), { open: 1, reportsLeft: 0, nameFreed: true })
    })
  )

  it.live("ends with 75 while something is not told", () =>
    Effect.gen(function* () {
      const left = { FAKE_JOBS: "1", FAKE_REPORTS_LEFT: "3" }
      const { code, stdout } = yield* run(yield* temporaryHome, ["settle", "-H", "one"], left)
      assert.strictEqual(code, 75)
      assert.include(stdout, "NOT told: 3 reports")
    })
  )

  it.live("names the logs that are left, and what becomes of one that the site refuses", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const settled = (logs: string) =>
        run(home, ["settle", "-H", "one"], { FAKE_JOBS: "1", FAKE_LOGS_LEFT: logs })
      const refused = yield* settled("refused")
      assert.strictEqual(refused.code, 75)
      const [words, log] = refused.stdout.trimEnd().split("\n")
      assert.include(words, "NOT told: 0 reports and 5 bytes of logs. The site")
      assert.match(
        log ?? "",
        /^ {2}5 bytes of the log of dag\.task0 run=run try=1 in \/logs\/0\.log: .* deleted\. .*ten minutes/
      )
      const both = yield* settled("refused,away")
      assert.include(both.stdout, "10 bytes of logs. Run it again when the site can be reached.")
      assert.match(both.stdout, /^ {2}5 bytes of the log of dag\.task1 run=run try=1 in \/logs\/1\.log$/m)
    })
  )

  it.live("refuses while the worker runs", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      yield* running(home, ["-H", "one"])
      const { code, stderr } = yield* run(home, ["settle", "-H", "one"])
      assert.strictEqual(code, 73)
      assert.include(stderr, 'a worker called "one" already runs here')
    })
  )
})
