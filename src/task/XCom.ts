/** XCom: what tasks of a run hand to each other. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Asking, ask } from "./ask.ts"
import { type Reads, read, toJson, type Writes, write } from "./jsonValue.ts"
import { TaskClient } from "./TaskClient.ts"
import { TaskContext } from "./TaskContext.ts"
import { NotFound, type RequestError } from "./TaskRequestFailed.ts"

/** The key of what a task returns. */
export const returnValue = "return_value"

/** Which XCom. What is not said is this task's own: its Dag, its run, and the key `return_value`. */
export interface From {
  readonly taskId?: string
  readonly key?: string
  /** Of a mapped task's instance; without one, that of a task that is not mapped. */
  readonly mapIndex?: number
  readonly dagId?: string
  readonly runId?: string
  /** Where this run has none, the latest of an earlier one. */
  readonly includePriorDates?: boolean
}

/** A part of a list, as Python's slices: both ends may count from the end, `stop` is left out. */
export interface Slice {
  readonly start?: number
  readonly stop?: number
  readonly step?: number
}

const place = (from: From) =>
  TaskContext.useSync(({ ti }) => ({
    key: from.key ?? returnValue,
    dag_id: from.dagId ?? ti.dagId,
    run_id: from.runId ?? ti.runId,
    task_id: from.taskId ?? ti.taskId
  }))

const named = ({ key, task_id }: { readonly key: string; readonly task_id: string }) =>
  `XCom "${key}" of the task ${task_id}`

const orUnknown = <A>(schema: Reads<A> | undefined) => schema ?? (Schema.Unknown as unknown as Reads<A>)

/** Null where there is none: the site keeps no XCom with a null. */
const raw = Effect.fnUntraced(function* (from: From) {
  const where = yield* place(from)
  const { value } = yield* ask(
    {
      type: "GetXCom",
      ...where,
      map_index: from.mapIndex ?? -1,
      include_prior_dates: from.includePriorDates ?? false
    },
    Schema.Struct({ value: Schema.NullOr(Schema.Unknown) })
  )
  return { what: named(where), value }
})

/** The XCom through the schema; `NotFound` where there is none. Without a schema its plain JSON, with every digit. */
export const get = <A = unknown>(from: From, schema?: Reads<A>): Effect.Effect<A, RequestError, Asking> =>
  Effect.gen(function* () {
    const { what, value } = yield* raw(from)
    if (value === null) return yield* new NotFound({ what })
    return yield* read(what, orUnknown(schema), value)
  })

/** The XCom through the schema, if there is one. */
export const getOption = <A = unknown>(
  from: From,
  schema?: Reads<A>
): Effect.Effect<Option.Option<A>, RequestError, Asking> =>
  Effect.gen(function* () {
    const { what, value } = yield* raw(from)
    return value === null ? Option.none() : Option.some(yield* read(what, orUnknown(schema), value))
  })

/** What all instances of a mapped task returned, in the order of their map indexes; of a plain task, one or none. */
export const getAll = <A = unknown>(
  from: Omit<From, "mapIndex"> & { readonly slice?: Slice },
  schema?: Reads<A>
): Effect.Effect<ReadonlyArray<A>, RequestError, Asking> =>
  Effect.gen(function* () {
    const where = yield* place(from)
    const { start = null, stop = null, step = null } = from.slice ?? {}
    const { root } = yield* ask(
      {
        ...{ type: "GetXComSequenceSlice", ...where, start, stop, step },
        include_prior_dates: from.includePriorDates ?? false
      },
      Schema.Struct({ root: Schema.Array(Schema.Unknown) })
    )
    return yield* read(
      `each ${named(where)}`,
      Schema.Array(orUnknown(schema)) as Reads<ReadonlyArray<A>>,
      root
    )
  })

/** What the instance with this place in the order of map indexes returned; negative places count from the end. */
export const getItem = <A = unknown>(
  from: Omit<From, "mapIndex" | "includePriorDates"> & { readonly offset: number },
  schema?: Reads<A>
): Effect.Effect<A, RequestError, Asking> =>
  Effect.gen(function* () {
    const where = yield* place(from)
    const { root } = yield* ask(
      { type: "GetXComSequenceItem", ...where, offset: from.offset },
      Schema.Struct({ root: Schema.Unknown })
    )
    return yield* read(named(where), orUnknown(schema), root)
  })

/** How many instances of a mapped task have one. */
export const count = (
  from: Omit<From, "mapIndex" | "includePriorDates">
): Effect.Effect<number, RequestError, Asking> =>
  Effect.gen(function* () {
    const where = yield* place(from)
    const { len } = yield* ask({ type: "GetXComCount", ...where }, Schema.Struct({ len: Schema.Int }))
    return len
  })

/** Keeps a value under a key of this task, for the tasks after it. */
export const push = <A>(
  key: string,
  value: A,
  schema?: Writes<A>
): Effect.Effect<void, RequestError, Asking> =>
  Effect.gen(function* () {
    const { ti } = yield* TaskContext
    const where = yield* place({ key })
    const what = named(where)
    const json = yield* schema === undefined ? toJson(what, value) : write(what, schema, value)
    const client = yield* TaskClient
    yield* client.ask({ type: "SetXCom", ...where, value: json ?? null, map_index: ti.mapIndex })
  })

/** Removes an XCom; this task's own where nothing else is said. */
const remove = (from: Omit<From, "includePriorDates">): Effect.Effect<void, RequestError, Asking> =>
  Effect.gen(function* () {
    const { ti } = yield* TaskContext
    const where = yield* place(from)
    const own = from.taskId === undefined ? ti.mapIndex : -1
    const client = yield* TaskClient
    yield* client.ask({ type: "DeleteXCom", ...where, map_index: from.mapIndex ?? own })
  })

export { remove as delete }
