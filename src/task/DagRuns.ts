/** DagRuns: runs of this Dag and of others: trigger, look at, count. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { DagRun } from "../protocol/TaskComms.ts"
import { type Asking, ask, tell } from "./ask.ts"
import { dagRunInfo } from "./contextOf.ts"
import { toJson } from "./jsonValue.ts"
import { type DagRunInfo, TaskContext } from "./TaskContext.ts"
import type { RequestError } from "./TaskRequestFailed.ts"

/** A run by its name. */
export interface RunName {
  readonly dagId: string
  readonly runId: string
}

/** What a run is triggered with. Times are ISO 8601 with an offset. */
export interface Trigger {
  readonly dagId: string
  /** Without one, `manual__` with the time and something random, as Airflow's own. */
  readonly runId?: string
  readonly conf?: Readonly<Record<string, unknown>>
  readonly logicalDate?: string | null
  readonly runAfter?: string
  /** Clears a run of that name instead of failing with `DAGRUN_ALREADY_EXISTS`. */
  readonly reset?: boolean
  readonly note?: string
  readonly partitionKey?: string
}

/** What a run says of itself. */
export interface DagRunAnswer extends DagRunInfo {
  readonly state: string | undefined
  readonly endDate: string | null
  readonly note: string | null
}

const newRunId = Effect.gen(function* () {
  const at = new Date(yield* Clock.currentTimeMillis).toISOString()
  const suffix = (yield* Random.nextIntBetween(0, 2 ** 40)).toString(36).padStart(8, "0")
  return `manual__${at.replace("Z", "+00:00")}_${suffix}`
})

/** Starts a run of a Dag; does not wait for it. */
export const trigger = Effect.fnUntraced(function* (run: Trigger) {
  const runId = run.runId ?? (yield* newRunId)
  yield* tell({
    type: "TriggerDagRun",
    dag_id: run.dagId,
    run_id: runId,
    logical_date: run.logicalDate ?? null,
    run_after: run.runAfter ?? null,
    conf: yield* toJson("the conf", run.conf ?? {}),
    reset_dag_run: run.reset ?? false,
    partition_key: run.partitionKey ?? null,
    note: run.note ?? null
  })
  return { dagId: run.dagId, runId } satisfies RunName
})

const told = (run: DagRun): DagRunAnswer => ({
  ...dagRunInfo(run),
  state: run.state,
  endDate: run.end_date,
  note: run.note ?? null
})

/** A run's state: `queued`, `running`, `success` or `failed`. */
export const state = ({ dagId, runId }: RunName): Effect.Effect<string, RequestError, Asking> =>
  Effect.map(
    ask({ type: "GetDagRunState", dag_id: dagId, run_id: runId }, Schema.Struct({ state: Schema.String })),
    ({ state }) => state
  )

/** A run. */
export const get = ({ dagId, runId }: RunName): Effect.Effect<DagRunAnswer, RequestError, Asking> =>
  Effect.map(ask({ type: "GetDagRun", dag_id: dagId, run_id: runId }, DagRun), told)

/** The run of this Dag before this one, if there is one; of that state where one is given. */
export const previous = Effect.fnUntraced(function* (options: { readonly state?: string } = {}) {
  const { dagRun } = yield* TaskContext
  // the site looks by the logical date, so a run without one has none before it
  if (dagRun.logicalDate === null) return undefined
  const { dag_run } = yield* ask(
    {
      type: "GetPreviousDagRun",
      dag_id: dagRun.dagId,
      logical_date: dagRun.logicalDate,
      state: options.state ?? null
    },
    Schema.Struct({ dag_run: Schema.optional(Schema.NullOr(DagRun)) })
  )
  return dag_run === undefined || dag_run === null ? undefined : told(dag_run)
})

const Time = Schema.optional(Schema.NullOr(Schema.String))

/** The times of the last run of this Dag before this one that succeeded; each null where there is none. */
export const previousSuccess = Effect.gen(function* () {
  const { ti } = yield* TaskContext
  const found = yield* ask(
    { type: "GetPrevSuccessfulDagRun", ti_id: ti.id },
    Schema.Struct({ data_interval_start: Time, data_interval_end: Time, start_date: Time, end_date: Time })
  )
  return {
    dataIntervalStart: found.data_interval_start ?? null,
    dataIntervalEnd: found.data_interval_end ?? null,
    startDate: found.start_date ?? null,
    endDate: found.end_date ?? null
  }
})

/** How many runs there are; of this Dag where no other is named. */
export const count = Effect.fnUntraced(function* (
  which: {
    readonly dagId?: string
    readonly logicalDates?: ReadonlyArray<string>
    readonly runIds?: ReadonlyArray<string>
    readonly states?: ReadonlyArray<string>
  } = {}
) {
  const { ti } = yield* TaskContext
  const { count } = yield* ask(
    {
      type: "GetDRCount",
      dag_id: which.dagId ?? ti.dagId,
      logical_dates: which.logicalDates ?? null,
      run_ids: which.runIds ?? null,
      states: which.states ?? null
    },
    Schema.Struct({ count: Schema.Int })
  )
  return count
})

/** What the site tells of a Dag, in its own words. */
export const dag = (dagId: string) =>
  ask(
    { type: "GetDag", dag_id: dagId },
    Schema.StructWithRest(
      Schema.Struct({ dag_id: Schema.String, is_paused: Schema.Boolean, tags: Schema.Array(Schema.String) }),
      [Schema.Record(Schema.String, Schema.Unknown)]
    )
  )
