/** TaskSite: what a site would answer to a task, from memory; the other end of the line in tests of tasks. */
import { stringify } from "../protocol/Json.ts"
import type { ErrorResponse, ErrorType, TaskAnswer, TaskRequest } from "../protocol/TaskComms.ts"
import { plainJson } from "../task/jsonValue.ts"

/** An XCom that is there, or was pushed; what is not said is of the task that runs. */
export interface GivenXCom {
  readonly taskId: string
  /** `return_value` by default. */
  readonly key?: string
  /** Of a mapped task's instance. */
  readonly mapIndex?: number
  readonly dagId?: string
  readonly runId?: string
  readonly value: unknown
}

/** A connection; what is not said it has not. */
export interface GivenConnection {
  readonly type?: string
  readonly host?: string
  readonly schema?: string
  readonly login?: string
  readonly password?: string
  readonly port?: number
  readonly extra?: Readonly<Record<string, unknown>>
}

type Of<T extends TaskRequest["type"]> = Extract<TaskRequest, { readonly type: T }>
type Answers = { readonly [T in TaskRequest["type"]]: (request: Of<T>) => TaskAnswer }

/** What is there when the task begins. */
export interface SiteOptions {
  readonly xcoms?: ReadonlyArray<Required<GivenXCom>>
  readonly variables?: Readonly<Record<string, string>>
  readonly connections?: Readonly<Record<string, GivenConnection>>
  /** States of runs of other Dags, by `dag/run`. */
  readonly runs?: Readonly<Record<string, string>>
  readonly assets?: ReadonlyArray<{ readonly name: string; readonly uri: string }>
  readonly taskStore?: Readonly<Record<string, unknown>>
  /** `[core] max_map_length`. */
  readonly maxMapLength?: number
}

/** JSON as it comes over the wire. */
const wire = (value: unknown) => plainJson(value) ?? null

const no = (error: ErrorType, detail: Readonly<Record<string, unknown>> = {}): ErrorResponse => ({
  type: "ErrorResponse",
  error,
  detail
})

const done: TaskAnswer = { type: "OKResponse", ok: true }

/** A site with this in it; everything that the task changes can be read from it. */
export const make = (options: SiteOptions) => {
  const xcoms = (options.xcoms ?? []).map((each) => ({ ...each, value: wire(each.value) }))
  const variables = new Map(Object.entries(options.variables ?? {}))
  const taskStore = new Map(Object.entries(options.taskStore ?? {}).map(([key, value]) => [key, wire(value)]))
  const assetStore = new Map<string, unknown>()
  const runs = new Map(Object.entries(options.runs ?? {}))
  const assets = options.assets ?? []
  const { maxMapLength = 1024 } = options

  const at = (where: {
    readonly dag_id: string
    readonly run_id: string
    readonly task_id: string
    readonly key: string
  }) =>
    xcoms
      .filter(
        ({ dagId, key, runId, taskId }) =>
          dagId === where.dag_id && runId === where.run_id && taskId === where.task_id && key === where.key
      )
      .toSorted((a, b) => a.mapIndex - b.mapIndex)
  const drop = (where: Of<"DeleteXCom">) => {
    const found = at(where).find(({ mapIndex }) => mapIndex === (where.map_index ?? -1))
    if (found !== undefined) xcoms.splice(xcoms.indexOf(found), 1)
  }
  const asset = (is: (asset: { readonly name: string; readonly uri: string }) => boolean): TaskAnswer => {
    const found = assets.find(is)
    return found === undefined
      ? no("ASSET_NOT_FOUND")
      : { type: "AssetResult", name: found.name, uri: found.uri, group: "asset", extra: null }
  }
  const stored = (
    store: ReadonlyMap<string, unknown>,
    key: string,
    type: string,
    missing: ErrorType
  ): TaskAnswer => (store.has(key) ? { type, value: store.get(key) } : no(missing))
  const run = (dag: string, id: string, answer: (state: string) => TaskAnswer): TaskAnswer => {
    const state = runs.get(`${dag}/${id}`)
    return state === undefined
      ? no("API_SERVER_ERROR", { status_code: 404, message: "Not Found" })
      : answer(state)
  }
  const ofAsset = (ref: { readonly name: string } | { readonly uri: string }, key: string) =>
    `${"name" in ref ? ref.name : (assets.find(({ uri }) => uri === ref.uri)?.name ?? ref.uri)}\n${key}`
  const change = (effect: () => unknown): TaskAnswer => {
    effect()
    return done
  }
  const dropOf = (ref: { readonly name: string } | { readonly uri: string }) => {
    for (const key of assetStore.keys()) if (key.startsWith(ofAsset(ref, ""))) assetStore.delete(key)
  }

  const answers: Answers = {
    GetXCom: (asked) => ({
      type: "XComResult",
      key: asked.key,
      value: at(asked).find(({ mapIndex }) => mapIndex === (asked.map_index ?? -1))?.value ?? null
    }),
    GetXComCount: (asked) => ({ type: "XComCountResponse", len: at(asked).length }),
    GetXComSequenceItem: (asked) => {
      const found = at(asked).at(asked.offset)
      return found === undefined
        ? no("XCOM_NOT_FOUND")
        : { type: "XComSequenceIndexResult", root: found.value }
    },
    GetXComSequenceSlice: ({ start, step, stop, ...asked }) => {
      const by = step ?? 1
      const all = at(asked).map(({ value }) => value)
      const found = all.slice(start ?? 0, stop ?? all.length).filter((_, index) => index % by === 0)
      return { type: "XComSequenceSliceResult", root: found }
    },
    SetXCom: (asked) => {
      const { mapped_length: length } = asked
      if (typeof length === "number" && length > maxMapLength)
        return no("API_SERVER_ERROR", {
          status_code: 400,
          detail: { reason: "unmappable_return_value_length", message: "too large to map over" }
        })
      drop({ ...asked, type: "DeleteXCom" })
      xcoms.push({
        dagId: asked.dag_id,
        runId: asked.run_id,
        taskId: asked.task_id,
        key: asked.key,
        mapIndex: asked.map_index ?? -1,
        value: wire(asked.value)
      })
      return done
    },
    DeleteXCom: (asked) => change(() => drop(asked)),
    GetVariable: ({ key }) => {
      const value = variables.get(key)
      return value === undefined ? no("VARIABLE_NOT_FOUND") : { type: "VariableResult", key, value }
    },
    GetVariableKeys: ({ limit = 1000, offset = 0, prefix }) => {
      const keys = [...variables.keys()].filter((key) => key.startsWith(prefix ?? "")).sort()
      return {
        type: "VariableKeysResult",
        keys: keys.slice(offset, offset + limit),
        total_entries: keys.length
      }
    },
    PutVariable: ({ key, value }) => change(() => variables.set(key, value ?? "")),
    DeleteVariable: ({ key }) => change(() => variables.delete(key)),
    GetConnection: ({ conn_id }) => {
      const found = options.connections?.[conn_id]
      if (found === undefined) return no("CONNECTION_NOT_FOUND")
      const { extra, type = "generic", ...rest } = found
      const nothing = { host: null, schema: null, login: null, password: null, port: null }
      const text = extra === undefined ? null : (stringify(extra) ?? null)
      return { type: "ConnectionResult", conn_id, conn_type: type, ...nothing, ...rest, extra: text }
    },
    TriggerDagRun: ({ dag_id, reset_dag_run, run_id }) =>
      runs.has(`${dag_id}/${run_id}`) && reset_dag_run !== true
        ? no("DAGRUN_ALREADY_EXISTS")
        : change(() => runs.set(`${dag_id}/${run_id}`, "queued")),
    GetDagRun: ({ dag_id, run_id }) =>
      run(dag_id, run_id, (state) => ({
        ...{ type: "DagRunResult", dag_id, run_id, state, run_type: "manual", conf: {} },
        ...{ logical_date: null, data_interval_start: null, data_interval_end: null },
        ...{ run_after: "1970-01-01T00:00:00Z", start_date: null, end_date: null, consumed_asset_events: [] }
      })),
    GetDagRunState: ({ dag_id, run_id }) =>
      run(dag_id, run_id, (state) => ({ type: "DagRunStateResult", state })),
    GetPreviousDagRun: () => ({ type: "PreviousDagRunResult", dag_run: null }),
    GetPrevSuccessfulDagRun: () => ({ type: "PrevSuccessfulDagRunResult" }),
    GetDRCount: ({ dag_id }) => ({
      type: "DRCount",
      count: [...runs.keys()].filter((key) => key.startsWith(`${dag_id}/`)).length
    }),
    GetDag: ({ dag_id }) => ({ type: "DagResult", dag_id, is_paused: false, tags: [] }),
    GetPreviousTI: () => ({ type: "PreviousTIResult", task_instance: null }),
    GetTICount: () => ({ type: "TICount", count: 0 }),
    GetTaskStates: () => ({ type: "TaskStatesResult", task_states: {} }),
    GetTaskBreadcrumbs: () => ({ type: "TaskBreadcrumbsResult", breadcrumbs: [] }),
    GetTaskRescheduleStartDate: () => ({ type: "TaskRescheduleStartDate", start_date: null }),
    SkipDownstreamTasks: () => done,
    SetRenderedFields: () => done,
    SetRenderedMapIndex: () => done,
    ValidateInletsAndOutlets: () => ({ type: "InactiveAssetsResult", inactive_assets: [] }),
    GetAssetByName: ({ name }) => asset((each) => each.name === name),
    GetAssetByUri: ({ uri }) => asset((each) => each.uri === uri),
    GetAssetsByAlias: () => ({ type: "AssetsByAliasResult", assets: [] }),
    GetAssetEventByAsset: () => ({ type: "AssetEventsResult", asset_events: [] }),
    GetAssetEventByAssetAlias: () => ({ type: "AssetEventsResult", asset_events: [] }),
    GetTaskStateStore: ({ key }) => stored(taskStore, key, "TaskStateStoreResult", "TASK_STORE_NOT_FOUND"),
    SetTaskStateStore: ({ key, value }) => change(() => taskStore.set(key, wire(value))),
    DeleteTaskStateStore: ({ key }) => change(() => taskStore.delete(key)),
    ClearTaskStateStore: () => change(() => taskStore.clear()),
    GetAssetStateStoreByName: ({ key, ...ref }) =>
      stored(assetStore, ofAsset(ref, key), "AssetStateStoreResult", "ASSET_STORE_NOT_FOUND"),
    GetAssetStateStoreByUri: ({ key, ...ref }) =>
      stored(assetStore, ofAsset(ref, key), "AssetStateStoreResult", "ASSET_STORE_NOT_FOUND"),
    SetAssetStateStoreByName: ({ key, value, ...ref }) =>
      change(() => assetStore.set(ofAsset(ref, key), wire(value))),
    SetAssetStateStoreByUri: ({ key, value, ...ref }) =>
      change(() => assetStore.set(ofAsset(ref, key), wire(value))),
    DeleteAssetStateStoreByName: ({ key, ...ref }) => change(() => assetStore.delete(ofAsset(ref, key))),
    DeleteAssetStateStoreByUri: ({ key, ...ref }) => change(() => assetStore.delete(ofAsset(ref, key))),
    ClearAssetStateStoreByName: (ref) => change(() => dropOf(ref)),
    ClearAssetStateStoreByUri: (ref) => change(() => dropOf(ref)),
    CreateHITLDetailPayload: ({ type: _, ...detail }) => ({ type: "HITLDetailRequestResult", ...detail }),
    MaskSecret: () => null
  }
  return {
    xcoms,
    variables,
    runs,
    taskStore,
    assetStore,
    /** The key of `answers` is the request's own type, which TypeScript cannot follow. */
    answer: (request: TaskRequest): TaskAnswer => answers[request.type](request as never)
  }
}
