import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { hold, readPid } from "../../src/platform/PidFile.ts"
import { identify, isAlive, mayBeWorker } from "../../src/platform/ProcessIdentity.ts"

const file = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  ),
  (folder) => join(folder, "worker.pid")
)

/** A process whose command line reads `argv0 …`. */
const process_ = (argv0: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn("sleep", ["60"], { argv0, stdio: "ignore" })
      await once(child, "spawn")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("PidFile", () => {
  it.effect("holds our pid as Python reads it, and is gone after", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.scoped(
        Effect.andThen(
          hold(path),
          Effect.sync(() => assert.strictEqual(readFileSync(path, "utf8"), `${process.pid}\n`))
        )
      )
      assert.isFalse(existsSync(path))
    })
  )

  it.live("a living worker's is refused; it stays", () =>
    Effect.gen(function* () {
      const path = yield* file
      const other = yield* process_("airflow edge worker: other")
      writeFileSync(path, `${other.pid}\n`)
      const error = yield* Effect.flip(Effect.scoped(hold(path)))
      assert.include(error.message, `names the worker with pid ${other.pid}`)
      assert.strictEqual(readPid(path), other.pid)
    })
  )

  it.live("one that names a living process of another kind, ourselves, nobody or nothing is replaced", () =>
    Effect.gen(function* () {
      const path = yield* file
      const other = yield* process_("postgres")
      for (const content of [`${other.pid}\n`, `${process.pid}\n`, "4194304\n", "", "x"]) {
        writeFileSync(path, content)
        yield* Effect.scoped(
          Effect.andThen(
            hold(path),
            Effect.sync(() => assert.strictEqual(readPid(path), process.pid))
          )
        )
      }
    })
  )

  it.effect("a file that was taken over meanwhile is left alone", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.scoped(
        Effect.andThen(
          hold(path),
          Effect.sync(() => writeFileSync(path, "1\n"))
        )
      )
      assert.strictEqual(readPid(path), 1)
    })
  )
})

describe("ProcessIdentity", () => {
  it.live("tells a process from a later one with its pid, and a dead one from a living", () =>
    Effect.gen(function* () {
      const child = yield* process_("one two) S 3")
      const identity = identify(child.pid ?? 0)
      assert.isDefined(identity)
      if (identity === undefined) return
      assert.isTrue(isAlive(identity))
      assert.isFalse(isAlive({ pid: identity.pid, startTime: "1" }))
      yield* Effect.promise(async () => {
        child.kill("SIGKILL")
        await once(child, "exit")
      })
      assert.isFalse(isAlive(identity))
      assert.strictEqual(identify(-1), undefined)
      assert.strictEqual(identify(Number.NaN), undefined)
    })
  )

  it.live("knows a worker by its title or its command line", () =>
    Effect.gen(function* () {
      for (const [argv0, expected] of [
        ["airflow edge worker: x", true],
        ["/venv/bin/python /venv/bin/airflow edge worker", true],
        ["node /x/out/edge-worker.cjs", true],
        ["nginx: worker process", false]
      ] as const) {
        const child = yield* process_(argv0)
        assert.strictEqual(mayBeWorker(child.pid ?? 0), expected, argv0)
      }
    })
  )
})
