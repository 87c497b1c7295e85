/** Assets: the assets of a site, their events, and what a task says that it has updated. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Asking, ask } from "./ask.ts"
import { read } from "./jsonValue.ts"
import { type Outlet, TaskClient } from "./TaskClient.ts"
import { TaskContext } from "./TaskContext.ts"
import type { RequestError } from "./TaskRequestFailed.ts"

/** An asset by one of its two names. */
export type AssetRef = { readonly name: string } | { readonly uri: string }

const Extra = Schema.optional(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown)))

/** An asset as the site tells it. */
export const Asset = Schema.Struct({
  name: Schema.String,
  uri: Schema.String,
  group: Schema.String,
  extra: Extra
})
export type Asset = typeof Asset.Type

/** An update of an asset as the site tells it; further keys in its own words. */
export const AssetEvent = Schema.StructWithRest(
  Schema.Struct({
    id: Schema.Int,
    /** ISO 8601. */
    timestamp: Schema.String,
    extra: Extra,
    asset: Asset
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)
export type AssetEvent = typeof AssetEvent.Type

/** An update that led to this run, as the site tells it; further keys in its own words. */
export const ConsumedEvent = Schema.StructWithRest(
  Schema.Struct({
    /** ISO 8601. */
    timestamp: Schema.String,
    extra: Extra,
    asset: Schema.Struct({ name: Schema.String, uri: Schema.String, extra: Extra }),
    source_aliases: Schema.Array(Schema.Struct({ name: Schema.String }))
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)
export type ConsumedEvent = typeof ConsumedEvent.Type

/** Which events; times are ISO 8601 with an offset. */
export interface EventOptions {
  readonly after?: string
  readonly before?: string
  readonly limit?: number
  /** The oldest first, which is the default. */
  readonly ascending?: boolean
}

/** The asset of that name or URI. */
export const get = (ref: AssetRef) =>
  "name" in ref
    ? ask({ type: "GetAssetByName", name: ref.name }, Asset)
    : ask({ type: "GetAssetByUri", uri: ref.uri }, Asset)

/** The assets behind an alias. */
export const ofAlias = (alias: string) =>
  Effect.map(
    ask({ type: "GetAssetsByAlias", alias_name: alias }, Schema.Struct({ assets: Schema.Array(Asset) })),
    ({ assets }) => assets
  )

const Events = Schema.Struct({ asset_events: Schema.Array(AssetEvent) })

const filter = ({ after, ascending, before, limit }: EventOptions) => ({
  after: after ?? null,
  before: before ?? null,
  limit: limit ?? null,
  ascending: ascending ?? true
})

/** The updates of an asset, by name, URI or both. */
export const events = (of: { readonly name?: string; readonly uri?: string }, options: EventOptions = {}) =>
  Effect.map(
    ask(
      { type: "GetAssetEventByAsset", name: of.name ?? null, uri: of.uri ?? null, ...filter(options) },
      Events
    ),
    ({ asset_events }) => asset_events
  )

/** The updates of the assets behind an alias. */
export const eventsOfAlias = (alias: string, options: EventOptions = {}) =>
  Effect.map(
    ask({ type: "GetAssetEventByAssetAlias", alias_name: alias, ...filter(options) }, Events),
    ({ asset_events }) => asset_events
  )

/** The updates that led to this run; none where something else did (Python: `triggering_asset_events`). */
export const consumed = TaskContext.use(({ dagRun }) =>
  read("the run's asset events", Schema.Array(ConsumedEvent), dagRun.consumedAssetEvents)
)

/** An asset that was updated, by its name, its URI or both. */
export type Updated = Omit<Outlet, "name" | "uri"> &
  (
    | { readonly name: string; readonly uri?: string | undefined }
    | { readonly uri: string; readonly name?: string | undefined }
  )

/** An event needs both names of its asset (`dest_asset_key`), so the site is asked for the one that is missing. */
const named = Effect.fnUntraced(function* (update: Updated) {
  const { name, uri } = update
  if (name !== undefined && uri !== undefined) return { ...update, name, uri } satisfies Outlet
  const asset = yield* get(name === undefined ? { uri: uri ?? "" } : { name })
  return { ...update, name: asset.name, uri: asset.uri } satisfies Outlet
})

/**
 * Says that this task has updated the asset; the site is told when the task has succeeded. The asset must be active, unless it
 * is updated through an alias. By its name or its URI alone it must be one that the site knows: else `NotFound`.
 */
export const updated = (update: Updated): Effect.Effect<void, RequestError, Asking> =>
  Effect.gen(function* () {
    const outlet = yield* named(update)
    const { gathered } = yield* TaskClient
    gathered.outlets.push(outlet)
  })
