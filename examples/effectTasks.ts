/** Tasks of effects: what the guide docs/guides/tasks.md shows to those who write Effect. */
import {
  DagRuns,
  HumanInput,
  Lossless,
  RetryLater,
  Task,
  TaskContext,
  TaskSkipped,
  ThisTask,
  Variables,
  XCom
} from "edge-worker/task"
import { Effect, Schema } from "effect"

const Order = Schema.Struct({ id: Lossless.BigInt, total: Schema.Finite })

export const total = Task.make({
  dagId: "orders",
  taskId: "total",
  params: Schema.Struct({ currency: Schema.String }),
  defaults: { currency: "EUR" },
  output: Schema.Struct({ currency: Schema.String, total: Schema.Finite, last: Lossless.BigInt }),
  run: Effect.fn("total")(function* ({ currency }) {
    const orders = yield* XCom.getAll({ taskId: "read" }, Order)
    const last = orders.at(-1)
    if (last === undefined) return yield* new TaskSkipped({ reason: "no orders" })
    yield* ThisTask.renderedMapIndex(`${orders.length} orders`)
    yield* Effect.logInfo("adding up", { orders: orders.length })
    return { currency, total: orders.reduce((sum, order) => sum + order.total, 0), last: last.id }
  })
})

const Limits = Schema.Struct({ openRuns: Schema.Int })

export const hand_over = Task.make({
  dagId: "orders",
  taskId: "hand_over",
  run: Effect.fn("hand_over")(function* () {
    const { dagRun } = yield* TaskContext
    const limits = yield* Variables.get("limits", Limits)
    const open = yield* DagRuns.count({ dagId: "billing", states: ["queued", "running"] })
    if (open >= limits.openRuns)
      return yield* new RetryLater({ delay: "5 minutes", reason: "billing is busy" })
    const { runId } = yield* DagRuns.trigger({ dagId: "billing", conf: { from: dagRun.runId } })
    return runId
  })
})

export const approve = Task.make({
  dagId: "orders",
  taskId: "approve",
  run: () =>
    HumanInput.askAndWait(
      { subject: "Send the bills?", options: ["send", "stop"] },
      { nextMethod: "answered", timeout: "1 day" }
    ),
  resume: {
    answered: Effect.fn("answered")(function* (kwargs) {
      const { by, chosen } = yield* HumanInput.answerOf(kwargs)
      if (chosen[0] !== "send") return yield* new TaskSkipped({ reason: `${by?.name} stopped it` })
    })
  }
})
