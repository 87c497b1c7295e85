/** Tasks around assets and people: what the guide docs/guides/tasks.md shows of updates, stored values and approvals. */
import { AssetStore, Assets, HumanInput, Task, ThisTask, XCom } from "edge-worker/task"
import { Effect, Schema } from "effect"

const bills = { name: "bills", uri: "s3://orders/bills" }

export const write = Task.make({
  dagId: "orders",
  taskId: "write",
  outlets: [bills],
  run: Effect.fn("write")(function* () {
    const last = yield* AssetStore.get(bills, "last", Schema.Int).pipe(
      Effect.catchTag("NotFound", () => Effect.succeed(0))
    )
    const ids = yield* XCom.get({ taskId: "read" }, Schema.Array(Schema.Int))
    const fresh = ids.filter((id) => id > last)
    yield* AssetStore.set(bills, "last", Math.max(last, ...fresh))
    yield* Assets.updated({ ...bills, extra: { bills: fresh.length } })
  })
})

export const collect = Task.fromAsync({
  dagId: "reports",
  taskId: "collect",
  run: async ({ assets, log }) => {
    for (const { asset, extra } of await assets.consumed()) log.info(asset.name, { bills: extra?.["bills"] })
    const newest = await assets.events(bills, { ascending: false, limit: 10 })
    await assets.updated({ name: "report", uri: "s3://reports/today", alias: "reports" })
    return newest.map(({ timestamp }) => timestamp)
  }
})

export const check = Task.make({
  dagId: "reports",
  taskId: "check",
  run: () =>
    HumanInput.askAndWait(
      {
        subject: "Send the report?",
        options: ["send", "stop"],
        defaults: ["stop"],
        params: { note: "" },
        assignedUsers: [{ id: "1", name: "Ada" }]
      },
      { nextMethod: "answered", timeout: "8 hours" }
    ),
  resume: {
    answered: Effect.fn("answered")(function* (kwargs) {
      const { chosen, params, timedOut } = yield* HumanInput.answerOf(kwargs)
      if (chosen.includes("stop")) yield* ThisTask.skipDownstream(["send"])
      return { note: timedOut ? "nobody looked" : String(params["note"]) }
    })
  }
})
