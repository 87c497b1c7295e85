/** Airflow's twelve words for an edge worker's state, as they travel on the wire. */
import * as Schema from "effect/Schema"

/**
 * `EdgeWorkerState` of edge3 5.1.0 (`models/edge_worker.py`, published in the Edge API's OpenAPI document).
 *
 * `shutdown request`, `unknown`, `maintenance request` and `maintenance exit` are the central's words only: a
 * worker is never in them.
 */
export const WorkerState = Schema.Literals([
  "starting",
  "running",
  "idle",
  "shutdown request",
  "terminating",
  "offline",
  "unknown",
  "maintenance request",
  "maintenance pending",
  "maintenance mode",
  "maintenance exit",
  "offline maintenance"
])

/** One of Airflow's twelve words. */
export type WorkerState = typeof WorkerState.Type
