/** ThisTask: what a task tells the site of itself while it runs. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ask, tell } from "./ask.ts"
import { toJson } from "./jsonValue.ts"
import { TaskClient } from "./TaskClient.ts"
import { TaskContext } from "./TaskContext.ts"

/** A task after this one: its id, or with the map index of the instance. */
export type Downstream = string | readonly [taskId: string, mapIndex: number]

/** Skips tasks after this one, as a branch does; this one goes on. */
export const skipDownstream = (tasks: ReadonlyArray<Downstream>) =>
  tell({ type: "SkipDownstreamTasks", tasks })

/** What the site shows as the task's rendered fields: what it works with. */
export const renderedFields = (fields: Readonly<Record<string, unknown>>) =>
  Effect.gen(function* () {
    const rendered_fields: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(fields))
      rendered_fields[name] = (yield* toJson(`the field ${name}`, value)) ?? null
    yield* tell({ type: "SetRenderedFields", rendered_fields })
  })

/** The label that the site shows instead of the map index, now and when the task has ended. */
export const renderedMapIndex = (label: string) =>
  TaskClient.use(({ gathered }) =>
    Effect.andThen(
      Effect.sync(() => {
        gathered.mapIndexLabel = label
      }),
      tell({ type: "SetRenderedMapIndex", rendered_map_index: label })
    )
  )

/** Hides a value from here on in the task's log; of an object or under a sensitive name, all texts in it. */
export const maskSecret = (value: unknown, name?: string) =>
  Effect.flatMap(toJson("the secret", value), (value) =>
    tell({ type: "MaskSecret", value: value ?? null, name: name ?? null })
  )

/** The inlets and outlets of the task in its Dag that are not active, in the site's words. */
export const inactiveAssets = Effect.gen(function* () {
  const { ti } = yield* TaskContext
  const { inactive_assets } = yield* ask(
    { type: "ValidateInletsAndOutlets", ti_id: ti.id },
    Schema.Struct({ inactive_assets: Schema.optional(Schema.NullOr(Schema.Array(Schema.Unknown))) })
  )
  return inactive_assets ?? []
})
