/** Json: JSON that comes out as it went in: numbers keep every digit, keys keep their order. */

/** A number in the digits it was written with; `JSON.stringify` prints it so. */
export interface Verbatim {
  readonly rawJSON: string
}

/** ES2026's additions to JSON, which Node 24 has and TypeScript's own library does not declare yet. */
interface LosslessJson {
  readonly parse: (
    text: string,
    reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown
  ) => unknown
  readonly rawJSON: (text: string) => Verbatim
  readonly isRawJSON: (value: unknown) => value is Verbatim
}

// The cast adds what the declaration lacks; see LosslessJson.
const lossless = JSON as unknown as LosslessJson

/** A reviver for `JSON.parse`: a number that JavaScript would print otherwise keeps the digits it was written with. */
export const digits = (_key: string, value: unknown, { source }: { readonly source?: string }): unknown =>
  typeof value === "number" && source !== undefined && JSON.stringify(value) !== source
    ? lossless.rawJSON(source)
    : value

/**
 * Reads JSON. A number whose JavaScript form would print otherwise (`1.0`, `1e400`, `-0`, more than 2^53) becomes an
 * object that `stringify` prints as it was written. Throws a SyntaxError as `JSON.parse` does, and for what is nested too
 * deeply for this place on the stack, some thousand levels.
 *
 * Keys that look like array indexes come first in every JavaScript object; all others keep their order.
 */
export const parse = (text: string): unknown => {
  try {
    return lossless.parse(text, digits)
  } catch (cause) {
    throw cause instanceof RangeError ? new SyntaxError("the JSON is nested too deeply", { cause }) : cause
  }
}

/** Writes what `parse` has read; `undefined` where the value has no JSON form. */
export const stringify = (value: unknown): string | undefined => JSON.stringify(value)

/** Whether `parse` kept a number in its digits. */
export const isVerbatim = (value: unknown): value is Verbatim => lossless.isRawJSON(value)

/** A number that prints as these digits. Throws a SyntaxError where they are none. */
export const verbatim = (digits: string): Verbatim => lossless.rawJSON(digits)
