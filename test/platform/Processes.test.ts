/** Processes: what is started outlives its scope, is known again, and a tree is removed whatever it does. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Processes } from "../../src/platform/Processes.ts"
import { identify } from "../../src/platform/ProcessIdentity.ts"
import { type Moment, members, moment, row } from "../../src/platform/ProcessTable.ts"
import { until } from "../runner/until.ts"

const scratch = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-processes-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** Starts `sh -c SCRIPT` in the folder; killed with the test, if it is still there. */
const sh = Effect.fnUntraced(function* (
  folder: string,
  script: string,
  env: Readonly<Record<string, string>> = {}
) {
  const processes = yield* Processes
  return yield* Effect.acquireRelease(
    processes.spawn({
      command: "/bin/sh",
      args: ["-c", script],
      env: { PATH: process.env["PATH"] ?? "", ...env },
      cwd: folder,
      stdout: join(folder, "stdout"),
      stderr: join(folder, "stderr")
    }),
    (started) => processes.signal(started, "SIGKILL")
  )
})

const pidIn = (file: string) =>
  until(() =>
    existsSync(file) ? Number(/^\d+(?=\n)/.exec(readFileSync(file, "utf8"))?.[0]) || undefined : undefined
  )

const live = (title: string, body: Effect.Effect<void, unknown, Processes | import("effect/Scope").Scope>) =>
  it.live(title, () => Effect.provide(body, Processes.layer))

describe("Processes", () => {
  live(
    "starts a process in a session of its own, with exactly the given environment, and its output in files",
    Effect.gen(function* () {
      const folder = yield* scratch
      const started = yield* sh(folder, "env; echo oops >&2; exit 3", { ONLY: "this" })
      assert.strictEqual(row(started.pid)?.session, started.pid)
      assert.deepStrictEqual(yield* started.ended, { code: 3 })
      const seen = readFileSync(join(folder, "stdout"), "utf8")
      assert.include(seen, "ONLY=this\n")
      assert.notInclude(seen, "HOME=")
      assert.strictEqual(readFileSync(join(folder, "stderr"), "utf8"), "oops\n")
    })
  )

  live(
    "tells the signal that ended a process, and gives it the text for its input",
    Effect.gen(function* () {
      const folder = yield* scratch
      const { spawn } = yield* Processes
      const files = { stdout: join(folder, "out"), stderr: join(folder, "err") }
      const cat = yield* spawn({ command: "/bin/cat", args: [], env: {}, stdin: "some text", ...files })
      assert.deepStrictEqual(yield* cat.ended, { code: 0 })
      assert.strictEqual(readFileSync(files.stdout, "utf8"), "some text")
      const killed = yield* spawn({ command: "/bin/sh", args: ["-c", "kill -9 $$"], env: {}, ...files })
      assert.deepStrictEqual(yield* killed.ended, { signal: "SIGKILL" })
    })
  )

  live(
    "names what cannot be started",
    Effect.gen(function* () {
      const folder = yield* scratch
      const { spawn } = yield* Processes
      const files = { stdout: join(folder, "out"), stderr: join(folder, "err") }
      const error = yield* Effect.flip(spawn({ command: "/no/such/program", args: [], env: {}, ...files }))
      assert.include(error.message, "/no/such/program could not be started")
    })
  )

  live(
    "a pid that another process has by now is not the one that was meant",
    Effect.gen(function* () {
      const folder = yield* scratch
      const processes = yield* Processes
      const started = yield* sh(folder, "exec sleep 1000")
      const earlier = { pid: started.pid, startTime: "1" }
      assert.isFalse(yield* processes.isAlive(earlier))
      assert.isFalse(yield* processes.signal(earlier, "SIGKILL"))
      yield* processes.killTree({ root: earlier, mark: "EDGE_WORKER_JOB=nobody" })
      yield* processes.awaitGone(earlier)
      assert.isTrue(yield* processes.isAlive(started))
    })
  )

  live(
    "kills descendants, what runs in other sessions, and what lost its parents",
    Effect.gen(function* () {
      const folder = yield* scratch
      const processes = yield* Processes
      const stubborn = (file: string) =>
        `sh -c "trap '' TERM; echo \\$\\$ > ${file}; while :; do sleep 1; done"`
      const script =
        `${stubborn("child")} & setsid ${stubborn("session")} & (setsid ${stubborn("orphan")} &) ; ` +
        "trap '' TERM; while :; do sleep 1; done"
      const root = yield* sh(folder, script, { EDGE_WORKER_JOB: "doomed" })
      const pids = yield* Effect.forEach(["child", "session", "orphan"], (name) => pidIn(join(folder, name)))
      const other = yield* sh(folder, "exec sleep 1000", { EDGE_WORKER_JOB: "doomed-not" })
      const refused = yield* processes.killTree({ root, mark: "EDGE_WORKER_JOB=doomed" })
      assert.deepStrictEqual(refused, [])
      assert.deepStrictEqual(
        [root.pid, ...pids].filter((pid) => identify(pid) !== undefined),
        []
      )
      assert.isTrue(yield* processes.isAlive(other))
    })
  )

  live(
    "kills what the supervisor left behind in its session after it has ended",
    Effect.gen(function* () {
      const folder = yield* scratch
      const processes = yield* Processes
      const root = yield* sh(
        folder,
        "(trap '' TERM; sh -c 'echo $PPID > left'; while :; do sleep 1; done) & exit 0"
      )
      yield* root.ended
      const left = yield* pidIn(join(folder, "left"))
      yield* Effect.addFinalizer(() =>
        Effect.flatMap(processes.identify(left), (found) =>
          found === undefined ? Effect.void : processes.signal(found, "SIGKILL")
        )
      )
      assert.isDefined(identify(left))
      yield* processes.killTree({ root, mark: "EDGE_WORKER_JOB=unmarked" })
      assert.isUndefined(identify(left))
    })
  )

  live(
    "kills a tree that starts new processes all the time",
    Effect.gen(function* () {
      const folder = yield* scratch
      const processes = yield* Processes
      const fork = "while :; do sh -c 'echo $$ > last; exec sleep 1000' & sleep 0.01; done"
      const root = yield* sh(folder, fork, { EDGE_WORKER_JOB: "busy" })
      yield* pidIn(join(folder, "last"))
      yield* processes.killTree({ root, mark: "EDGE_WORKER_JOB=busy" })
      assert.deepStrictEqual(members({ root, mark: "EDGE_WORKER_JOB=busy", known: new Map() }), [])
    })
  )

  live(
    "looks only at what was started since, for as long as process ids tell that",
    Effect.gen(function* () {
      const folder = yield* scratch
      const before = moment()
      const root = yield* sh(folder, "setsid sh -c 'echo $$ > last; exec sleep 1000' & exec sleep 1000")
      const child = yield* pidIn(join(folder, "last"))
      const after = moment()
      const found = (since: Moment | undefined) =>
        members({ root, mark: "EDGE_WORKER_JOB=none", known: new Map(), since })
          .map(({ pid }) => pid)
          .toSorted((one, other) => one - other)
      const both = [root.pid, child].toSorted((one, other) => one - other)
      assert.deepStrictEqual(found(before), both)
      assert.deepStrictEqual(found(after), [root.pid])
      assert.deepStrictEqual(found(undefined), both)
      // Then the numbers may have begun anew.
      assert.deepStrictEqual(found({ ...after, at: after.at - 60_000 }), both)
      assert.deepStrictEqual(found({ ...after, lastPid: 2 ** 22 }), both)
      // A kernel that does not tell.
      assert.deepStrictEqual(found({ ...after, lastPid: undefined }), both)
    })
  )

  live(
    "takes no thread for a process",
    Effect.gen(function* () {
      const folder = yield* scratch
      const before = moment()
      const code =
        "new (require('worker_threads').Worker)('console.log(process.pid); setInterval(() => {}, 1000)', { eval: true })"
      const root = yield* sh(folder, `exec "${process.execPath}" -e "${code}"`)
      yield* pidIn(join(folder, "stdout"))
      const found = members({ root, mark: "EDGE_WORKER_JOB=none", known: new Map(), since: before })
      assert.deepStrictEqual(
        found.map(({ pid }) => pid),
        [root.pid]
      )
    })
  )

  live(
    "never touches this process, although it carries the mark",
    Effect.gen(function* () {
      const mark = `PATH=${process.env["PATH"]}`
      const own = members({ root: undefined, mark, known: new Map() }).map((one) => one.pid)
      assert.notInclude(own, process.pid)
      assert.notInclude(own, process.ppid)
    })
  )
})
