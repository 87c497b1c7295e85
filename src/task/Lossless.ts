/** Lossless: schemas for JSON numbers that keep every digit, where JavaScript's `number` would not. */
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { isVerbatim, type Verbatim, verbatim } from "../protocol/Json.ts"

/** A JSON number: JavaScript's, or its digits where that one would print otherwise. */
type JsonNumber = number | Verbatim

const isJsonNumber = (value: unknown): value is JsonNumber =>
  isVerbatim(value) || (typeof value === "number" && Number.isFinite(value))

const digitsOf = (value: JsonNumber): string => (isVerbatim(value) ? value.rawJSON : JSON.stringify(value))

const isInteger = (value: unknown): value is JsonNumber =>
  isJsonNumber(value) && /^-?\d+$/.test(digitsOf(value))

/** The number as JavaScript has it, or undefined where it would be another: integers beyond 2^53, 1e400. */
export const toNumber = (value: unknown): number | undefined => {
  if (!isJsonNumber(value)) return undefined
  const number = Number(digitsOf(value))
  if (!Number.isFinite(number)) return undefined
  return isInteger(value) && !Number.isSafeInteger(number) ? undefined : number
}

const fits = (value: unknown): value is JsonNumber => toNumber(value) !== undefined

const fromDigits = (digits: string): JsonNumber => {
  const number = Number(digits)
  return JSON.stringify(number) === digits && Number.isSafeInteger(number) ? number : verbatim(digits)
}

const declare = (is: (value: unknown) => value is JsonNumber, expected: string) =>
  Schema.declare(is, { expected })

/** A JSON integer of any length as a bigint. */
const BigIntFromNumber = declare(isInteger, "an integer").pipe(
  Schema.decodeTo(Schema.BigInt, {
    decode: SchemaGetter.transform((value: JsonNumber) => BigInt(digitsOf(value))),
    encode: SchemaGetter.transform((value: bigint) => fromDigits(String(value)))
  })
)

/** A JSON number that JavaScript has exactly enough: refuses integers beyond 2^53 and what overflows; 1.0 is 1. */
const NumberFromNumber = declare(fits, "a number that is no integer beyond 2^53").pipe(
  Schema.decodeTo(Schema.Finite, {
    decode: SchemaGetter.transform((value: JsonNumber) => Number(digitsOf(value))),
    encode: SchemaGetter.transform((value: number): JsonNumber => value)
  })
)

/** As `Number`, but what is written is always a float to Python: 5 is 5.0. */
export const Float = declare(fits, "a number that is no integer beyond 2^53").pipe(
  Schema.decodeTo(Schema.Finite, {
    decode: SchemaGetter.transform((value: JsonNumber) => Number(digitsOf(value))),
    encode: SchemaGetter.transform((value: number): JsonNumber => {
      const digits = JSON.stringify(value)
      return /^-?\d+$/.test(digits) ? verbatim(`${digits}.0`) : value
    })
  })
)

/** A JSON number in the digits it was written with: `"1.0"`, `"12345678901234567890"`. */
const Digits = declare(isJsonNumber, "a number").pipe(
  Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transform(digitsOf),
    encode: SchemaGetter.transform((digits: string): JsonNumber => verbatim(digits))
  })
)

export { BigIntFromNumber as BigInt, Digits, NumberFromNumber as Number }
