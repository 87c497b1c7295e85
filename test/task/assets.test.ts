/** What a task has updated and what led to its run: how it is told, and how it is read. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Assets from "../../src/task/Assets.ts"
import * as Task from "../../src/task/Task.ts"
import * as TestTask from "../../src/testing/TestTask.ts"

const asset = { name: "a", uri: "s3://a" }

const endOf = (...updates: ReadonlyArray<Parameters<typeof Assets.updated>[0]>) =>
  Effect.map(
    TestTask.run(
      Task.make({ dagId: "dag", taskId: "task", run: () => Effect.forEach(updates, Assets.updated) })
    ),
    ({ end }) => end
  )

const knownTo = (update: Parameters<typeof Assets.updated>[0]) =>
  TestTask.run(Task.make({ dagId: "dag", taskId: "task", run: () => Assets.updated(update) }), {
    assets: [asset]
  })

describe("updates", () => {
  it.effect(
    "by an alias leave the making of the event to the site, and are no update by the asset's own name",
    () =>
      Effect.gen(function* () {
        expect(
          yield* endOf({ ...asset, alias: "any" }, { ...asset, alias: "any", extra: { n: 1 } })
        ).toMatchObject({
          task_outlets: [{ name: "any", type: "AssetAlias" }],
          outlet_events: [
            { source_alias_name: "any", dest_asset_key: asset, dest_asset_extra: {}, extra: {} },
            { source_alias_name: "any", dest_asset_key: asset, dest_asset_extra: {}, extra: { n: 1 } }
          ]
        })
      })
  )

  it.effect("by one name alone are told by both, as the site knows them", () =>
    Effect.gen(function* () {
      for (const one of [{ name: "a" }, { uri: "s3://a" }]) {
        const { end } = yield* knownTo({ ...one, extra: { n: 1 } })
        expect(end).toMatchObject({
          task_outlets: [{ ...asset, type: "Asset" }],
          outlet_events: [{ dest_asset_key: asset, extra: { n: 1 } }]
        })
      }
      expect((yield* knownTo(asset)).requests).toEqual([])
      const unknown = yield* knownTo({ name: "b" })
      expect(unknown.end).toMatchObject({ state: "failed" })
      expect(JSON.stringify(unknown.log)).toContain("there is no asset")
    })
  )

  it.effect("of partitions are an event each", () =>
    Effect.gen(function* () {
      expect(yield* endOf({ ...asset, partitions: ["de", "fr"], extra: { n: 1 } })).toMatchObject({
        task_outlets: [{ ...asset, type: "Asset" }],
        outlet_events: [
          { dest_asset_key: asset, extra: { n: 1 }, partition_key: "de" },
          { dest_asset_key: asset, extra: { n: 1 }, partition_key: "fr" }
        ]
      })
      expect(yield* endOf({ ...asset, partitions: [] })).toMatchObject({ outlet_events: [] })
    })
  )
})

it.effect("what led to the run is read as events, or refused where the site tells something else", () =>
  Effect.gen(function* () {
    const event = {
      ...{ asset, extra: { rows: 5 }, source_aliases: [{ name: "any" }], source_task_id: "writes" },
      ...{ timestamp: "2026-01-01T00:00:00Z", partition_key: null }
    }
    const reads = Task.fromAsync({
      dagId: "dag",
      taskId: "task",
      run: async ({ assets }) =>
        (await assets.consumed()).map(({ extra, source_task_id }) => [source_task_id, extra])
    })
    const of = (...consumed_asset_events: ReadonlyArray<unknown>) =>
      TestTask.run(reads, { dagRun: { consumed_asset_events } })
    expect((yield* of(event)).returned).toEqual([["writes", { rows: 5 }]])
    expect((yield* of()).returned).toEqual([])
    expect((yield* of("nonsense")).end).toMatchObject({ state: "failed" })
  })
)
