/** xcoms: what tasks leave for one another, through the XCom backend. */
import * as Effect from "effect/Effect"
import { countOf } from "../../../protocol/execution/XComs.ts"
import type { TaskRequest } from "../../../protocol/TaskComms.ts"
import type { ExecutionClient } from "../ExecutionClient.ts"
import {
  array,
  given,
  json,
  mapped,
  noted,
  object,
  type Replies,
  refusedAs,
  responseMode,
  result
} from "./reply.ts"

/** The requests about XComs. */
export type XComRequest = Extract<TaskRequest["type"], `${string}XCom${string}`>

interface Place {
  readonly dag_id: string
  readonly run_id: string
  readonly task_id: string
  readonly key: string
  readonly map_index?: number | null | undefined
}

const params = ({ dag_id, key, run_id, task_id }: Place) => ({ dag_id, run_id, task_id, key })
const placeOf = (at: Place, map_index = at.map_index ?? -1) => ({ ...params(at), map_index })

/** The stored value; undefined where there is none (404). */
const stored = (client: ExecutionClient, operation: string, at: Place, include_prior_dates = false) =>
  client
    .ask({
      operation,
      send: ({ xcoms }) =>
        xcoms.get({
          params: params(at),
          query: { ...mapped(at.map_index), ...(include_prior_dates ? { include_prior_dates } : {}) },
          responseMode
        }),
      read: (answer) => ({ value: object(answer, ["value"])["value"] })
    })
    .pipe(
      Effect.catchTag("ExecutionRefused", (error) =>
        error.status === 404 ? Effect.undefined : Effect.fail(error)
      )
    )

/** Each by its type (Airflow 3.3.2, `execution_time/request_handlers.py` and `api/client.py`). */
export const xcoms: Replies<XComRequest> = {
  GetXCom: Effect.fnUntraced(function* (request, { client, xcomBackend }) {
    const found = yield* stored(client, "GetXCom", request, request.include_prior_dates)
    // Airflow's `xcom_pull` gives None where there is nothing.
    const value = found === undefined ? null : yield* xcomBackend.deserialize(found.value, placeOf(request))
    return result("XComResult", { key: request.key, value })
  }),
  GetXComCount: (request, { client }) =>
    client.ask({
      operation: "GetXComCount",
      send: (calls) => calls.xcoms.count({ params: params(request), query: {}, responseMode }),
      read: ({ headers }) => {
        const len = countOf(headers["content-range"] ?? "")
        if (len === undefined) throw new TypeError("expected a Content-Range")
        return result("XComCountResponse", { len })
      }
    }),
  GetXComSequenceItem: Effect.fnUntraced(function* (request, { client, xcomBackend }) {
    const { offset } = request
    const found = yield* client
      .ask({
        operation: "GetXComSequenceItem",
        send: (calls) => calls.xcoms.item({ params: { ...params(request), offset }, responseMode }),
        read: (answer) => ({ root: json(answer) })
      })
      .pipe(
        Effect.catchTag("ExecutionRefused", (error) =>
          error.status === 404 ? Effect.undefined : Effect.fail(error)
        )
      )
    return found === undefined
      ? refusedAs("XCOM_NOT_FOUND", { ...params(request), offset })
      : result("XComSequenceIndexResult", {
          root: yield* xcomBackend.deserialize(found.root, placeOf(request, offset))
        })
  }),
  GetXComSequenceSlice: Effect.fnUntraced(function* (request, { client, xcomBackend }) {
    const { include_prior_dates, start, step, stop } = request
    const found = yield* client.ask({
      operation: "GetXComSequenceSlice",
      send: (calls) =>
        calls.xcoms.slice({
          params: params(request),
          query: given({ start, stop, step, include_prior_dates: include_prior_dates || null }),
          responseMode
        }),
      read: array
    })
    const root = yield* Effect.forEach(found, (value) => xcomBackend.deserialize(value, placeOf(request, -1)))
    return result("XComSequenceSliceResult", { root })
  }),
  SetXCom: Effect.fnUntraced(function* (request, { client, xcomBackend }) {
    const { dag_result, map_index, mapped_length } = request
    const payload = yield* xcomBackend.serialize(request.value, placeOf(request))
    return yield* client.ask({
      operation: "SetXCom",
      send: (calls) =>
        calls.xcoms.set({
          params: params(request),
          query: {
            ...mapped(map_index),
            ...(dag_result ? { dag_result } : {}),
            ...(mapped_length === null || mapped_length === undefined || mapped_length < 0
              ? {}
              : { mapped_length })
          },
          payload,
          responseMode
        }),
      read: noted
    })
  }),
  DeleteXCom: Effect.fnUntraced(function* (request, { client, xcomBackend }) {
    const found = yield* stored(client, "DeleteXCom", request).pipe(
      // Too large to be read: no place that a backend has written, and nothing to keep the task from its next try.
      Effect.catchTag("ExecutionRefused", (error) =>
        error.status === 200 ? Effect.undefined : Effect.fail(error)
      )
    )
    if (found !== undefined) yield* xcomBackend.purge(found.value, placeOf(request))
    return yield* client.ask({
      operation: "DeleteXCom",
      send: (calls) =>
        calls.xcoms.remove({ params: params(request), query: mapped(request.map_index), responseMode }),
      read: noted
    })
  })
}
