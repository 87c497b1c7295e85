/** JobTrace: a job as one trace, joined to its Dag run's by the workload's `context_carrier`. */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import type { Claim } from "../protocol/Job.ts"

const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/

/** The W3C `traceparent` that Airflow put into the task instance (`TaskInstanceDTO.context_carrier`, edge3 5.1.0). */
export const parentOf = (claim: Claim): Tracer.ExternalSpan | undefined => {
  const { command } = claim.job
  if (command.type !== "ExecuteTask") return undefined
  const carried = command.ti.context_carrier?.traceparent
  const match = typeof carried === "string" ? traceparent.exec(carried) : null
  if (match === null) return undefined
  const [, traceId = "", spanId = "", flags = "00"] = match
  return Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 })
}

/** The job's own span; a child of the Dag run's where the site traces. */
export const withJobSpan = (claim: Claim) => {
  const parent = parentOf(claim)
  const { job } = claim
  return Effect.withSpan("JobRun.run", {
    ...(parent === undefined ? { root: true } : { parent }),
    attributes: {
      "airflow.dag_id": job.dag_id,
      "airflow.task_id": job.task_id,
      "airflow.dag_run.run_id": job.run_id,
      "airflow.task_instance.try_number": job.try_number,
      "airflow.task_instance.map_index": job.map_index
    }
  })
}
