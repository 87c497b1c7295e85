/** TaskInstances: other tasks of this run, and this task in others. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ask } from "./ask.ts"
import { TaskContext } from "./TaskContext.ts"

/** Which task instances; of this Dag where no other is named. Times are ISO 8601 with an offset. */
export interface Selection {
  readonly dagId?: string
  readonly mapIndex?: number
  readonly taskIds?: ReadonlyArray<string>
  readonly taskGroupId?: string
  readonly logicalDates?: ReadonlyArray<string>
  readonly runIds?: ReadonlyArray<string>
}

const selection = (which: Selection, dagId: string) => ({
  dag_id: which.dagId ?? dagId,
  map_index: which.mapIndex ?? null,
  task_ids: which.taskIds ?? null,
  task_group_id: which.taskGroupId ?? null,
  logical_dates: which.logicalDates ?? null,
  run_ids: which.runIds ?? null
})

/** How many there are, in these states where some are given. */
export const count = Effect.fnUntraced(function* (
  which: Selection & { readonly states?: ReadonlyArray<string> }
) {
  const { ti } = yield* TaskContext
  const { count } = yield* ask(
    { type: "GetTICount", ...selection(which, ti.dagId), states: which.states ?? null },
    Schema.Struct({ count: Schema.Int })
  )
  return count
})

/** Their states: by run, then by task (`task_id`, or `task_id_mapIndex`). */
export const states = Effect.fnUntraced(function* (which: Selection) {
  const { ti } = yield* TaskContext
  const State = Schema.NullOr(Schema.String)
  const { task_states } = yield* ask(
    { type: "GetTaskStates", ...selection(which, ti.dagId) },
    Schema.Struct({
      task_states: Schema.Record(Schema.String, Schema.Record(Schema.String, State))
    })
  )
  return task_states
})

const Text = Schema.optional(Schema.NullOr(Schema.String))

const Previous = Schema.Struct({
  task_id: Schema.String,
  dag_id: Schema.String,
  run_id: Schema.String,
  logical_date: Text,
  start_date: Text,
  end_date: Text,
  state: Text,
  try_number: Schema.Int,
  map_index: Schema.optional(Schema.NullOr(Schema.Int)),
  duration: Schema.optional(Schema.NullOr(Schema.Finite))
})

/** This task in the run before this one, or another where it is named; undefined where there is none. */
export const previous = Effect.fnUntraced(function* (
  which: {
    readonly taskId?: string
    readonly mapIndex?: number
    readonly logicalDate?: string
    readonly state?: string
  } = {}
) {
  const { dagRun, ti } = yield* TaskContext
  const { task_instance: found } = yield* ask(
    {
      type: "GetPreviousTI",
      dag_id: ti.dagId,
      task_id: which.taskId ?? ti.taskId,
      logical_date: which.logicalDate ?? dagRun.logicalDate,
      map_index: which.mapIndex ?? ti.mapIndex,
      state: which.state ?? null
    },
    Schema.Struct({ task_instance: Schema.optional(Schema.NullOr(Previous)) })
  )
  if (found === undefined || found === null) return undefined
  return {
    dagId: found.dag_id,
    taskId: found.task_id,
    runId: found.run_id,
    tryNumber: found.try_number,
    mapIndex: found.map_index ?? -1,
    state: found.state ?? null,
    logicalDate: found.logical_date ?? null,
    startDate: found.start_date ?? null,
    endDate: found.end_date ?? null,
    /** Seconds. */
    duration: found.duration ?? null
  }
})

/** The tasks of a run that have ended, with state, operator and duration in seconds; of this run where no other is named. */
export const breadcrumbs = Effect.fnUntraced(function* (
  run: { readonly dagId?: string; readonly runId?: string } = {}
) {
  const { ti } = yield* TaskContext
  const { breadcrumbs } = yield* ask(
    { type: "GetTaskBreadcrumbs", dag_id: run.dagId ?? ti.dagId, run_id: run.runId ?? ti.runId },
    Schema.Struct({ breadcrumbs: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)) })
  )
  return breadcrumbs
})

/** When this try was rescheduled for the first time: since when a sensor waits. Null where never. */
export const firstReschedule = Effect.gen(function* () {
  const { ti } = yield* TaskContext
  const { start_date } = yield* ask(
    { type: "GetTaskRescheduleStartDate", ti_id: ti.id, try_number: ti.tryNumber },
    Schema.Struct({ start_date: Schema.NullOr(Schema.String) })
  )
  return start_date
})
