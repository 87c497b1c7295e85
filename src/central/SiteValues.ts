/** SiteValues: the variables and connections of this central: the operator's files first, then what tasks have set. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SiteFiles } from "../platform/SiteFiles.ts"
import type { Connection } from "../protocol/execution/RunContext.ts"
import * as Json from "../protocol/Json.ts"
import { connectionOf } from "./connectionOf.ts"
import { Repository, type RepositoryUnavailable, type Writer } from "./Repository.ts"

/** One of the operator's files cannot be used. The message never holds what it contains. */
export class SiteFileUnusable extends Schema.TaggedError<SiteFileUnusable>()("SiteFileUnusable", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** 403: the operator has set this variable; no task changes it. */
export class VariableFixed extends Schema.TaggedError<VariableFixed>()("VariableFixed", {}) {
  override get message() {
    return "this variable stands in [edge_central] variables_file: tasks cannot change it"
  }
}

type Stored<A, E = never> = Effect.Effect<A, E | RepositoryUnavailable | SiteFileUnusable>

const isObject = Schema.is(Schema.Record(Schema.String, Schema.Unknown))

/** The names and values of a file in the form of Airflow's LocalFilesystemBackend, in JSON. */
const entries = (
  text: string | undefined,
  key: string
): Effect.Effect<ReadonlyMap<string, unknown>, SiteFileUnusable> =>
  Effect.try({
    try: () => {
      const parsed = text === undefined ? {} : Json.parse(text)
      if (!isObject(parsed)) throw new Error("it must be one JSON object")
      return new Map(Object.entries(parsed))
    },
    // A SyntaxError would quote the text.
    catch: () =>
      new SiteFileUnusable({ reason: `[edge_central] ${key}: it must be one JSON object, by name` })
  })

/** What tasks find at this central. */
export class SiteValues extends Context.Service<
  SiteValues,
  {
    /** `undefined`: there is none. */
    readonly variable: (key: string) => Stored<{ readonly value: string | null } | undefined>
    /** All of them, sorted. */
    readonly variableKeys: Stored<ReadonlyArray<string>>
    readonly setVariable: <E = never>(
      key: string,
      value: string | null,
      description: string | null,
      writer?: Writer<E>
    ) => Stored<void, VariableFixed | E>
    /** False where there is none. */
    readonly removeVariable: <E = never>(
      key: string,
      writer?: Writer<E>
    ) => Stored<boolean, VariableFixed | E>
    readonly connection: (id: string) => Stored<Connection | undefined>
  }
>()("edge-worker/central/SiteValues") {
  /** Fails where a file cannot be used, so that a central says so at its start. */
  static readonly layer = Layer.effect(
    SiteValues,
    Effect.gen(function* () {
      const repository = yield* Repository
      const files = yield* SiteFiles
      const unusable = (key: string) => (error: { readonly message: string }) =>
        new SiteFileUnusable({ reason: `[edge_central] ${key}: ${error.message}` })
      const given = {
        variables: files.variables.pipe(
          Effect.mapError(unusable("variables_file")),
          Effect.flatMap((text) => entries(text, "variables_file"))
        ),
        connections: files.connections.pipe(
          Effect.mapError(unusable("connections_file")),
          Effect.flatMap((text) => entries(text, "connections_file"))
        )
      }
      yield* given.variables
      for (const [id, value] of yield* given.connections)
        if (connectionOf(id, value) === undefined)
          return yield* new SiteFileUnusable({
            reason: `[edge_central] connections_file: ${id} is no connection: write an URI, or an object with conn_type`
          })

      const changeable = Effect.fnUntraced(function* (key: string) {
        if ((yield* given.variables).has(key)) return yield* new VariableFixed()
      })
      return SiteValues.of({
        variable: Effect.fnUntraced(function* (key) {
          const fixed = yield* given.variables
          if (!fixed.has(key)) return yield* repository.variable(key)
          const value = fixed.get(key)
          return { value: typeof value === "string" ? value : (Json.stringify(value) ?? null) }
        }),
        variableKeys: Effect.gen(function* () {
          const keys = new Set([...(yield* given.variables).keys(), ...(yield* repository.variableKeys)])
          return [...keys].sort()
        }),
        setVariable: (key, value, description, writer) =>
          Effect.andThen(changeable(key), repository.putVariable({ key, value, description }, writer)),
        removeVariable: (key, writer) =>
          Effect.andThen(changeable(key), repository.removeVariable(key, writer)),
        connection: Effect.fnUntraced(function* (id) {
          return connectionOf(id, (yield* given.connections).get(id))
        })
      })
    })
  )
}
