/** Values: what a task reads and writes keeps every digit, and a number is never silently another one. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FastCheck from "fast-check"
import { parse, stringify } from "../../src/protocol/Json.ts"
import { read, toJson, write } from "../../src/task/jsonValue.ts"
import * as Lossless from "../../src/task/Lossless.ts"

const reading = <A>(json: string, schema: Schema.ConstraintDecoder<A>) => read("it", schema, parse(json))
const big = "12345678901234567890"

describe("a number that is read", () => {
  it.effect.each([
    ["1", 1],
    ["1.0", 1],
    ["-0", 0],
    ["1e3", 1000],
    ["1e21", 1e21],
    ["0.1000000000000000000001", 0.1],
    ["9007199254740991", 9007199254740991]
  ] as const)("as a number is that number: %s", ([json, value]) =>
    Effect.gen(function* () {
      expect((yield* reading(json, Schema.Finite)) === value).toBe(true)
      expect((yield* reading(json, Lossless.Number)) === value).toBe(true)
      expect(
        (yield* reading(`{"a":[${json}]}`, Schema.Struct({ a: Schema.Array(Schema.Finite) }))).a[0] === value
      ).toBe(true)
    })
  )

  it.effect.each(["9007199254740992", "9007199254740993", "-9007199254740993", big, "1e400"])(
    "as a number fails where it would be another one: %s",
    (json) =>
      Effect.gen(function* () {
        for (const schema of [Schema.Finite, Schema.Number, Lossless.Number, Schema.Int]) {
          const error = yield* Effect.flip(reading(json, schema as Schema.ConstraintDecoder<number>))
          expect(error.message).toContain("it is not what was expected")
        }
        const inside = yield* Effect.flip(reading(`{"a":${json}}`, Schema.Struct({ a: Schema.Finite })))
        expect(inside.message).toMatch(/at a; a number in it is beyond 2\^53, which only Lossless.BigInt/)
      })
  )

  it.effect("as a bigint is exact; what is no whole number is none", () =>
    Effect.gen(function* () {
      expect(yield* reading(big, Lossless.BigInt)).toBe(12345678901234567890n)
      expect(yield* reading("9007199254740992", Lossless.BigInt)).toBe(9007199254740992n)
      expect(yield* reading("7", Lossless.BigInt)).toBe(7n)
      expect(yield* reading("1.0", Lossless.BigInt)).toBe(1n)
      for (const json of ["1.5", "1e400", '"7"', "null"])
        expect((yield* Effect.flip(reading(json, Lossless.BigInt))).message).toContain("an integer")
    })
  )

  it.effect("in its digits is as it was written", () =>
    Effect.gen(function* () {
      for (const json of ["1.0", "-0", "1e400", big, "7"])
        expect(yield* reading(json, Lossless.Digits)).toBe(json)
    })
  )

  it.effect("stays as it was written where the schema takes anything, beside one that wants a number", () =>
    Effect.gen(function* () {
      const schema = Schema.Struct({ n: Schema.Finite, rest: Schema.Unknown })
      const value = yield* reading('{"n":1.0,"rest":{"a":[1.0,9007199254740993],"b":2.50}}', schema)
      expect(value.n).toBe(1)
      expect(stringify(value.rest)).toBe('{"a":[1.0,9007199254740993],"b":2.50}')
    })
  )

  it.effect("may be one of several things", () =>
    Effect.gen(function* () {
      const schema = Schema.Array(
        Schema.Union([Schema.String, Schema.Finite, Schema.Struct({ x: Schema.Finite })])
      )
      expect(yield* reading('["a",1.0,{"x":2.0},3]', schema)).toEqual(["a", 1, { x: 2 }, 3])
    })
  )

  it.effect("that no schema wants prints as it was", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(FastCheck.json(), async (json) => {
          const value = await Effect.runPromiseExit(reading(json, Schema.Json))
          expect(value._tag).toBe("Success")
          if (value._tag === "Success") expect(stringify(value.value)).toBe(stringify(parse(json)))
        }),
        { numRuns: 200 }
      )
    )
  )
})

describe("a value that is written", () => {
  it.effect("comes back as it was", () =>
    Effect.gen(function* () {
      const schema = Schema.Struct({ id: Lossless.BigInt, digits: Lossless.Digits, n: Lossless.Number })
      const value = { id: 12345678901234567890n, digits: "1.0", n: 0.5 }
      const json = stringify(yield* write("it", schema, value)) ?? ""
      expect(json).toBe(`{"id":${big},"digits":1.0,"n":0.5}`)
      expect(yield* reading(json, schema)).toEqual(value)
      expect(stringify(yield* write("it", Lossless.BigInt, 5n))).toBe("5")
    })
  )

  it.effect("keeps digits that nobody has touched", () =>
    Effect.gen(function* () {
      expect(stringify(yield* toJson("it", parse('{"a":1.0,"b":9007199254740993}')))).toBe(
        '{"a":1.0,"b":9007199254740993}'
      )
    })
  )

  it.effect("is a copy", () =>
    Effect.gen(function* () {
      const value = { a: [1] }
      const json = yield* toJson("it", value)
      value.a.push(2)
      expect(json).toEqual({ a: [1] })
    })
  )

  it.effect("without a JSON form is refused, with the place", () =>
    Effect.gen(function* () {
      expect((yield* Effect.flip(toJson("it", { a: Number.POSITIVE_INFINITY }))).message).toBe(
        'it is not what was expected: Infinity at "a" has no JSON form'
      )
      const round: Record<string, unknown> = {}
      round["self"] = round
      expect((yield* Effect.flip(toJson("it", round))).message).toContain("circular")
    })
  )
})
