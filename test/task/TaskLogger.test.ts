/** What a task logs through Effect, as events of its log. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { LogEvent } from "../../src/protocol/TaskComms.ts"
import { taskLogger } from "../../src/task/TaskLogger.ts"

/** What the program has logged; each event is one that the protocol can carry. */
const logged = (program: Effect.Effect<unknown>) => {
  const events: Array<LogEvent> = []
  return program.pipe(
    Effect.provide(Logger.layer([taskLogger((event) => events.push(event))])),
    Effect.provideService(References.MinimumLogLevel, "All"),
    Effect.map(() =>
      events.map((event) => Schema.decodeUnknownSync(LogEvent)(JSON.parse(JSON.stringify(event))))
    )
  )
}
const only = (program: Effect.Effect<unknown>) =>
  Effect.map(logged(program), ([event, ...more]) => {
    assert.deepStrictEqual(more, [])
    if (event === undefined) throw new Error("nothing was logged")
    return event
  })
const timestamp = "1970-01-01T00:00:00.000Z"

describe("a message", () => {
  it.effect("has a level of the site's", () =>
    Effect.gen(function* () {
      const { logDebug, logError, logFatal, logInfo, logTrace, logWarning } = Effect
      const all = Effect.all([
        logFatal("a"),
        logError("b"),
        logWarning("c"),
        logInfo("d"),
        logDebug("e"),
        logTrace("f")
      ])
      assert.deepStrictEqual(
        (yield* logged(all)).map(({ event, level }) => `${event} ${level}`),
        ["a critical", "b error", "c warning", "d info", "e debug", "f debug"]
      )
    })
  )

  it.effect("is its words, and the fields of the objects in it", () =>
    Effect.gen(function* () {
      const event = yield* only(
        Effect.logInfo("rows", 3, { table: "t", at: new Date(0) }, ["x", 1n], undefined)
      )
      assert.deepStrictEqual(event, {
        timestamp,
        level: "info",
        event: 'rows 3 ["x","1"] undefined',
        table: "t",
        at: timestamp
      })
    })
  )

  it.effect("bears annotations and spans", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        yield* TestClock.adjust("12 millis")
        yield* Effect.logInfo("x")
      }).pipe(
        Effect.withLogSpan("load"),
        Effect.annotateLogs({ table: "t", logger: "my.module", key: Redacted.make("secret") })
      )
      const event = yield* only(program)
      assert.deepStrictEqual(event, {
        timestamp: "1970-01-01T00:00:00.012Z",
        level: "info",
        event: "x",
        logger: "my.module",
        load: "12ms",
        table: "t",
        key: "<redacted>"
      })
    })
  )

  it.effect("is not changed by a key that the line has itself", () =>
    Effect.gen(function* () {
      const program = Effect.logInfo("x", { event: 1 }).pipe(
        Effect.annotateLogs({ timestamp: 2, level: 3, error_detail: 4, logger: 5, __proto__: 6 })
      )
      assert.deepStrictEqual(yield* only(program), {
        timestamp,
        level: "info",
        event: "x",
        event_: 1,
        timestamp_: 2,
        level_: 3,
        error_detail_: 4,
        logger_: 5
      })
    })
  )

  it.effect("with an error or a cause has it as error_detail", () =>
    Effect.gen(function* () {
      const [error, cause, both] = yield* logged(
        Effect.all([
          Effect.logError("failed", new TypeError("a")),
          Effect.logError("failed", Cause.fail(new RangeError("b"))),
          Effect.logError(new TypeError("a"), Cause.die("c"))
        ])
      )
      const types = (event: LogEvent | undefined) =>
        Array.isArray(event?.error_detail) &&
        event.error_detail.map(({ exc_type, exc_value }) => `${exc_type} ${exc_value}`)
      assert.deepStrictEqual(
        [error?.event, types(error), cause?.event, types(cause), both?.event, types(both)],
        ["failed a", ["TypeError a"], "failed", ["RangeError b"], "a", ["string c"]]
      )
    })
  )

  it.effect("can be anything, and is never too much", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.anything({
              withBigInt: true,
              withDate: true,
              withMap: true,
              withSet: true,
              withTypedArray: true
            }),
            { maxLength: 3 }
          ),
          fc.dictionary(fc.string(), fc.anything(), { maxKeys: 3 }),
          (message, annotations) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const event = yield* only(Effect.annotateLogs(Effect.logInfo(...message), annotations))
                assert.strictEqual(event.level, "info")
                assert.isBelow(JSON.stringify(event).length, 100_000)
              })
            )
        ),
        { numRuns: 300 }
      )
    )
  )

  it.effect("that goes round in circles or throws when it is read does not end the task", () =>
    Effect.gen(function* () {
      const circle: Record<string, unknown> = { a: 1 }
      circle["self"] = { circle }
      const hostile = {
        get x() {
          throw new Error("no")
        },
        toJSON() {
          throw new Error("no")
        }
      }
      const event = yield* only(
        Effect.logInfo({ circle, hostile, f: () => 1, list: Array.from({ length: 5_000 }, () => 0) })
      )
      assert.deepStrictEqual(event["circle"], { a: 1, self: { circle: "(circular)" } })
      assert.strictEqual(event["hostile"], "(cannot be shown)")
      assert.strictEqual(event["f"], "[function f]")
      assert.strictEqual((event["list"] as ReadonlyArray<unknown>).at(-1), "4900 more")
    })
  )
})
