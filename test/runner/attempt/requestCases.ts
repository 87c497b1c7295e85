/** requestCases: the requests of a task but those about assets and stores, the request to the site that it becomes, and what the task hears of its answer. */
import type { TaskRequest } from "../../../src/protocol/TaskComms.ts"
import type { Answer } from "./fakeSite.ts"
import { tiId } from "./harness.ts"

export interface Case {
  readonly request: TaskRequest
  /** `METHOD path?query`, decoded. */
  readonly asks: string
  /** The body of the request; absent: none. */
  readonly sends?: unknown
  readonly answer: Answer
  readonly hears: unknown
}

export const ok = { type: "OKResponse", ok: true }
export const done: Answer = { status: 204 }
export const created: Answer = { status: 201, body: "null" }
export const found = (body: unknown): Answer => ({ status: 200, body: JSON.stringify(body) })

const dag_id = "dag"
const run_id = "manual__2026-01-01T00:00:00+00:00"
const xcom = { dag_id, run_id, task_id: "t", key: "a/b" }
const xcomPath = `/xcoms/dag/${run_id}/t/a/b`
export const time = "2026-01-01T00:00:00Z"
const dagRun = {
  dag_id,
  run_id,
  logical_date: null,
  data_interval_start: null,
  data_interval_end: null,
  run_after: time,
  start_date: time,
  end_date: null,
  run_type: "manual",
  state: "running",
  conf: { n: 1 },
  consumed_asset_events: [],
  partition_key: null
}
const connection = {
  conn_id: "db",
  conn_type: "postgres",
  host: "h",
  schema: null,
  login: "me",
  password: "pw-secret",
  port: 5432,
  extra: '{"secret":"extra-secret"}'
}
const dag = {
  dag_id,
  is_paused: false,
  bundle_name: "b",
  bundle_version: null,
  relative_fileloc: "d.py",
  owners: "me",
  tags: [],
  next_dagrun: null
}
const times = { data_interval_start: time, data_interval_end: time, start_date: time, end_date: time }

export const cases: ReadonlyArray<Case> = [
  {
    request: { type: "GetXCom", ...xcom, map_index: null },
    asks: `GET ${xcomPath}`,
    answer: found({ key: "a/b", value: [1, null] }),
    hears: { type: "XComResult", key: "a/b", value: [1, null] }
  },
  {
    request: { type: "GetXCom", ...xcom, map_index: 3, include_prior_dates: true },
    asks: `GET ${xcomPath}?map_index=3&include_prior_dates=true`,
    answer: { status: 404, body: '{"detail":{"reason":"not_found","message":"x"}}' },
    hears: { type: "XComResult", key: "a/b", value: null }
  },
  {
    request: { type: "GetXComCount", ...xcom },
    asks: `HEAD ${xcomPath}`,
    answer: { status: 200, headers: { "content-range": "map_indexes 7" } },
    hears: { type: "XComCountResponse", len: 7 }
  },
  {
    request: { type: "GetXComSequenceItem", ...xcom, offset: -1 },
    asks: `GET ${xcomPath}/item/-1`,
    answer: found({ n: 1 }),
    hears: { type: "XComSequenceIndexResult", root: { n: 1 } }
  },
  {
    request: { type: "GetXComSequenceItem", ...xcom, offset: 9 },
    asks: `GET ${xcomPath}/item/9`,
    answer: { status: 404, body: '{"detail":{"reason":"not_found"}}' },
    hears: { type: "ErrorResponse", error: "XCOM_NOT_FOUND", detail: { ...xcom, offset: 9 } }
  },
  {
    request: {
      type: "GetXComSequenceSlice",
      ...xcom,
      start: 0,
      stop: null,
      step: 2,
      include_prior_dates: true
    },
    asks: `GET ${xcomPath}/slice?start=0&step=2&include_prior_dates=true`,
    answer: found([1, "a"]),
    hears: { type: "XComSequenceSliceResult", root: [1, "a"] }
  },
  {
    request: {
      type: "SetXCom",
      ...xcom,
      value: { a: [1] },
      map_index: 2,
      dag_result: true,
      mapped_length: 1
    },
    asks: `POST ${xcomPath}?map_index=2&dag_result=true&mapped_length=1`,
    sends: { a: [1] },
    answer: created,
    hears: null
  },
  {
    request: { type: "SetXCom", ...xcom, value: null, map_index: -1, mapped_length: null },
    asks: `POST ${xcomPath}`,
    sends: null,
    answer: created,
    hears: null
  },
  {
    request: { type: "DeleteXCom", ...xcom, map_index: 0 },
    asks: `DELETE ${xcomPath}?map_index=0`,
    answer: { status: 200, body: '{"message":"gone"}' },
    hears: null
  },
  {
    request: { type: "GetVariable", key: "a/b" },
    asks: "GET /variables/a/b",
    answer: found({ key: "a/b", value: "v" }),
    hears: { type: "VariableResult", key: "a/b", value: "v" }
  },
  {
    request: { type: "GetVariableKeys", prefix: "p", limit: 10, offset: 5 },
    asks: "GET /variables/keys?prefix=p&limit=10&offset=5",
    answer: found({ keys: ["p1"], total_entries: 6 }),
    hears: { type: "VariableKeysResult", keys: ["p1"], total_entries: 6 }
  },
  {
    request: { type: "PutVariable", key: "k", value: "v", description: null },
    asks: "PUT /variables/k",
    sends: { val: "v", description: null },
    answer: created,
    hears: null
  },
  { request: { type: "DeleteVariable", key: "k" }, asks: "DELETE /variables/k", answer: done, hears: ok },
  {
    request: { type: "GetConnection", conn_id: "db" },
    asks: "GET /connections/db",
    answer: found(connection),
    hears: { type: "ConnectionResult", ...connection }
  },
  {
    request: { type: "GetConnection", conn_id: "db" },
    asks: "GET /connections/db",
    answer: { status: 404, body: '{"detail":{"reason":"not_found"}}' },
    hears: { type: "ErrorResponse", error: "CONNECTION_NOT_FOUND", detail: { conn_id: "db" } }
  },
  {
    request: { type: "GetConnection", conn_id: "db" },
    asks: "GET /connections/db",
    answer: { status: 403, body: '{"detail":{"reason":"access_denied"}}' },
    hears: { type: "ErrorResponse", error: "PERMISSION_DENIED", detail: { conn_id: "db", status_code: 403 } }
  },
  {
    request: {
      type: "TriggerDagRun",
      dag_id,
      run_id,
      logical_date: time,
      run_after: null,
      conf: { n: 1 },
      reset_dag_run: true,
      partition_key: "p",
      note: "n"
    },
    asks: `POST /dag-runs/dag/${run_id}`,
    sends: { conf: { n: 1 }, logical_date: time, partition_key: "p", note: "n", reset_dag_run: true },
    answer: done,
    hears: ok
  },
  {
    request: { type: "TriggerDagRun", dag_id, run_id, reset_dag_run: false },
    asks: `POST /dag-runs/dag/${run_id}`,
    sends: {},
    answer: { status: 409, body: '{"detail":{"reason":"already_exists"}}' },
    hears: { type: "ErrorResponse", error: "DAGRUN_ALREADY_EXISTS", detail: null }
  },
  {
    request: { type: "GetDagRun", dag_id, run_id },
    asks: `GET /dag-runs/dag/${run_id}`,
    answer: found(dagRun),
    hears: { type: "DagRunResult", ...dagRun }
  },
  {
    request: { type: "GetDagRunState", dag_id, run_id },
    asks: `GET /dag-runs/dag/${run_id}/state`,
    answer: found({ state: "success" }),
    hears: { type: "DagRunStateResult", state: "success" }
  },
  {
    request: { type: "GetPreviousDagRun", dag_id, logical_date: time, state: "success" },
    asks: `GET /dag-runs/previous?dag_id=dag&logical_date=${time}&state=success`,
    answer: found(dagRun),
    hears: { type: "PreviousDagRunResult", dag_run: dagRun }
  },
  {
    request: { type: "GetPreviousDagRun", dag_id, logical_date: time, state: null },
    asks: `GET /dag-runs/previous?dag_id=dag&logical_date=${time}`,
    answer: found(null),
    hears: { type: "PreviousDagRunResult", dag_run: null }
  },
  {
    request: { type: "GetPrevSuccessfulDagRun", ti_id: "whatever the task says" },
    asks: `GET /task-instances/${tiId}/previous-successful-dagrun`,
    answer: found(times),
    hears: { type: "PrevSuccessfulDagRunResult", ...times }
  },
  {
    request: { type: "GetDRCount", dag_id, logical_dates: [time], run_ids: ["a", "b"], states: null },
    asks: `GET /dag-runs/count?dag_id=dag&logical_dates=${time}&run_ids=a&run_ids=b`,
    answer: found(4),
    hears: { type: "DRCount", count: 4 }
  },
  {
    request: { type: "GetDag", dag_id },
    asks: "GET /dags/dag",
    answer: found(dag),
    hears: { type: "DagResult", ...dag }
  },
  {
    request: { type: "GetPreviousTI", dag_id, task_id: "t", logical_date: time, state: "success" },
    asks: `GET /task-instances/previous/dag/t?logical_date=${time}&map_index=-1&state=success`,
    answer: found({ task_id: "t", dag_id, run_id, try_number: 1, duration: 1.5 }),
    hears: {
      type: "PreviousTIResult",
      task_instance: { task_id: "t", dag_id, run_id, try_number: 1, duration: 1.5 }
    }
  },
  {
    request: { type: "GetTICount", dag_id, map_index: -1, task_ids: ["a", "b"], states: ["success"] },
    asks: "GET /task-instances/count?dag_id=dag&task_ids=a&task_ids=b&states=success",
    answer: found(2),
    hears: { type: "TICount", count: 2 }
  },
  {
    request: { type: "GetTaskStates", dag_id, task_group_id: "g", run_ids: [run_id], map_index: 1 },
    asks: `GET /task-instances/states?dag_id=dag&map_index=1&task_group_id=g&run_ids=${run_id}`,
    answer: found({ task_states: { [run_id]: { t: "success" } } }),
    hears: { type: "TaskStatesResult", task_states: { [run_id]: { t: "success" } } }
  },
  {
    request: { type: "GetTaskBreadcrumbs", dag_id, run_id },
    asks: `GET /task-instances/breadcrumbs?dag_id=dag&run_id=${run_id}`,
    answer: found({ breadcrumbs: [{ task_id: "t" }] }),
    hears: { type: "TaskBreadcrumbsResult", breadcrumbs: [{ task_id: "t" }] }
  },
  {
    request: { type: "GetTaskRescheduleStartDate", ti_id: tiId, try_number: 2 },
    asks: `GET /task-reschedules/${tiId}/start_date`,
    answer: found(time),
    hears: { type: "TaskRescheduleStartDate", start_date: time }
  },
  {
    request: { type: "SkipDownstreamTasks", tasks: ["a", ["b", 1]] },
    asks: `PATCH /task-instances/${tiId}/skip-downstream`,
    sends: { tasks: ["a", ["b", 1]] },
    answer: done,
    hears: null
  },
  {
    request: { type: "SetRenderedFields", rendered_fields: { bash_command: "x", n: 1 } },
    asks: `PUT /task-instances/${tiId}/rtif`,
    sends: { bash_command: "x", n: 1 },
    answer: created,
    hears: null
  },
  {
    request: { type: "SetRenderedFields", rendered_fields: {} },
    asks: `PUT /task-instances/${tiId}/rtif`,
    sends: {},
    answer: { status: 410, body: '{"detail":{"reason":"gone"}}' },
    hears: null
  },
  {
    request: { type: "SetRenderedMapIndex", rendered_map_index: "x" },
    asks: `PATCH /task-instances/${tiId}/rendered-map-index`,
    sends: "x",
    answer: done,
    hears: null
  },
  {
    request: { type: "ValidateInletsAndOutlets", ti_id: tiId },
    asks: `GET /task-instances/${tiId}/validate-inlets-and-outlets`,
    answer: found({ inactive_assets: [{ name: "n", uri: "u", type: "Asset" }] }),
    hears: { type: "InactiveAssetsResult", inactive_assets: [{ name: "n", uri: "u", type: "Asset" }] }
  }
]
