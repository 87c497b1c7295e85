/** Control: what the local commands say to the running worker through the socket in its state folder. */
import * as Schema from "effect/Schema"
import { WorkerState } from "./WorkerState.ts"

/**
 * What `status` and `maintenance` print. The first six keys are those of edge3 5.1.0 (`cli/dataclasses.py`,
 * `WorkerStatus`); the rest is ours.
 */
export const WorkerStatus = Schema.Struct({
  job_count: Schema.Int,
  /** One list a job: dag id, task id, run id, try number, map index (a `TaskInstanceKey` as Python prints it). */
  jobs: Schema.Array(Schema.Tuple([Schema.String, Schema.String, Schema.String, Schema.Int, Schema.Int])),
  state: WorkerState,
  maintenance: Schema.Boolean,
  maintenance_comments: Schema.NullOr(Schema.String),
  drain: Schema.Boolean,
  worker_name: Schema.String,
  pid: Schema.Int,
  queues: Schema.NullOr(Schema.Array(Schema.String)),
  concurrency: Schema.Int,
  free_concurrency: Schema.Int,
  /** ISO time of the last heartbeat that the site accepted; null before the first. */
  last_heartbeat: Schema.NullOr(Schema.String),
  /** What keeps the site from being reached, in words; null while it is reached. */
  site_problem: Schema.NullOr(Schema.String),
  /** Reports that the site has not accepted yet. */
  reports_waiting: Schema.Int,
  /** Bytes of task logs that the site has not accepted yet. */
  log_bytes_waiting: Schema.Int
})
export type WorkerStatus = typeof WorkerStatus.Type

/** One request a connection, as one line of JSON. */
export const ControlRequest = Schema.Union([
  Schema.Struct({ op: Schema.Literal("status") }),
  Schema.Struct({
    op: Schema.Literal("maintenance"),
    on: Schema.Boolean,
    comments: Schema.NullOr(Schema.String)
  }),
  Schema.Struct({ op: Schema.Literal("stop") })
])
export type ControlRequest = typeof ControlRequest.Type

/** One answer, as one line of JSON: the status after the request was carried out, or why it was not. */
export const ControlAnswer = Schema.Union([WorkerStatus, Schema.Struct({ error: Schema.String })])
export type ControlAnswer = typeof ControlAnswer.Type
