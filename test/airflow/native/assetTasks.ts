/** assetTasks: the bodies of the tasks in the Dags `native_assets` and `native_follows`. */
import * as Effect from "effect/Effect"
import * as AssetStore from "../../../src/task/AssetStore.ts"
import * as Assets from "../../../src/task/Assets.ts"
import * as Task from "../../../src/task/Task.ts"
import { TaskContext } from "../../../src/task/TaskContext.ts"
import * as ThisTask from "../../../src/task/ThisTask.ts"

const bread = { name: "native_bread", uri: "x-oven://native/bread" }
const slices = { name: "native_slices", uri: "x-oven://native/slices" }
/** Of an asset that no Dag names. */
const rolls = { name: "native_rolls", uri: "x-oven://native/rolls" }

const bakes = Task.make({
  dagId: "native_assets",
  taskId: "bakes",
  outlets: [bread],
  run: () =>
    Effect.gen(function* () {
      const { ti } = yield* TaskContext
      yield* Assets.updated({ ...bread, extra: { loaves: 3, weight: 1.5, by: ti.runId } })
      yield* Assets.updated({ ...slices, partitions: ["crust", "crumb"] })
    })
})

const serves = Task.fromAsync({
  dagId: "native_assets",
  taskId: "serves",
  run: async ({ assets, ti }) => {
    await assets.updated({ ...rolls, alias: "native_tray", extra: { rolls: 12, by: ti.runId } })
  }
})

const briefly = (events: ReadonlyArray<Assets.AssetEvent>) =>
  events.map(({ asset, extra, source_dag_id, source_task_id, source_run_id }) => ({
    ...{ name: asset.name, extra, source_dag_id, source_task_id, source_run_id }
  }))

/** Each of the asset's two names with a value of its own, read by the other; then both removed. */
const store = Effect.gen(function* () {
  const byName = { name: bread.name }
  const byUri = { uri: bread.uri }
  const nothing = { gone: (yield* Effect.flip(AssetStore.get(byName, "never"))).message }
  yield* AssetStore.set(byName, "water mark/1", { page: 7, rate: 0.5 })
  yield* AssetStore.set(byUri, "count", 2)
  yield* AssetStore.set(byUri, "count", 3)
  const read = {
    mark: yield* AssetStore.get(byUri, "water mark/1"),
    count: yield* AssetStore.get(byName, "count")
  }
  yield* AssetStore.delete(byUri, "count")
  const deleted = (yield* Effect.flip(AssetStore.get(byName, "count")))._tag
  const left = yield* AssetStore.get(byName, "water mark/1")
  yield* AssetStore.clear(byName)
  const cleared = (yield* Effect.flip(AssetStore.get(byUri, "water mark/1")))._tag
  return { ...nothing, ...read, deleted, left, cleared }
})

const tastes = Task.make({
  dagId: "native_assets",
  taskId: "tastes",
  run: () =>
    Effect.gen(function* () {
      const newest = { ascending: false, limit: 1 }
      const [last] = yield* Assets.events(bread, newest)
      const at = last?.timestamp ?? ""
      return {
        byName: yield* Assets.get({ name: bread.name }),
        byUri: yield* Assets.get({ uri: bread.uri }),
        noAsset: (yield* Effect.flip(Assets.get({ name: "native_cake" }))).message,
        ofAlias: yield* Assets.ofAlias("native_tray"),
        ofNoAlias: yield* Assets.ofAlias("native_table"),
        events: briefly(yield* Assets.events({ name: bread.name }, newest)),
        eventsByUri: briefly(yield* Assets.events({ uri: bread.uri }, newest)),
        eventsByBoth: briefly(yield* Assets.events(bread, { after: at, before: at })),
        eventsOfAlias: briefly(yield* Assets.eventsOfAlias("native_tray", newest)),
        partitions: (yield* Assets.events(slices, { ascending: false, limit: 2 }))
          .map(({ partition_key }) => String(partition_key))
          .toSorted(),
        inactive: yield* ThisTask.inactiveAssets,
        store: yield* store
      }
    })
})

const eats = Task.make({
  dagId: "native_follows",
  taskId: "eats",
  run: () =>
    Effect.gen(function* () {
      const { dagRun } = yield* TaskContext
      const events = yield* Assets.consumed
      return {
        runType: dagRun.runType,
        led: events.map(({ asset, extra, source_aliases, source_task_id }) => ({
          ...{ name: asset.name, uri: asset.uri, extra, aliases: source_aliases, task: source_task_id }
        }))
      }
    })
})

export const assetTasks = [bakes, serves, tastes, eats]
