/** AssetStore: values that the site keeps with an asset, for whatever task comes next. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { AssetRef } from "./Assets.ts"
import { ask, tell } from "./ask.ts"
import { type Reads, read, toJson, type Writes, write } from "./jsonValue.ts"
import type { TaskClient } from "./TaskClient.ts"
import { NotFound, type RequestError } from "./TaskRequestFailed.ts"

const named = (key: string) => `stored value "${key}"`

/** The value through the schema; `NotFound` where there is none. */
export const get = <A = unknown>(
  of: AssetRef,
  key: string,
  schema?: Reads<A>
): Effect.Effect<A, RequestError, TaskClient> =>
  Effect.gen(function* () {
    const { value } = yield* ask(
      "name" in of
        ? { type: "GetAssetStateStoreByName", name: of.name, key }
        : { type: "GetAssetStateStoreByUri", uri: of.uri, key },
      Schema.Struct({ value: Schema.NullOr(Schema.Unknown) })
    )
    if (value === null) return yield* new NotFound({ what: named(key) })
    return yield* read(named(key), schema ?? (Schema.Unknown as unknown as Reads<A>), value)
  })

/** Keeps a value. */
export const set = <A>(
  of: AssetRef,
  key: string,
  value: A,
  options: { readonly schema?: Writes<A> } = {}
): Effect.Effect<void, RequestError, TaskClient> =>
  Effect.flatMap(
    options.schema === undefined ? toJson(named(key), value) : write(named(key), options.schema, value),
    (json) =>
      tell(
        "name" in of
          ? { type: "SetAssetStateStoreByName", name: of.name, key, value: json ?? null }
          : { type: "SetAssetStateStoreByUri", uri: of.uri, key, value: json ?? null }
      )
  )

/** Removes a value. */
const remove = (of: AssetRef, key: string): Effect.Effect<void, RequestError, TaskClient> =>
  tell(
    "name" in of
      ? { type: "DeleteAssetStateStoreByName", name: of.name, key }
      : { type: "DeleteAssetStateStoreByUri", uri: of.uri, key }
  )

/** Removes all values of the asset. */
export const clear = (of: AssetRef): Effect.Effect<void, RequestError, TaskClient> =>
  tell(
    "name" in of
      ? { type: "ClearAssetStateStoreByName", name: of.name }
      : { type: "ClearAssetStateStoreByUri", uri: of.uri }
  )

export { remove as delete }
