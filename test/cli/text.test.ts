import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { currentUser, maintenanceComment } from "../../src/cli/maintenanceComment.ts"
import { separate } from "../../src/cli/shortFlags.ts"
import { version } from "../../src/cli/version.ts"
import * as WorkerLog from "../../src/cli/WorkerLog.ts"

describe("shortFlags", () => {
  it("takes glued values apart as argparse does", () => {
    const cases = [
      ["-c4", "-c", "4"],
      ["-Dvc4", "-Dvc", "4"],
      ["-Dc", "-Dc"],
      ["-qa,b", "-q", "a,b"],
      ["-c=4", "-c=4"],
      ["-wc", "-wc"],
      ["--pid", "--pid"],
      ["-", "-"],
      ["-4", "-4"]
    ]
    for (const [given = "", ...expected] of cases) assert.deepStrictEqual(separate([given]), expected)
    assert.deepStrictEqual(separate(["-c4", "--", "-c4"]), ["-c", "4", "--", "-c4"])
  })
})

describe("maintenanceComment", () => {
  it("is edge3's text, in local time", () => {
    assert.strictEqual(
      maintenanceComment(new Date(2026, 0, 2, 3, 4), "anna", "why\nnot"),
      "[2026-01-02 03:04] - anna put node into maintenance mode via cli\nComment: why\nnot"
    )
  })

  it("finds the user as getpass does", () => {
    assert.strictEqual(currentUser({ LOGNAME: "", USER: "bob", USERNAME: "eve" }), "bob")
    assert.isNotEmpty(currentUser({}))
  })
})

describe("version", () => {
  it("is the package's", () => {
    const file = join(import.meta.dirname, "../../package.json")
    assert.strictEqual(version, JSON.parse(readFileSync(file, "utf8")).version)
  })
})

describe("WorkerLog", () => {
  const logged = (terminal: boolean, colour: boolean, effect: Effect.Effect<void>) =>
    Effect.gen(function* () {
      let text = ""
      const sink = {
        write: (line: string) => {
          text += line
        },
        reopen: () => {}
      }
      yield* TestClock.setTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))
      yield* effect.pipe(Effect.provide(WorkerLog.layer({ sink, level: "Info", terminal, colour })))
      return text
    })

  it.effect("is one line an event, whatever a message contains", () =>
    Effect.gen(function* () {
      const text = yield* logged(
        false,
        false,
        Effect.logWarning("two\nlines \x1b[2J", { a: "b c", d: 'say "x"', n: 1, none: undefined }).pipe(
          Effect.annotateLogs("job", "dag.task")
        )
      )
      assert.strictEqual(
        text,
        '2026-01-02T03:04:05.006Z WARN  two\\nlines \\x1b[2J a="b c" d="say \\"x\\"" n=1 job=dag.task\n'
      )
    })
  )

  it.effect("keeps a cause on the line, and on a terminal below it", () =>
    Effect.gen(function* () {
      const effect = Effect.sandbox(Effect.die("boom")).pipe(
        Effect.catch((cause) => Effect.logError("failed", cause))
      )
      const plain = yield* logged(false, false, effect)
      assert.lengthOf(plain.trimEnd().split("\n"), 1)
      assert.include(plain, "boom")
      const terminal = yield* logged(true, true, effect)
      assert.match(terminal.replaceAll("\x1b", "ESC"), /^\d\d:\d\d:\d\d ESC\[31mERRORESC\[0m failed\n {4}/)
    })
  )

  it.effect("leaves out what is below the level", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* logged(false, false, Effect.logDebug("no")), "")
      assert.strictEqual(WorkerLog.levelOf("WARNING", false), "Warn")
      assert.strictEqual(WorkerLog.levelOf("WARNING", true), "Debug")
      assert.strictEqual(WorkerLog.levelOf("nonsense", false), "Info")
    })
  )
})
