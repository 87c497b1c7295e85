import { resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { check, type WorkerFlags } from "../../src/cli/workerOptions.ts"

const flags = (changes: Partial<Record<keyof WorkerFlags, string>>): WorkerFlags => {
  const text = (name: keyof WorkerFlags) => Option.fromNullishOr(changes[name])
  return {
    concurrency: text("concurrency"),
    queues: text("queues"),
    teamName: text("teamName"),
    edgeHostname: text("edgeHostname"),
    pid: text("pid"),
    verbose: false,
    daemon: false,
    stdout: text("stdout"),
    stderr: text("stderr"),
    logFile: text("logFile"),
    umask: text("umask"),
    taskProgram: Option.none(),
    python: text("python")
  }
}

const problems = (changes: Parameters<typeof flags>[0]) =>
  Effect.map(Effect.flip(check(flags(changes))), (error) => error.problems)

describe("workerOptions", () => {
  it.effect("leaves to the configuration what is not given", () =>
    Effect.gen(function* () {
      const options = yield* check(flags({}))
      assert.strictEqual(options.queues, null)
      assert.strictEqual(options.concurrency, undefined)
      assert.strictEqual(options.name, undefined)
    })
  )

  it.effect("paths become absolute, a bare python stays for the PATH, a repeated queue counts once", () =>
    Effect.gen(function* () {
      const options = yield* check(
        flags({ pid: "a.pid", python: "python3.12", queues: "a, b,a", umask: "0o027", concurrency: "4" })
      )
      assert.strictEqual(options.pidFile, resolve("a.pid"))
      assert.strictEqual(options.python, "python3.12")
      assert.deepStrictEqual(options.queues, ["a", "b"])
      assert.strictEqual(options.umask, 0o027)
      assert.strictEqual(options.concurrency, 4)
    })
  )

  it.effect("takes what just fits the site's columns, and no more", () =>
    Effect.gen(function* () {
      const longest = "q".repeat(252)
      assert.deepStrictEqual((yield* check(flags({ queues: longest }))).queues, [longest])
      assert.include((yield* problems({ queues: `${longest}q` }))[0], "these take 257")
      assert.lengthOf(yield* problems({ queues: "q".repeat(257) }), 2)
      assert.strictEqual((yield* check(flags({ edgeHostname: "ä".repeat(64) }))).name, "ä".repeat(64))
      assert.lengthOf(yield* problems({ edgeHostname: "ä".repeat(65) }), 1)
    })
  )

  it.effect("refuses each wrong value with its flag", () =>
    Effect.gen(function* () {
      for (const concurrency of ["0", "-1", "2.5", "x", "", "1e3"]) {
        assert.include((yield* problems({ concurrency }))[0], "--concurrency")
      }
      for (const umask of ["8", "1000", "x", ""]) assert.include((yield* problems({ umask }))[0], "--umask")
      for (const edgeHostname of ["", "a/b", ".", ".."]) assert.lengthOf(yield* problems({ edgeHostname }), 1)
      assert.include((yield* problems({ queues: "" }))[0], "leave the flag out")
      assert.include((yield* problems({ teamName: " " }))[0], "--team-name")
    })
  )
})
