/** contextOf: a task's context, from the details that its attempt sent. */
import { isVerbatim } from "../protocol/Json.ts"
import type { DagRun, StartupDetails } from "../protocol/TaskComms.ts"
import type { Task } from "./Task.ts"
import type { DagRunInfo, Resumption, TaskContext } from "./TaskContext.ts"

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isVerbatim(value)

const objectOr = (value: unknown): Json => (isObject(value) ? value : {})

/** A run in the words of a task. */
export const dagRunInfo = (run: DagRun): DagRunInfo => ({
  dagId: run.dag_id,
  runId: run.run_id,
  runType: run.run_type,
  conf: objectOr(run.conf),
  logicalDate: run.logical_date,
  dataIntervalStart: run.data_interval_start,
  dataIntervalEnd: run.data_interval_end,
  runAfter: run.run_after,
  startDate: run.start_date,
  triggeringUser: run.triggering_user_name ?? null,
  partitionKey: run.partition_key ?? null,
  consumedAssetEvents: run.consumed_asset_events ?? []
})

/** `next_kwargs` in the form of `BaseSerialization`, which a site's older parts still write: `{__type: "dict", __var}`. */
const unwrapped = (kwargs: Json): Json => (kwargs["__type"] === "dict" ? objectOr(kwargs["__var"]) : kwargs)

const resumption = ({ next_method, next_kwargs }: StartupDetails["ti_context"]): Resumption | undefined =>
  typeof next_method === "string"
    ? { method: next_method, kwargs: unwrapped(objectOr(next_kwargs)) }
    : undefined

/** The context of the attempt that has these details. */
export const contextOf = (details: StartupDetails, task: Pick<Task, "defaults">): TaskContext["Service"] => {
  const { ti, ti_context, start_date } = details
  const dagRun = dagRunInfo(ti_context.dag_run)
  const mapIndex = ti.map_index ?? -1
  return {
    ti: {
      id: ti.id,
      dagId: ti.dag_id,
      taskId: ti.task_id,
      runId: ti.run_id,
      tryNumber: ti.try_number,
      maxTries: ti_context.max_tries,
      mapIndex,
      hostname: ti.hostname ?? undefined,
      queue: ti.queue,
      dagVersionId: ti.dag_version_id
    },
    dagRun,
    params: { ...task.defaults, ...dagRun.conf },
    mapIndex,
    attempt: ti.try_number,
    willRetry: ti_context.should_retry ?? false,
    rescheduleCount: ti_context.task_reschedule_count ?? 0,
    startDate: start_date,
    resumption: resumption(ti_context),
    details
  }
}
