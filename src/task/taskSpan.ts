/** taskSpan: a task's run as a span of its Dag run's trace. */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import type { StartupDetails } from "../protocol/TaskComms.ts"

/** W3C Trace Context, level 1. */
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})/

const parentOf = ({ ti }: StartupDetails): Tracer.ExternalSpan | undefined => {
  const carried = ti.context_carrier?.["traceparent"]
  const match = typeof carried === "string" ? traceparent.exec(carried) : null
  if (match === null) return undefined
  const [, traceId = "", spanId = "", flags = "00"] = match
  return Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 })
}

/** The span is a child of the one whose W3C `traceparent` the task instance carries. */
export const withTaskSpan = <A, E, R>(details: StartupDetails, run: Effect.Effect<A, E, R>) => {
  const parent = parentOf(details)
  const { ti } = details
  return Effect.withSpan(run, "Task.run", {
    captureStackTrace: false,
    ...(parent === undefined ? { root: true } : { parent }),
    attributes: {
      "airflow.dag_id": ti.dag_id,
      "airflow.task_id": ti.task_id,
      "airflow.dag_run.run_id": ti.run_id,
      "airflow.task_instance.try_number": ti.try_number,
      "airflow.task_instance.map_index": ti.map_index ?? -1
    }
  })
}
