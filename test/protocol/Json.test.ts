/** JSON comes out as it went in. */

import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Json from "../../src/protocol/Json.ts"

/** Any number that JSON can write, in any of its spellings. */
const numberText = fc
  .tuple(
    fc.boolean(),
    fc.oneof(fc.constant("0"), fc.stringMatching(/^[1-9][0-9]{0,40}$/)),
    fc.option(fc.stringMatching(/^[0-9]{1,40}$/), { nil: undefined }),
    fc.option(fc.stringMatching(/^[eE][+-]?[0-9]{1,4}$/), { nil: undefined })
  )
  .map(
    ([minus, whole, part, exponent]) =>
      `${minus ? "-" : ""}${whole}${part === undefined ? "" : `.${part}`}${exponent ?? ""}`
  )

/** Strings with everything in them, lone surrogates too. */
const anyString = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units))
)
/** Not like an array's index: those come first in every JavaScript object. */
const key = fc
  .oneof(fc.constant("__proto__"), fc.constant("toString"), fc.constant("rawJSON"), anyString)
  .filter((text) => !/^\d+$/.test(text))

const { document } = fc.letrec<{ document: string }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    numberText,
    anyString.map((text) => JSON.stringify(text)),
    fc.constantFrom("true", "false", "null"),
    fc.array(tie("document"), { maxLength: 5 }).map((parts) => `[${parts.join(",")}]`),
    fc
      .uniqueArray(fc.tuple(key, tie("document")), { maxLength: 5, selector: ([name]) => name })
      .map((entries) => `{${entries.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`)
  )
}))

describe("a document", () => {
  it("is written as it was read, digit by digit and key by key", () => {
    fc.assert(
      fc.property(document, (text) => {
        expect(Json.stringify(Json.parse(text))).toBe(text)
      }),
      { numRuns: 1000 }
    )
  })

  it.each([
    "1.0",
    "-0",
    "1e400",
    "-1E-400",
    "9007199254740993",
    "123456789012345678901234567890",
    "0.1000000000000000055511151231257827",
    '{"__proto__":{"a":1.50}}',
    '{"b":1,"a":2}',
    '"\\ud800"'
  ])("%s", (text) => {
    expect(Json.stringify(Json.parse(text))).toBe(text)
  })

  it("a number that JavaScript writes alike is an ordinary number", () => {
    expect(Json.parse('{"a":[1,-2.5,1e+21]}')).toEqual({ a: [1, -2.5, 1e21] })
  })

  it("keys like an array's index come first, as in every JavaScript object", () => {
    expect(Json.stringify(Json.parse('{"b":1,"1":2}'))).toBe('{"1":2,"b":1}')
  })

  it("what is nested too deeply is refused as what is no JSON", () => {
    const deep = 1_000_000
    for (const text of [
      `${"[".repeat(deep)}1${"]".repeat(deep)}`,
      `${'{"a":'.repeat(deep)}1${"}".repeat(deep)}`
    ])
      expect(() => Json.parse(text)).toThrow(SyntaxError)
  })

  it.each(["", "nul", "{", "NaN", "01"])("%j is refused", (text) => {
    expect(() => Json.parse(text)).toThrow(SyntaxError)
  })
})
