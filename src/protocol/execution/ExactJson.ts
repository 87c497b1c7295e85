/** ExactJson: the bodies of the Execution API, read and written so that what a task stored comes back as it was written. */
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { digits } from "../Json.ts"

/** Python's client sends no body at all for `None`. */
const NullWhereEmpty = Schema.String.pipe(
  Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transform((text: string) => (text === "" ? "null" : text)),
    encode: SchemaGetter.transform((text: string) => text)
  })
)

/**
 * A JSON body of which `Schema.Unknown` parts keep every digit and the order of their keys, at both ends: 1.0 stays
 * 1.0, and an integer beyond 2^53 what it is. Such a number is then no JavaScript number: read it with `Json.stringify`.
 */
export const exact = <S extends Schema.Constraint>(schema: S) =>
  NullWhereEmpty.pipe(
    // The declaration of a reviver lacks its third argument, which Node 24 gives.
    Schema.decodeTo(
      Schema.fromJsonString(schema, { reviver: digits as (key: string, value: unknown) => unknown })
    ),
    HttpApiSchema.asText({ contentType: "application/json" })
  )

/** Any JSON, exactly. */
export const AnyJson = Schema.Unknown

/** An object of any JSON, exactly. */
export const JsonObject = Schema.Record(Schema.String, Schema.Unknown)

const isExact = (value: unknown): boolean => typeof value === "object" && value !== null && "rawJSON" in value

const Digits = Schema.Unknown.check(Schema.makeFilter(isExact)).pipe(
  Schema.decodeTo(Schema.Finite, {
    decode: SchemaGetter.transform((value) => Number(JSON.stringify(value))),
    encode: SchemaGetter.transform((value) => value)
  })
)

/** A number that Python may have written with a fraction of nothing, as 300.0. */
export const Float = Schema.Union([Schema.Finite, Digits])
