/** `edge-worker central` as a process: what it prints, what it leaves on the disk, and how it ends. */
import { once } from "node:events"
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { run, start, temporaryHome } from "./commandLine.ts"

describe("edge-worker central", () => {
  it.live("serves, keeps its secrets to this user, says how to reach it, and ends when it is told to", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const central = yield* start(home, ["central", "--port", "0"])
      yield* central.says("JWT_SECRET_CMD")
      const printed = central.stdout()
      const url = /AIRFLOW__EDGE__API_URL=(\S+)/.exec(printed)?.[1] ?? ""
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/edge_worker\/v1\/rpcapi$/)
      const state = join(home, "edge-central")
      for (const name of ["jwt-secret", "admin-token", "central.sqlite"]) {
        assert.strictEqual(statSync(join(state, name)).mode & 0o777, 0o600, name)
      }
      assert.strictEqual(statSync(state).mode & 0o777, 0o700)
      const secret = readFileSync(join(state, "jwt-secret"), "utf8")
      assert.isAtLeast(secret.length, 43)
      assert.include(printed, `AIRFLOW__API_AUTH__JWT_SECRET_CMD="cat '${state}/jwt-secret'"`)
      const health = yield* Effect.promise(() =>
        fetch(new URL("health", url)).then((answer) => answer.json())
      )
      assert.deepStrictEqual(health, { status: "healthy" })
      // Whoever is connected and says nothing must not hold up the end.
      const idle = connect(Number(new URL(url).port), "127.0.0.1")
      yield* Effect.promise(() => once(idle, "connect"))
      const began = Date.now()
      yield* central.signal("SIGTERM")
      const code = yield* central.ended
      const [stdout, stderr] = [central.stdout(), central.stderr()]
      assert.strictEqual(code, 0, stderr)
      assert.isBelow(Date.now() - began, 2_000)
      assert.match(stderr, /listens address=http/)
      assert.notInclude(stdout + stderr, secret)
      assert.notInclude(stdout + stderr, readFileSync(join(state, "admin-token"), "utf8"))
      // The same secret the next time.
      const again = yield* start(home, ["central", "--port", "0"])
      yield* again.says("JWT_SECRET_CMD")
      assert.strictEqual(readFileSync(join(state, "jwt-secret"), "utf8"), secret)
      yield* again.signal("SIGINT")
      assert.strictEqual(yield* again.ended, 0)
    })
  )

  it.live("refuses what is wrong before anything is made", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const open = yield* run(home, ["central", "--host", "0.0.0.0"])
      assert.deepStrictEqual([open.code, open.stdout], [78, ""])
      assert.match(open.stderr, /\[edge_central\] host: read "0\.0\.0\.0" from --host; .*in the clear/)
      const flags = yield* run(home, ["central", "--port", "65536", "--host", ""])
      assert.deepStrictEqual([flags.code, flags.stderr.match(/^ {2}- /gm)?.length], [64, 2])
      const database = yield* run(home, ["central", "--port", "0", "--database", "mysql://u:hidden@db/x"])
      assert.strictEqual(database.code, 78)
      assert.match(database.stderr, /begins with mysql:/)
      assert.notInclude(database.stderr, "hidden")
    })
  )

  it.live("says in one line why its database cannot be used", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const folder = join(home, "edge-central")
      const file = join(folder, "central.sqlite")
      mkdirSync(folder, { mode: 0o700 })
      writeFileSync(file, "no database, and long enough to be none ".repeat(200), { mode: 0o600 })
      const broken = yield* run(home, ["central", "--port", "0"])
      assert.deepStrictEqual(
        [broken.code, broken.stderr],
        [
          1,
          `edge-worker: the central's database ${file} cannot be used: file is not a database. Put a copy of it there, or move it away: the next start makes a new one\n`
        ]
      )
      rmSync(file)
      const newer = new DatabaseSync(file)
      newer.exec("CREATE TABLE central_migration (migration_id INTEGER, created_at TEXT, name TEXT)")
      newer.exec("INSERT INTO central_migration VALUES (99, '', 'tomorrow')")
      newer.exec("BEGIN EXCLUSIVE")
      const locked = yield* run(home, ["central", "--port", "0"])
      assert.strictEqual(locked.code, 1)
      assert.match(locked.stderr, /^edge-worker: the central's database[^\n]* is locked\n$/)
      newer.exec("ROLLBACK")
      newer.close()
      const refused = yield* run(home, ["central", "--port", "0"])
      assert.strictEqual(refused.code, 1)
      assert.match(
        refused.stderr,
        /^edge-worker: the central's database: its tables are of version 99, [^\n]*\n$/
      )
    })
  )

  it.live(
    "refuses a file of variables that others can read, or that is none, without telling what is in it",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryHome
        const file = join(home, "variables.json")
        writeFileSync(join(home, "airflow.cfg"), `[edge_central]\nvariables_file = ${file}\n`)
        writeFileSync(file, '{"password": "hidden"', { mode: 0o644 })
        const open = yield* run(home, ["central", "--port", "0"])
        assert.deepStrictEqual([open.code, open.stdout], [78, ""])
        assert.match(open.stderr, /variables_file: .*open to other users .*chmod 600/)
        chmodSync(file, 0o600)
        const broken = yield* run(home, ["central", "--port", "0"])
        assert.strictEqual(broken.code, 78)
        assert.match(
          broken.stderr,
          /^edge-worker: \[edge_central\] variables_file: it must be one JSON object/
        )
        assert.notInclude(open.stderr + broken.stderr, "hidden")
      })
  )
})
