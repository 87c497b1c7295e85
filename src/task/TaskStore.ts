/** TaskStore: values that the site keeps for this task instance, over its tries, deferrals and reschedules. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Asking, ask, tellWith } from "./ask.ts"
import { type Reads, read, toJson, type Writes, write } from "./jsonValue.ts"
import { TaskContext } from "./TaskContext.ts"
import { NotFound, type RequestError } from "./TaskRequestFailed.ts"

const named = (key: string) => `stored value "${key}"`

/** The value through the schema; `NotFound` where there is none. */
export const get = <A = unknown>(key: string, schema?: Reads<A>): Effect.Effect<A, RequestError, Asking> =>
  Effect.gen(function* () {
    const { ti } = yield* TaskContext
    const { value } = yield* ask(
      { type: "GetTaskStateStore", ti_id: ti.id, key },
      Schema.Struct({ value: Schema.NullOr(Schema.Unknown) })
    )
    if (value === null) return yield* new NotFound({ what: named(key) })
    return yield* read(named(key), schema ?? (Schema.Unknown as unknown as Reads<A>), value)
  })

const expiry = (at: Date | "never" | undefined) =>
  at === undefined ? {} : { expires_at: at === "never" ? null : at.toISOString() }

/** Keeps a value until a time, or for ever; without either as long as `[state_store] default_retention_days` of the worker. */
export const set = <A>(
  key: string,
  value: A,
  options: { readonly schema?: Writes<A>; readonly expiresAt?: Date | "never" } = {}
): Effect.Effect<void, RequestError, Asking> =>
  Effect.flatMap(
    options.schema === undefined ? toJson(named(key), value) : write(named(key), options.schema, value),
    (json) =>
      tellWith(({ ti }) => ({
        type: "SetTaskStateStore",
        ti_id: ti.id,
        key,
        value: json ?? null,
        ...expiry(options.expiresAt)
      }))
  )

/** Removes a value. */
const remove = (key: string): Effect.Effect<void, RequestError, Asking> =>
  tellWith(({ ti }) => ({ type: "DeleteTaskStateStore", ti_id: ti.id, key }))

/** Removes all values of this task instance. */
export const clear: Effect.Effect<void, RequestError, Asking> = tellWith(({ ti }) => ({
  type: "ClearTaskStateStore",
  ti_id: ti.id
}))

export { remove as delete }
