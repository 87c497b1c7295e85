/** The log of an attempt: form, levels, order, bounds, and what happens when the disk is full. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { EdgeConfig, type EdgeSettings } from "../../../src/config/EdgeConfig.ts"
import { parseNamespaceLevels } from "../../../src/config/namespaceLevels.ts"
import { LogAppender, LogNotWritten } from "../../../src/platform/LogAppender.ts"
import type { TaskInstance } from "../../../src/protocol/Job.ts"
import { attemptMasker } from "../../../src/runner/attempt/attemptMasker.ts"
import { type SecretsMasker, secretsMasker } from "../../../src/runner/attempt/SecretsMasker.ts"
import { openTaskLog } from "../../../src/runner/attempt/TaskLog.ts"
import { testSettings } from "../../../src/testing/settings.ts"

const ti: TaskInstance = {
  id: "01a20538-41c1-7462-9701-dbc18f353eea",
  dag_id: "d",
  run_id: "r",
  task_id: "t",
  try_number: 2,
  dag_version_id: "v",
  map_index: 3,
  pool_slots: 1,
  priority_weight: 1
}
const names = {
  logger: "task",
  ti_id: ti.id,
  dag_id: "d",
  run_id: "r",
  task_id: "t",
  try_number: 2,
  map_index: 3
}
const epoch = "1970-01-01T00:00:00.000Z"

/** A disk that a test can fill up or hold. */
class Disk {
  text = ""
  writes = 0
  full = false
  held: Effect.Effect<void> = Effect.void
  readonly layer = Layer.succeed(LogAppender, {
    open: (file) =>
      Effect.succeed({
        append: (lines: string) =>
          Effect.andThen(
            Effect.suspend(() => this.held),
            Effect.suspend(() => {
              if (this.full) return Effect.fail(new LogNotWritten({ file, reason: "ENOSPC" }))
              this.text += lines
              this.writes += 1
              return Effect.void
            })
          )
      })
  })
  get lines(): ReadonlyArray<Record<string, unknown>> {
    return this.text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  }
}

const open = (disk: Disk, settings: Partial<EdgeSettings> = {}, masker?: SecretsMasker) =>
  openTaskLog({ file: "/logs/a.log", ti, masker: masker ?? attemptMasker(testSettings()) }).pipe(
    Effect.provide(Layer.merge(disk.layer, Layer.succeed(EdgeConfig, testSettings(settings))))
  )

describe("a line", () => {
  it.effect("of the task begins with time, level and event, and names the try", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const log = yield* open(disk)
      const timestamp = "2026-11-22T21:42:35.477736Z"
      yield* log.write({ event: "hello", level: "warning", timestamp, rows: 7, logger: "mine" })
      yield* log.flush
      assert.strictEqual(
        disk.text,
        `{"timestamp":"${timestamp}","level":"warning","event":"hello","logger":"mine","ti_id":"${ti.id}","dag_id":"d","run_id":"r","task_id":"t","try_number":2,"map_index":3,"rows":7}\n`
      )
    })
  )

  it.effect(
    "of its output is one of Airflow's loggers task.stdout and task.stderr, without its blank end",
    () =>
      Effect.gen(function* () {
        const disk = new Disk()
        const log = yield* open(disk)
        yield* log.wrote("stdout", "  out \t\r")
        yield* log.wrote("stderr", "::group::err\u00a0")
        yield* log.wrote("stdout", "")
        yield* log.say("error", "Process exited abnormally", { exit_code: 1 })
        yield* log.flush
        const timestamp = epoch
        assert.deepStrictEqual(disk.lines, [
          { timestamp, level: "info", event: "  out", logger: "task.stdout" },
          { timestamp, level: "error", event: "::group::err\u00a0", logger: "task.stderr" },
          { timestamp, level: "info", event: "", logger: "task.stdout" },
          {
            timestamp,
            level: "error",
            event: "Process exited abnormally",
            ...names,
            logger: "task",
            exit_code: 1
          }
        ])
      })
  )

  it.effect("keeps what the task says about a key of ours, and takes our time for one that is none", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const log = yield* open(disk)
      for (const timestamp of [
        "yesterday",
        5,
        undefined,
        "2026-13-01T00:00:00Z",
        "2026-11-22T21:42:35+02:00"
      ])
        yield* log.write({ event: null, level: "info", timestamp, task_id: "theirs" })
      yield* log.flush
      assert.deepStrictEqual(
        disk.lines.map(({ timestamp }) => timestamp),
        [epoch, epoch, epoch, epoch, "2026-11-22T21:42:35+02:00"]
      )
      assert.strictEqual(disk.lines[0]?.["task_id"], "theirs")
      assert.strictEqual(disk.lines[0]?.["event"], "")
    })
  )

  it.effect("with an error has it in the form that the site's page can show, or under another name", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const log = yield* open(disk)
      const frames = [{ filename: "/a.ts", lineno: 3, name: "f" }]
      const stack = {
        exc_type: "E",
        exc_value: "v",
        exc_notes: [],
        syntax_error: null,
        is_cause: false,
        frames
      }
      const whole = { ...stack, is_group: false, exceptions: [] }
      yield* log.write({ event: "a", level: "error", exception: [stack] })
      yield* log.write({
        event: "b",
        level: "error",
        error_detail: [{ ...whole, is_group: true, exceptions: [[stack]] }]
      })
      // the page calls `map` on the list and on its frames, and shows nothing at all where they are none
      for (const wrong of ["text", { frames }, [], [{ exc_type: "E" }], [{ frames: "x" }], ["x"]])
        yield* log.write({ event: "c", level: "error", error_detail: wrong })
      yield* log.flush
      const [first, second, ...others] = disk.lines
      assert.deepStrictEqual(first?.["error_detail"], [whole])
      assert.deepStrictEqual(second?.["error_detail"], [{ ...whole, is_group: true, exceptions: [[whole]] }])
      for (const line of others) assert.isFalse("error_detail" in line)
      assert.deepStrictEqual(
        others.map(({ exception }) => exception),
        ["text", { frames }, [], [{ exc_type: "E" }], [{ frames: "x" }], ["x"]]
      )
    })
  )
})

describe("levels", () => {
  const levelsOf = (settings: Partial<EdgeSettings>) =>
    Effect.gen(function* () {
      const disk = new Disk()
      const log = yield* open(disk, settings)
      for (const level of [
        "critical",
        "fatal",
        "exception",
        "error",
        "warn",
        "warning",
        "info",
        "debug",
        "notset",
        "Info",
        "x",
        ""
      ])
        yield* log.write({ event: level, level, logger: "a.b.c" })
      yield* log.wrote("stdout", "out")
      yield* log.wrote("stderr", "err")
      yield* log.flush
      return disk.lines.map(({ event, level }) => `${event} ${level}`)
    })
  const upTo = [
    "critical critical",
    "fatal critical",
    "exception error",
    "error error",
    "warn warning",
    "warning warning"
  ]

  it.effect("are those of Airflow; a line of another one is not written", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* levelsOf({ loggingLevel: "DEBUG" }), [
        ...upTo,
        "info info",
        "debug debug",
        "out info",
        "err error"
      ])
    })
  )

  it.effect("are filtered, the task's output too", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* levelsOf({ loggingLevel: "WARNING" }), [...upTo, "err error"])
      assert.deepStrictEqual(yield* levelsOf({ loggingLevel: "CRITICAL" }), upTo.slice(0, 2))
    })
  )

  it.effect("of a namespace hold for what begins with it, the longest first", () =>
    Effect.gen(function* () {
      const namespaceLevels = parseNamespaceLevels("a=CRITICAL, a.b=DEBUG a.b.cd=critical task=error")
      assert.deepStrictEqual(yield* levelsOf({ namespaceLevels }), [
        ...upTo,
        "info info",
        "debug debug",
        "err error"
      ])
    })
  )

  it("that cannot be read are not used", () => {
    const { levels, wrong } = parseNamespaceLevels(" a=DEBUG,b ,=INFO\tc=LOUD d=x=INFO e=NotSet ")
    assert.deepStrictEqual(
      [...levels],
      [
        ["a", 10],
        ["e", 0]
      ]
    )
    assert.deepStrictEqual(wrong, ["b", "=INFO", "c=LOUD", "d=x=INFO"])
  })
})

describe("the file", () => {
  it.effect("has all lines in order when the scope has ended, whatever the disk does meanwhile", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const scope = yield* Scope.make()
      const log = yield* Scope.provide(open(disk), scope)
      const gate = yield* Deferred.make<void>()
      disk.held = Deferred.await(gate)
      for (let at = 0; at < 1_000; at++) yield* log.wrote("stdout", `line ${at}`)
      const closed = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(closed)
      assert.deepStrictEqual(
        disk.lines.map(({ event }) => event),
        Array.from({ length: 1_000 }, (_, at) => `line ${at}`)
      )
      // what came while one write was under way is the next one
      assert.isAtMost(disk.writes, 3)
    })
  )

  it.effect("is written without anybody asking, and without waiting for more", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const log = yield* open(disk)
      yield* log.wrote("stdout", "seen")
      yield* TestClock.adjust("0 millis")
      assert.strictEqual(disk.lines.length, 1)
    })
  )

  it.effect("that takes nothing makes the writer of many lines wait, and go on afterwards", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const log = yield* open(disk)
      const gate = yield* Deferred.make<void>()
      disk.held = Deferred.await(gate)
      let written = 0
      const line = "x".repeat(100_000)
      const writing = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 100 }),
          () =>
            Effect.andThen(
              log.say("info", line),
              Effect.sync(() => written++)
            ),
          { discard: true }
        )
      )
      yield* TestClock.adjust("1 minute")
      assert.isAbove(written, 30)
      assert.isBelow(written, 60)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(writing)
      yield* log.flush
      assert.strictEqual(disk.lines.length, 100)
    })
  )

  it.effect("of a full disk ends nothing: the worker says it once, the log itself afterwards", () => {
    const said: Array<string> = []
    return Effect.gen(function* () {
      const disk = new Disk()
      const log = yield* open(disk)
      disk.full = true
      for (const line of ["a", "b", "c"]) {
        yield* log.wrote("stdout", line)
        yield* log.flush
      }
      assert.deepStrictEqual(said, ["lines of /logs/a.log are lost; its attempt goes on: ENOSPC"])
      disk.full = false
      yield* log.wrote("stdout", "d")
      yield* log.flush
      assert.deepStrictEqual(
        disk.lines.map(({ event, level }) => `${level} ${event}`),
        ["warning 3 lines are missing here: the disk did not take them", "info d"]
      )
    }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])))
  })
})

describe("a defect", () => {
  it.effect("of whoever writes the file, or in a line, ends no attempt", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const log = yield* open(disk)
      disk.held = Effect.die("broken")
      yield* log.wrote("stdout", "lost")
      yield* log.flush
      disk.held = Effect.void
      const thrower = {
        get x(): never {
          throw new Error("no")
        }
      }
      yield* log.write({ level: "info", event: "e", thrower })
      yield* log.wrote("stdout", "kept")
      yield* log.flush
      assert.deepStrictEqual(
        disk.lines.map(({ event }) => event),
        [
          "1 lines are missing here: the disk did not take them",
          "a line of the log could not be written: Error: no",
          "kept"
        ]
      )
    })
  )
})

describe("a very long line of output", () => {
  it.effect("shows no part of a secret, wherever it lies and wherever the line was cut before", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const masker = secretsMasker({ hideSensitiveFields: true, sensitiveNames: [], minLength: 5 })
      const secret = "0123456789".repeat(50)
      masker.add(secret)
      const log = yield* open(disk, {}, masker)
      const read = 384 * 1024
      const places = [0, 65_036, 65_100, 65_500, 65_535, 65_536, read - secret.length, read - 250, read - 1]
      for (const at of places)
        yield* log.wrote("stdout", ("x".repeat(at) + secret + "x".repeat(read)).slice(0, read))
      yield* log.flush
      assert.strictEqual(disk.lines.length, places.length)
      for (const { event } of disk.lines) {
        assert.match(String(event), /^[x*]{65000,65540}… \(\d+ characters\)$/)
      }
    })
  )
})

describe("a hostile line", () => {
  it.effect("is bounded, and still a line of JSON", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const log = yield* open(disk)
      const deep = JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`)
      const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`k${at}`, at]))
      const error = {
        exc_type: "E",
        exc_value: "v".repeat(1e6),
        frames: Array.from({ length: 1e5 }, () => ({}))
      }
      const nested = Array.from({ length: 1_000 }).reduce<unknown>(
        (inner) => [{ ...error, frames: [], exceptions: [inner, inner] }],
        [error]
      )
      yield* log.wrote("stdout", "x".repeat(10_000_000))
      yield* log.write({
        event: "x".repeat(10_000_000),
        level: "info",
        ["k".repeat(1e6)]: "v".repeat(1e7),
        deep,
        wide
      })
      yield* log.write({ event: "nul \0 and half \ud83d", level: "info", "\ud83d": "\udd11" })
      yield* log.write({ event: { deep }, level: "error", exception: [error, error], error_detail: "x" })
      yield* log.write({ event: "e", level: "error", exception: nested })
      yield* log.write({ event: "e", level: "info", __proto__: "x", constructor: 5, toString: "x" })
      yield* log.write({ event: "e", level: "info", ...wide })
      yield* log.write(JSON.parse('{"level":"info","event":"p","__proto__":{"level":"debug"}}'))
      yield* log.flush
      const sizes = disk.text.split("\n").map((line) => line.length)
      assert.isAtMost(Math.max(...sizes), 1_100_000)
      assert.strictEqual(disk.lines.length, 8)
      assert.strictEqual(disk.lines[2]?.["event"], "nul \0 and half \ufffd")
      assert.isFalse(disk.text.includes("\0"))
      assert.isFalse(/\\ud83d|\\udd11/.test(disk.text))
      assert.strictEqual(disk.lines[7]?.["event"], "p")
    })
  )
})

describe("no secret that the attempt knows is in the file", () => {
  it.effect("whatever is logged, and in which way", () => {
    const secret = fc
      .oneof(
        fc.string({ minLength: 5, maxLength: 14 }),
        fc.string({ unit: "grapheme", minLength: 5, maxLength: 8 }),
        fc.string({ unit: fc.constantFrom("a", "b", "\n", '"', "\\"), minLength: 5, maxLength: 8 })
      )
      // The keys and words of a line itself are no secret; neither is what masking makes.
      .filter((text) => !/[*…]/.test(text) && /[^a-z_.\s]/.test(text) && !/^[\d:.TZ-]+$/.test(text))
    const given = fc.array(secret, { minLength: 1, maxLength: 3 }).chain((secrets) => {
      const text = fc
        .array(
          fc.oneof(fc.constantFrom(...secrets), fc.string({ maxLength: 3 }), fc.constantFrom(" ", "eyJ")),
          { maxLength: 5 }
        )
        .map((parts) => parts.join(""))
      const { value } = fc.letrec<{ value: unknown }>((tie) => ({
        value: fc.oneof(
          { maxDepth: 8 },
          text,
          fc.array(tie("value"), { maxLength: 3 }),
          fc.dictionary(text, tie("value"), { maxKeys: 3 })
        )
      }))
      const frame = fc.record({ filename: text, lineno: fc.nat(), name: text })
      const stack = fc.record({
        exc_type: text,
        exc_value: text,
        exc_notes: fc.array(text, { maxLength: 2 }),
        frames: fc.array(frame, { maxLength: 2 })
      })
      const line = fc.oneof(
        fc.record({ stream: fc.constantFrom("stdout" as const, "stderr" as const), line: text }),
        fc.record({
          event: fc.oneof(text, value),
          level: fc.constantFrom("info", "error"),
          timestamp: fc.oneof(text, fc.constant("2026-11-22T21:42:35Z")),
          logger: fc.oneof(text, value),
          exception: fc.oneof(value, fc.array(stack, { minLength: 1, maxLength: 2 }), fc.constant(undefined)),
          more: value
        })
      )
      return fc.record({
        secrets: fc.constant(secrets),
        lines: fc.array(line, { minLength: 1, maxLength: 5 })
      })
    })
    const holds = (value: unknown, secret: string): boolean =>
      typeof value === "string"
        ? value.includes(secret)
        : typeof value === "object" && value !== null
          ? Object.entries(value).some(
              ([key, of]) => holds(of, secret) || (!Array.isArray(value) && holds(key, secret))
            )
          : false
    return Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(given, ({ lines, secrets }) =>
          Effect.gen(function* () {
            const disk = new Disk()
            const masker = secretsMasker({ hideSensitiveFields: true, sensitiveNames: [], minLength: 5 })
            for (const secret of secrets) masker.add(secret)
            const log = yield* open(disk, {}, masker)
            for (const line of lines)
              yield* "stream" in line ? log.wrote(line.stream, line.line) : log.write(line)
            yield* log.flush
            const known = secrets.filter((of) => [...of].length >= 5)
            assert.strictEqual(disk.lines.length, lines.length)
            for (const secret of known)
              for (const { timestamp: _, ...line } of disk.lines) assert.isFalse(holds(line, secret), secret)
          }).pipe(Effect.scoped, Effect.runPromise)
        ),
        { numRuns: 200 }
      )
    )
  })
})
