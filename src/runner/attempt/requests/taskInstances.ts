/** taskInstances: what a task says of itself and asks about other tasks. */
import * as Effect from "effect/Effect"
import type { JobState } from "../../../protocol/EdgeApi.ts"
import {
  answered,
  given,
  int,
  json,
  mapped,
  noted,
  objectOrNull,
  type Replies,
  responseMode,
  result
} from "./reply.ts"

interface Selection {
  readonly dag_id: string
  readonly map_index?: number | null
  readonly task_ids?: ReadonlyArray<string> | null
  readonly task_group_id?: string | null
  readonly logical_dates?: ReadonlyArray<string> | null
  readonly run_ids?: ReadonlyArray<string> | null
}

const selected = ({ dag_id, logical_dates, map_index, run_ids, task_group_id, task_ids }: Selection) => ({
  dag_id,
  ...mapped(map_index),
  ...given({ task_ids, task_group_id, logical_dates, run_ids })
})

/** Each by its type (Airflow 3.3.2, `execution_time/supervisor.py`, `request_handlers.py` and `api/client.py`). */
export const taskInstances: Replies<
  | "GetPreviousTI"
  | "GetTICount"
  | "GetTaskStates"
  | "GetTaskBreadcrumbs"
  | "GetTaskRescheduleStartDate"
  | "SkipDownstreamTasks"
  | "SetRenderedFields"
  | "SetRenderedMapIndex"
  | "ValidateInletsAndOutlets"
  | "CreateHITLDetailPayload"
> = {
  GetPreviousTI: ({ dag_id, logical_date, map_index, state, task_id }, { client }) =>
    client.ask({
      operation: "GetPreviousTI",
      send: ({ taskInstances }) =>
        taskInstances.previous({
          params: { dag_id, task_id },
          query: {
            map_index: map_index ?? -1,
            // A word that is no state is refused by the API's schema.
            ...given({ logical_date: logical_date || null, state: (state || null) as JobState | null })
          },
          responseMode
        }),
      read: (answer) => result("PreviousTIResult", { task_instance: objectOrNull(answer, ["task_id"]) })
    }),
  GetTICount: ({ states, ...selection }, { client }) =>
    client.ask({
      operation: "GetTICount",
      send: ({ taskInstances }) =>
        taskInstances.count({ query: { ...selected(selection), ...given({ states }) }, responseMode }),
      read: (answer) => result("TICount", { count: int(answer) })
    }),
  GetTaskStates: (selection, { client }) =>
    client.ask({
      operation: "GetTaskStates",
      send: ({ taskInstances }) => taskInstances.states({ query: selected(selection), responseMode }),
      read: answered("TaskStatesResult", ["task_states"])
    }),
  GetTaskBreadcrumbs: ({ dag_id, run_id }, { client }) =>
    client.ask({
      operation: "GetTaskBreadcrumbs",
      send: ({ taskInstances }) => taskInstances.breadcrumbs({ query: { dag_id, run_id }, responseMode }),
      read: answered("TaskBreadcrumbsResult", ["breadcrumbs"])
    }),
  /** The site takes no try number in 2026-06-30, although Airflow's client sends one. */
  GetTaskRescheduleStartDate: ({ ti_id }, { client }) =>
    client.ask({
      operation: "GetTaskRescheduleStartDate",
      send: ({ taskReschedules }) =>
        taskReschedules.startDate({ params: { task_instance_id: ti_id }, responseMode }),
      read: (answer) => {
        const start_date = json(answer)
        if (start_date !== null && typeof start_date !== "string")
          throw new TypeError("expected a time or null")
        return result("TaskRescheduleStartDate", { start_date })
      }
    }),
  SkipDownstreamTasks: ({ tasks }, { client, taskInstanceId }) =>
    client.ask({
      operation: "SkipDownstreamTasks",
      send: ({ taskInstances }) =>
        taskInstances.skipDownstream({
          params: { task_instance_id: taskInstanceId },
          payload: { tasks },
          responseMode
        }),
      read: noted
    }),
  SetRenderedFields: ({ rendered_fields }, { client, taskInstanceId }) =>
    client
      .ask({
        operation: "SetRenderedFields",
        send: ({ taskInstances }) =>
          taskInstances.rtif({
            params: { task_instance_id: taskInstanceId },
            payload: rendered_fields,
            responseMode
          }),
        read: noted
      })
      .pipe(
        // The try was archived meanwhile: the heartbeat says so too, and nobody misses its fields.
        Effect.catchTag("ExecutionRefused", (error) =>
          error.status === 410 ? Effect.succeed(null) : Effect.fail(error)
        )
      ),
  SetRenderedMapIndex: ({ rendered_map_index }, { client, taskInstanceId }) =>
    client.ask({
      operation: "SetRenderedMapIndex",
      send: ({ taskInstances }) =>
        taskInstances.renderedMapIndex({
          params: { task_instance_id: taskInstanceId },
          payload: rendered_map_index,
          responseMode
        }),
      read: noted
    }),
  ValidateInletsAndOutlets: ({ ti_id }, { client }) =>
    client.ask({
      operation: "ValidateInletsAndOutlets",
      send: ({ taskInstances }) =>
        taskInstances.validateInletsAndOutlets({ params: { task_instance_id: ti_id }, responseMode }),
      read: answered("InactiveAssetsResult", [])
    }),
  CreateHITLDetailPayload: ({ type: _, ...question }, { client }) => {
    const { ti_id, options, subject, ...more } = question
    return client.ask({
      operation: "CreateHITLDetailPayload",
      send: ({ hitl }) =>
        hitl.ask({
          params: { task_instance_id: ti_id },
          // What does not fit is refused by the API's schema.
          payload: { ti_id, options, subject, ...given(more) } as Parameters<typeof hitl.ask>[0]["payload"],
          responseMode
        }),
      read: answered("HITLDetailRequestResult", ["ti_id", "options", "subject"])
    })
  }
}
