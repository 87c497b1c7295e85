/** Variables: Airflow's variables, as text or as JSON through a schema. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { parse, stringify } from "../protocol/Json.ts"
import { ask, tell } from "./ask.ts"
import { type Reads, read, toJson, type Writes, write } from "./jsonValue.ts"
import type { TaskClient } from "./TaskClient.ts"
import { NotFound, type RequestError, UnexpectedValue } from "./TaskRequestFailed.ts"

const named = (key: string) => `variable "${key}"`

const raw = Effect.fnUntraced(function* (key: string) {
  const { value } = yield* ask(
    { type: "GetVariable", key },
    Schema.Struct({ value: Schema.NullOr(Schema.String) })
  )
  return value === null ? yield* new NotFound({ what: named(key) }) : value
})

const asJson = <A>(key: string, text: string, schema: Reads<A>): Effect.Effect<A, UnexpectedValue> =>
  Effect.flatMap(
    Effect.try({
      try: () => parse(text),
      // the parser's own message quotes the text, which may be a secret
      catch: () => new UnexpectedValue({ what: named(key), problem: "it is not JSON" })
    }),
    (value) => read(named(key), schema, value)
  )

/** Reads a variable: its text, or the JSON in it through a schema. */
export const get: {
  (key: string): Effect.Effect<string, RequestError, TaskClient>
  <A>(key: string, schema: Reads<A>): Effect.Effect<A, RequestError, TaskClient>
} = <A>(key: string, schema?: Reads<A>): Effect.Effect<A, RequestError, TaskClient> =>
  Effect.flatMap(raw(key), (text) =>
    // without a schema A is string, by the declaration above
    schema === undefined ? Effect.succeed(text as A) : asJson(key, text, schema)
  )

/** As `get`, where the variable may not be there. */
export const getOption: {
  (key: string): Effect.Effect<Option.Option<string>, RequestError, TaskClient>
  <A>(key: string, schema: Reads<A>): Effect.Effect<Option.Option<A>, RequestError, TaskClient>
} = <A>(key: string, schema?: Reads<A>): Effect.Effect<Option.Option<A>, RequestError, TaskClient> =>
  // as in `get`, A is string without a schema
  (schema === undefined ? (get(key) as ReturnType<typeof get<A>>) : get(key, schema)).pipe(
    Effect.asSome,
    Effect.catchTag("NotFound", () => Effect.succeedNone)
  )

/** Writes a variable's text. */
export const put = (
  key: string,
  text: string,
  { description = null }: { readonly description?: string | null } = {}
): Effect.Effect<void, RequestError, TaskClient> =>
  tell({ type: "PutVariable", key, value: text, description })

/** Writes a value as JSON, through a schema where there is one. */
export const putJson = <A>(
  key: string,
  value: A,
  { description, schema }: { readonly schema?: Writes<A>; readonly description?: string } = {}
): Effect.Effect<void, RequestError, TaskClient> =>
  Effect.flatMap(
    schema === undefined ? toJson(named(key), value) : write(named(key), schema, value),
    (json) => put(key, stringify(json ?? null) ?? "null", { description: description ?? null })
  )

/** Removes a variable; does nothing where there is none. */
const remove = (key: string): Effect.Effect<void, RequestError, TaskClient> =>
  tell({ type: "DeleteVariable", key })

/** The most that a site gives at once is 10,000 (`routes/variables.py`, 3.3.2). */
const page = 1_000

/** All keys, or those that begin so. */
export const keys = Effect.fnUntraced(function* (prefix?: string) {
  const found: Array<string> = []
  while (true) {
    const answer = yield* ask(
      { type: "GetVariableKeys", prefix: prefix ?? null, limit: page, offset: found.length },
      Schema.Struct({ keys: Schema.Array(Schema.String), total_entries: Schema.Int })
    )
    found.push(...answer.keys)
    if (answer.keys.length === 0 || found.length >= answer.total_entries)
      return found as ReadonlyArray<string>
  }
})

export { remove as delete }
