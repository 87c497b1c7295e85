/** toldOutlets: what a task has updated, in the two lists of the message that ends it. */
import * as Effect from "effect/Effect"
import { toJson } from "./jsonValue.ts"
import type { Outlet } from "./TaskClient.ts"

/** One of a kind: an event is made for each asset of the list, and one by an alias only where the alias is in it. */
const profile = ({ alias, name, uri }: Outlet) =>
  alias === undefined ? { name, uri, type: "Asset" } : { name: alias, type: "AssetAlias" }

const distinct = (outlets: ReadonlyArray<Outlet>) => [
  ...new Map(outlets.map(profile).map((each) => [JSON.stringify(each), each])).values()
]

/** With nothing to tell, the place in the list of assets is enough for an event. */
const hasEvent = ({ alias, extra, partitions = [] }: Outlet) =>
  alias !== undefined || extra !== undefined || partitions.length > 0

const events = Effect.fnUntraced(function* ({ alias, name, partitions = [], uri, ...rest }: Outlet) {
  const extra = yield* toJson(`the extra of the asset ${name}`, rest.extra ?? {})
  const event = { dest_asset_key: { name, uri }, extra }
  if (alias !== undefined) return [{ source_alias_name: alias, dest_asset_extra: {}, ...event }]
  if (partitions.length === 0) return [event]
  return partitions.map((partition_key) => ({ ...event, partition_key }))
})

/** As Airflow's own task tells them (`_build_asset_profiles`, `_serialize_outlet_events` of `task_runner.py`, 3.3.2). */
export const toldOutlets = Effect.fnUntraced(function* (outlets: ReadonlyArray<Outlet>) {
  const outlet_events = yield* Effect.forEach(outlets.filter(hasEvent), events)
  return { task_outlets: distinct(outlets), outlet_events: outlet_events.flat() }
})
