/** dagRuns: runs of Dags, and Dags themselves. */
import * as Effect from "effect/Effect"
import type { DagRunState } from "../../../protocol/execution/RunContext.ts"
import {
  answered,
  given,
  int,
  noted,
  objectOrNull,
  ok,
  type Replies,
  refusedAs,
  responseMode,
  result
} from "./reply.ts"

const dagRunKeys = ["dag_id", "run_id"]

/** Each by its type (Airflow 3.3.2, `execution_time/supervisor.py`, `request_handlers.py` and `api/client.py`). */
export const dagRuns: Replies<
  | "TriggerDagRun"
  | "GetDagRun"
  | "GetDagRunState"
  | "GetPreviousDagRun"
  | "GetPrevSuccessfulDagRun"
  | "GetDRCount"
  | "GetDag"
> = {
  TriggerDagRun: Effect.fnUntraced(function* (request, { client }) {
    const { conf, dag_id, logical_date, note, partition_key, reset_dag_run, run_after, run_id } = request
    const params = { dag_id, run_id }
    const payload = {
      // What is not an object is refused by the API's schema.
      ...given({ conf: conf as Readonly<Record<string, unknown>> | null }),
      ...given({ logical_date, run_after, partition_key, note }),
      ...(reset_dag_run ? { reset_dag_run } : {})
    }
    const triggered = yield* client
      .ask({
        operation: "TriggerDagRun",
        send: ({ dagRuns }) => dagRuns.trigger({ params, payload, responseMode }),
        read: noted
      })
      .pipe(
        Effect.as(true),
        Effect.catchTag("ExecutionRefused", (error) =>
          error.status === 409 ? Effect.succeed(false) : Effect.fail(error)
        )
      )
    if (triggered) return ok
    if (!reset_dag_run) return refusedAs("DAGRUN_ALREADY_EXISTS", null)
    yield* client.ask({
      operation: "TriggerDagRun",
      send: ({ dagRuns }) => dagRuns.clear({ params, responseMode }),
      read: noted
    })
    return ok
  }),
  GetDagRun: ({ dag_id, run_id }, { client }) =>
    client.ask({
      operation: "GetDagRun",
      send: ({ dagRuns }) => dagRuns.get({ params: { dag_id, run_id }, responseMode }),
      read: answered("DagRunResult", dagRunKeys)
    }),
  GetDagRunState: ({ dag_id, run_id }, { client }) =>
    client.ask({
      operation: "GetDagRunState",
      send: ({ dagRuns }) => dagRuns.state({ params: { dag_id, run_id }, responseMode }),
      read: answered("DagRunStateResult", ["state"])
    }),
  GetPreviousDagRun: ({ dag_id, logical_date, state }, { client }) =>
    client.ask({
      operation: "GetPreviousDagRun",
      send: ({ dagRuns }) =>
        dagRuns.previous({
          // A word that is no state is refused by the API's schema.
          query: { dag_id, logical_date, ...given({ state: (state || null) as DagRunState | null }) },
          responseMode
        }),
      read: (answer) => result("PreviousDagRunResult", { dag_run: objectOrNull(answer, dagRunKeys) })
    }),
  GetPrevSuccessfulDagRun: (_, { client, taskInstanceId }) =>
    client.ask({
      operation: "GetPrevSuccessfulDagRun",
      send: ({ taskInstances }) =>
        taskInstances.previousSuccessfulDagRun({
          params: { task_instance_id: taskInstanceId },
          responseMode
        }),
      read: answered("PrevSuccessfulDagRunResult", [])
    }),
  GetDRCount: ({ dag_id, logical_dates, run_ids, states }, { client }) =>
    client.ask({
      operation: "GetDRCount",
      send: ({ dagRuns }) =>
        dagRuns.count({ query: { dag_id, ...given({ logical_dates, run_ids, states }) }, responseMode }),
      read: (answer) => result("DRCount", { count: int(answer) })
    }),
  GetDag: ({ dag_id }, { client }) =>
    client.ask({
      operation: "GetDag",
      send: ({ dags }) => dags.get({ params: { dag_id }, responseMode }),
      read: answered("DagResult", ["dag_id"])
    })
}
