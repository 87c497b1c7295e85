/** jsonValue: values on their way in and out of a task: through a schema, and with every digit. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { isVerbatim, parse, verbatim } from "../protocol/Json.ts"
import { toNumber } from "./Lossless.ts"
import { UnexpectedValue } from "./TaskRequestFailed.ts"

/** A schema that needs no services to read a value. */
export type Reads<A> = Schema.ConstraintDecoder<A>
/** A schema that needs no services to write a value of type `A`. */
export type Writes<A> = Schema.ConstraintCodec<A, unknown, unknown>

type Path = ReadonlyArray<PropertyKey>

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const sentence = (issue: SchemaIssue.Issue) =>
  issuesOf(issue)
    .issues.map(({ message, path = [] }) => (path.length === 0 ? message : `${message} at ${path.join(".")}`))
    .join("; ")

/** Rebuilds a value; leaves are what is no array or object. */
const mapLeaves = (value: unknown, change: (leaf: unknown) => unknown): unknown => {
  if (isVerbatim(value) || typeof value !== "object" || value === null) return change(value)
  if (Array.isArray(value)) return value.map((each) => mapLeaves(each, change))
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapLeaves(each, change)]))
}

const count = (value: unknown, is: (leaf: unknown) => boolean): number => {
  let found = 0
  mapLeaves(value, (leaf) => {
    if (is(leaf)) found++
    return leaf
  })
  return found
}

const changeAt = (value: unknown, path: Path, change: (value: unknown) => unknown): unknown => {
  const [first, ...rest] = path
  // a schema of an object has looked for keys in kept digits too, which are an object
  if (first === undefined || isVerbatim(value)) return change(value)
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value))
    return value.map((each, at) => (at === first ? changeAt(each, rest, change) : each))
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, key === first ? changeAt(each, rest, change) : each])
  )
}

const isKept = (leaf: unknown) => isVerbatim(leaf) && toNumber(leaf) !== undefined
const isBeyond = (leaf: unknown) => isVerbatim(leaf) && toNumber(leaf) === undefined

/** An integer at or beyond 2^53, which may have been another before it was parsed, no longer passes for a `number`. */
const guarded = (value: unknown) =>
  mapLeaves(value, (leaf) =>
    typeof leaf === "number" && Number.isFinite(leaf) && toNumber(leaf) === undefined
      ? verbatim(JSON.stringify(leaf))
      : leaf
  )

/** JavaScript's number for what was kept in digits, where it is the same number. */
const relaxed = (value: unknown) => mapLeaves(value, (leaf) => toNumber(leaf) ?? leaf)

/**
 * Reads a value that `protocol/Json` has parsed. Where the schema wants a `number` and the digits were kept (`1.0`), it gets
 * the number; where it takes anything, the digits stay. An integer beyond 2^53 is never a `number`.
 */
export const read = <A>(
  what: string,
  schema: Reads<A>,
  value: unknown
): Effect.Effect<A, UnexpectedValue> => {
  const decode = Schema.decodeUnknownEffect(schema)
  const attempt = (input: unknown): Effect.Effect<A, UnexpectedValue> =>
    Effect.catch(decode(input, { errors: "all" }), ({ issue }) => {
      const next = issuesOf(issue).issues.reduce<unknown>(
        (all, { path = [] }) => changeAt(all, path as Path, relaxed),
        input
      )
      // each round turns at least one number, so there are finitely many
      if (count(next, isKept) < count(input, isKept)) return attempt(next)
      const hint =
        count(input, isBeyond) > 0
          ? "; a number in it is beyond 2^53, which only Lossless.BigInt and Lossless.Digits read"
          : ""
      return Effect.fail(new UnexpectedValue({ what, problem: sentence(issue) + hint }))
    })
  return attempt(guarded(value))
}

/** Writes a value through a schema, as `toJson` does then. */
export const write = <A>(
  what: string,
  schema: Writes<A>,
  value: A
): Effect.Effect<unknown, UnexpectedValue> =>
  Effect.matchEffect(Schema.encodeUnknownEffect(schema as Schema.ConstraintCodec<A>)(value), {
    onFailure: ({ issue }) => Effect.fail(new UnexpectedValue({ what, problem: sentence(issue) })),
    onSuccess: (encoded) => toJson(what, encoded)
  })

const refuse = (key: string, value: unknown) => {
  if (typeof value === "bigint") return verbatim(String(value))
  if (typeof value === "number" && !Number.isFinite(value))
    throw new TypeError(`${value} at "${key}" has no JSON form`)
  if (typeof value === "function" || typeof value === "symbol")
    throw new TypeError(`a ${typeof value} at "${key}" has no JSON form`)
  return value
}

/** As `toJson`; throws where the value has no JSON form. */
export const plainJson = (value: unknown): unknown => {
  const text: string | undefined = JSON.stringify(value, refuse)
  return text === undefined ? undefined : parse(text)
}

/** A value as JSON of its own, that nobody changes any more. A bigint becomes an integer; undefined stays undefined. */
export const toJson = (what: string, value: unknown): Effect.Effect<unknown, UnexpectedValue> =>
  Effect.try({
    try: () => plainJson(value),
    catch: (error) =>
      new UnexpectedValue({ what, problem: error instanceof Error ? error.message : String(error) })
  })
