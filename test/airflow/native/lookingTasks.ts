/** lookingTasks: the bodies of the tasks in the Dag `native_looks`: stores, runs, other tasks, XComs of mapped ones, variables. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as DagRuns from "../../../src/task/DagRuns.ts"
import { Reschedule, RetryLater } from "../../../src/task/endings.ts"
import * as Task from "../../../src/task/Task.ts"
import { TaskContext } from "../../../src/task/TaskContext.ts"
import * as TaskInstances from "../../../src/task/TaskInstances.ts"
import * as TaskStore from "../../../src/task/TaskStore.ts"
import * as ThisTask from "../../../src/task/ThisTask.ts"
import * as Variables from "../../../src/task/Variables.ts"
import * as XCom from "../../../src/task/XCom.ts"

const dagId = "native_looks"
const Cursor = Schema.Struct({ page: Schema.Int, seen: Schema.Array(Schema.String) })

/** Three parts: a reschedule, a failure, a new try; what one keeps, the next one finds. */
const remembers = Task.make({
  dagId,
  taskId: "remembers",
  run: () =>
    Effect.gen(function* () {
      const { attempt, rescheduleCount } = yield* TaskContext
      const part = `${attempt}.${rescheduleCount}`
      const cursor = yield* TaskStore.get("cursor of/pages", Cursor).pipe(
        Effect.catchTag("NotFound", () => Effect.succeed({ page: 0, seen: [] }))
      )
      const next = { page: cursor.page + 1, seen: [...cursor.seen, part] }
      yield* TaskStore.set("cursor of/pages", next, { schema: Cursor })
      if (next.page === 1) return yield* new Reschedule({ at: { in: "1 second" } })
      const since = yield* TaskInstances.firstReschedule
      if (next.page === 2) {
        yield* TaskStore.set("since", since ?? "never")
        return yield* new RetryLater({ delay: "1 second", reason: "once more" })
      }
      yield* TaskStore.set("soon", 0, { expiresAt: "never" })
      yield* TaskStore.set("soon", 1, { expiresAt: new Date(Date.UTC(2100, 0)) })
      const soon = yield* TaskStore.get("soon", Schema.Int)
      const kept = yield* TaskStore.get("since")
      yield* TaskStore.delete("soon")
      const deleted = (yield* Effect.flip(TaskStore.get("soon")))._tag
      yield* TaskStore.clear
      const cleared = (yield* Effect.flip(TaskStore.get("cursor of/pages"))).message
      return { seen: next.seen, soon, since: typeof kept, deleted, cleared }
    })
})

const counts = Task.make({
  dagId,
  taskId: "counts",
  run: () =>
    Effect.gen(function* () {
      const { mapIndex } = yield* TaskContext
      yield* ThisTask.renderedMapIndex(`number ${mapIndex}`)
      if (mapIndex % 2 === 0) yield* XCom.push("even", mapIndex)
      return mapIndex * 10
    })
})

const xcoms = Effect.gen(function* () {
  const from = { taskId: "counts" }
  const slice = (slice: XCom.Slice) => XCom.getAll({ ...from, slice }, Schema.Int)
  yield* XCom.push("kept for a while", [1])
  const pushed = yield* XCom.get({ key: "kept for a while" })
  yield* XCom.delete({ key: "kept for a while" })
  return {
    all: yield* XCom.getAll(from, Schema.Int),
    middle: yield* slice({ start: 1, stop: 3 }),
    fromEnd: yield* slice({ start: -2 }),
    butLast: yield* slice({ stop: -1 }),
    everySecond: yield* slice({ step: 2 }),
    backwards: yield* slice({ step: -1 }),
    beyond: yield* slice({ start: 9 }),
    count: yield* XCom.count(from),
    evens: yield* XCom.count({ ...from, key: "even" }),
    evenOnes: yield* XCom.getAll({ ...from, key: "even" }, Schema.Int),
    none: yield* XCom.count({ ...from, key: "odd" }),
    second: yield* XCom.getItem({ ...from, offset: 1 }, Schema.Int),
    last: yield* XCom.getItem({ ...from, offset: -1 }, Schema.Int),
    noItem: (yield* Effect.flip(XCom.getItem({ ...from, offset: 5 })))._tag,
    byIndex: yield* XCom.get({ ...from, mapIndex: 3 }, Schema.Int),
    pushed,
    removed: (yield* XCom.getOption({ key: "kept for a while" }))._tag,
    noneNow: (yield* XCom.getOption({ taskId: "later", key: "nothing" }))._tag
  }
})

const runs = Effect.gen(function* () {
  const { dagRun, ti } = yield* TaskContext
  const run = { dagId, runId: ti.runId }
  const previous = yield* DagRuns.previous()
  const success = yield* DagRuns.previousSuccess
  const dag = yield* DagRuns.dag(dagId)
  const { logicalDate } = dagRun
  return {
    state: yield* DagRuns.state(run),
    own: (yield* DagRuns.get(run)).runType,
    noRun: (yield* Effect.flip(DagRuns.state({ dagId, runId: "never" })))._tag,
    previous: previous === undefined ? null : { runId: previous.runId, state: previous.state },
    previousFailed: (yield* DagRuns.previous({ state: "failed" }))?.runId ?? null,
    succeededBefore: success.startDate !== null && success.endDate !== null,
    counts: {
      thisOne: yield* DagRuns.count({ runIds: [ti.runId] }),
      failed: yield* DagRuns.count({ runIds: [ti.runId], states: ["failed"] }),
      byDate: yield* DagRuns.count({ logicalDates: logicalDate === null ? [] : [logicalDate] }),
      other: yield* DagRuns.count({ dagId: "native_large", runIds: ["never"] })
    },
    dag: { paused: dag.is_paused, tags: dag.tags }
  }
})

const instances = Effect.gen(function* () {
  const { ti } = yield* TaskContext
  const runIds = [ti.runId]
  const { count } = TaskInstances
  const before = yield* TaskInstances.previous()
  const crumbs = yield* TaskInstances.breadcrumbs()
  return {
    done: yield* count({ runIds, taskIds: ["counts"], states: ["success"] }),
    one: yield* count({ runIds, taskIds: ["counts"], mapIndex: 2 }),
    failed: yield* count({ runIds, states: ["failed"] }),
    states: (yield* TaskInstances.states({ runIds, taskIds: ["counts", "remembers", "looks"] }))[ti.runId],
    previous:
      before === undefined ? null : { runId: before.runId, state: before.state, index: before.mapIndex },
    otherBefore: (yield* TaskInstances.previous({ taskId: "counts", mapIndex: 3, state: "success" }))
      ?.mapIndex,
    crumbs: crumbs.map(({ task_id, map_index, state, operator }) => ({
      task_id,
      map_index,
      state,
      operator
    })),
    neverRescheduled: yield* TaskInstances.firstReschedule
  }
})

const variables = Effect.gen(function* () {
  const { ti } = yield* TaskContext
  const key = `native looks/${ti.runId}`
  yield* Variables.put(key, "first", { description: "of a test" })
  yield* Variables.putJson(key, { n: 1, big: 12345678901234567890n })
  const text = yield* Variables.get(key)
  const keys = yield* Variables.keys(key)
  yield* Variables.delete(key)
  yield* Variables.delete(key)
  return {
    text,
    keys: keys.length,
    gone: (yield* Effect.flip(Variables.get(key)))._tag,
    keysLeft: (yield* Variables.keys(key)).length
  }
})

const looks = Task.make({
  dagId,
  taskId: "looks",
  run: () =>
    Effect.gen(function* () {
      const seen = yield* Effect.all({ xcoms, runs, instances, variables })
      yield* ThisTask.skipDownstream([["left_out", 1]])
      return seen
    })
})

const leftOut = Task.fromAsync({
  dagId,
  taskId: "left_out",
  run: async ({ mapIndex, xcom }) => [
    mapIndex,
    await xcom.getItem({ taskId: "counts", offset: 4 }, Schema.Int)
  ]
})

export const lookingTasks = [remembers, counts, looks, leftOut]
