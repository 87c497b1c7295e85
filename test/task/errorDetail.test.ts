/** Errors of every kind as the site's page shows them. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { type ErrorStack, errorDetail } from "../../src/task/errorDetail.ts"
import { stackFrames } from "../../src/task/stackFrames.ts"

const first = (error: unknown): ErrorStack => {
  const [found] = errorDetail(error)
  if (found === undefined) throw new Error("no error_detail")
  return found
}
const short = (error: unknown) =>
  errorDetail(error).map(({ exc_type, exc_value }) => `${exc_type}: ${exc_value}`)

describe("an error", () => {
  it("has its class, message and calls, the failing one last", () => {
    const inner = () => new RangeError("too far")
    const outer = () => inner()
    const found = first(outer())
    assert.strictEqual(found.exc_type, "RangeError")
    assert.strictEqual(found.exc_value, "too far")
    assert.deepStrictEqual(
      found.frames.slice(-2).map(({ name }) => name),
      ["outer", "inner"]
    )
    for (const { filename, lineno } of found.frames.slice(-2)) {
      assert.strictEqual(filename, import.meta.filename)
      assert.isAbove(lineno, 10)
    }
    assert.deepStrictEqual(
      [found.exc_notes, found.syntax_error, found.is_cause, found.is_group, found.exceptions],
      [[], null, false, false, []]
    )
  })

  it("goes by the name of its class or its tag", () => {
    class Unnamed extends Error {}
    class Tagged extends Data.TaggedError("Tagged")<{ readonly table: string; readonly rows: number }> {}
    class Told extends Schema.TaggedError<Told>()("Told", { table: Schema.String }) {
      override get message() {
        return `no ${this.table}`
      }
    }
    assert.deepStrictEqual(short(new Unnamed("a")), ["Unnamed: a"])
    assert.deepStrictEqual(short(new Tagged({ table: "t", rows: 3 })), ['Tagged: {"table":"t","rows":3}'])
    assert.deepStrictEqual(short(new Told({ table: "t" })), ["Told: no t"])
    assert.deepStrictEqual(first(new Told({ table: "t" })).exc_notes, ["table: t"])
    const failed = Object.assign(new Error("x"), { code: "ENOENT", name: "IoError" })
    assert.deepStrictEqual([first(failed).exc_type, first(failed).exc_notes], ["IoError", ["code: ENOENT"]])
  })

  it("is followed by its causes", () => {
    const error = new Error("a", { cause: new TypeError("b", { cause: "c" }) })
    assert.deepStrictEqual(short(error), ["Error: a", "TypeError: b", "string: c"])
    assert.deepStrictEqual(
      errorDetail(error).map(({ is_cause }) => is_cause),
      [false, true, true]
    )
  })

  it("without end is cut: its causes, its message, its calls", () => {
    const ring: Error & { cause?: unknown } = new Error("ring")
    ring.cause = new Error("other", { cause: ring })
    assert.deepStrictEqual(short(ring), ["Error: ring", "Error: other"])
    let chain = new Error("0")
    for (let at = 1; at < 100; at++) chain = new Error(String(at), { cause: chain })
    assert.strictEqual(errorDetail(chain).length, 10)
    const long = first(new Error("x".repeat(1e6)))
    assert.match(long.exc_value, /^x{32768}… \(1000000 characters\)$/)
    const deep = new Error("deep")
    deep.stack = `Error: deep\n${Array.from({ length: 500 }, (_, at) => `    at f${at} (/a.ts:${at}:1)`).join("\n")}`
    const { frames } = first(deep)
    assert.strictEqual(frames.length, 51)
    assert.deepStrictEqual(frames[25], { filename: "", lineno: -1, name: "Skipped frames: 450" })
    assert.deepStrictEqual(frames.at(-1), { filename: "/a.ts", lineno: 0, name: "f0" })
  })

  it("that stands for several names them, as the page shows no more", () => {
    const found = first(new AggregateError([new TypeError("a"), "b"], "all failed"))
    assert.isTrue(found.is_group)
    assert.strictEqual(found.exc_value, "all failed (2 errors: TypeError: a; string: b)")
    assert.deepStrictEqual(
      found.exceptions.map(([inner]) => inner?.exc_type),
      ["TypeError", "string"]
    )
    let nested: Error = new Error("x")
    for (let at = 0; at < 50; at++) nested = new AggregateError([nested, nested], "n")
    assert.isBelow(JSON.stringify(errorDetail(nested)).length, 1_000_000)
  })
})

describe("what is no error", () => {
  it("is shown as what it is", () => {
    assert.deepStrictEqual(short("text"), ["string: text"])
    assert.deepStrictEqual(short(undefined), ["undefined: undefined"])
    assert.deepStrictEqual(short(null), ["null: null"])
    assert.deepStrictEqual(short({ a: 1n }), ['Thrown: {"a":"1"}'])
    assert.deepStrictEqual(short(5), ["number: 5"])
  })

  it("never makes it throw, nor what pretends to be one", () => {
    const hostile = new Error("x")
    Object.defineProperty(hostile, "message", {
      get: () => {
        throw new Error("no")
      }
    })
    Object.defineProperty(hostile, "stack", { value: 5 })
    Object.defineProperty(hostile, "name", {
      value: {
        toString: () => {
          throw new Error("no")
        }
      }
    })
    assert.doesNotThrow(() => errorDetail(hostile))
    const proxy = new Proxy(new Error("p"), {
      get: () => {
        throw new Error("no")
      }
    })
    assert.doesNotThrow(() => errorDetail(proxy))
    const { proxy: revoked, revoke } = Proxy.revocable({}, {})
    revoke()
    assert.doesNotThrow(() => errorDetail(revoked))
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withSparseArray: true,
          withNullPrototype: true,
          withDate: true,
          withMap: true
        }),
        (value) => {
          const text = JSON.stringify(errorDetail(value))
          assert.isTrue(text.startsWith('[{"exc_type"'))
        }
      ),
      { numRuns: 500 }
    )
  })
})

describe("an Effect's cause", () => {
  it("is the error that it holds, or all of them", () => {
    assert.deepStrictEqual(short(Cause.fail(new TypeError("a"))), ["TypeError: a"])
    assert.deepStrictEqual(short(Cause.die("b")), ["string: b"])
    assert.deepStrictEqual(short(Cause.interrupt(1)), ["Interrupted: it was asked to end"])
    const both = Cause.combine(Cause.combine(Cause.fail("a"), Cause.interrupt(1)), Cause.die(new Error("b")))
    assert.deepStrictEqual(short(both), ["Cause: several things went wrong (2 errors: string: a; Error: b)"])
    assert.deepStrictEqual(short(Cause.empty), ["Cause: nothing went wrong"])
    assert.deepStrictEqual(short(new Error("x", { cause: Cause.fail("y") })), ["Error: x", "string: y"])
    assert.isTrue(errorDetail(new Error("x", { cause: Cause.fail("y") }))[1]?.is_cause)
  })

  it.effect("has the names of the Effects on its way", () =>
    Effect.gen(function* () {
      const load = Effect.fn("load")(function* () {
        return yield* Effect.fail(new Error("no table"))
      })
      const cause = yield* Effect.flip(Effect.sandbox(load()))
      const { frames } = first(cause)
      assert.include(
        frames.map(({ name }) => name),
        "load"
      )
      assert.isTrue(frames.every(({ filename }) => !/node_modules\/effect\/|^node:/.test(filename)))
    })
  )
})

describe("frames", () => {
  const read = (line: string) => stackFrames(`Error: x\n${line}`, "Error: x")[0]

  it("are read in each of V8's forms", () => {
    assert.deepStrictEqual(read("    at f (file:///a%20b/c.ts:1:2)"), {
      filename: "/a b/c.ts",
      lineno: 1,
      name: "f"
    })
    assert.deepStrictEqual(read("    at async Object.g [as h] (/x (y)/z.ts:10:3)"), {
      filename: "/x (y)/z.ts",
      lineno: 10,
      name: "Object.g [as h]"
    })
    assert.deepStrictEqual(read("    at new C (/c.ts:3:1)"), { filename: "/c.ts", lineno: 3, name: "new C" })
    assert.deepStrictEqual(read("    at file:///m.ts:7:1"), {
      filename: "/m.ts",
      lineno: 7,
      name: "<module>"
    })
    assert.deepStrictEqual(read("    at async /m.ts:7:1"), { filename: "/m.ts", lineno: 7, name: "<module>" })
  })

  it("leave out Node, natives and what drives Effects", () => {
    for (const line of [
      "    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)",
      "    at Array.map (<anonymous>)",
      "    at Promise.all (index 0)",
      "    at FiberImpl.runLoop (file:///p/node_modules/effect/dist/internal/effect.js:1:1)",
      "    at x (native)",
      "what is no call"
    ])
      assert.strictEqual(read(line), undefined, line)
  })

  it("are not taken from a message that looks like them", () => {
    const error = new Error("a\n    at fake (/fake.ts:1:1)")
    assert.isFalse(first(error).frames.some(({ name }) => name === "fake"))
  })
})
