/** api: the site's own REST API, as far as suite, demo and benchmark use it: Dag runs, task instances, edge management. */
import * as Schema from "effect/Schema"
import { eventually, type Patience } from "./eventually.ts"

const DagRun = Schema.Struct({ dag_run_id: Schema.String, state: Schema.String })
const TaskInstance = Schema.Struct({
  task_id: Schema.String,
  map_index: Schema.Int,
  try_number: Schema.Int,
  state: Schema.NullOr(Schema.String),
  hostname: Schema.NullOr(Schema.String),
  pool_slots: Schema.Int,
  start_date: Schema.NullOr(Schema.String),
  end_date: Schema.NullOr(Schema.String)
})
export type TaskInstance = typeof TaskInstance.Type
const EdgeJob = Schema.Struct({
  dag_id: Schema.String,
  task_id: Schema.String,
  run_id: Schema.String,
  map_index: Schema.Int,
  try_number: Schema.Int,
  state: Schema.String,
  queue: Schema.String,
  queued_dttm: Schema.NullOr(Schema.String),
  edge_worker: Schema.NullOr(Schema.String),
  last_update: Schema.NullOr(Schema.String)
})
export type EdgeJob = typeof EdgeJob.Type
const EdgeWorker = Schema.Struct({
  worker_name: Schema.String,
  state: Schema.String,
  jobs_active: Schema.Int,
  queues: Schema.NullOr(Schema.Array(Schema.String)),
  sysinfo: Schema.Record(Schema.String, Schema.Unknown),
  maintenance_comments: Schema.NullOr(Schema.String)
})
export type EdgeWorker = typeof EdgeWorker.Type

/** One run of one Dag. */
export interface Run {
  readonly dag: string
  readonly id: string
}

const decode = <S extends Schema.ConstraintDecoder<unknown>>(schema: S, value: unknown): S["Type"] =>
  Schema.decodeUnknownSync(schema)(value)

const ended = (state: string) => state === "success" || state === "failed"

/** As Airflow names a run that is triggered: with microseconds, which are random here, and a zone. */
const runId = () => {
  const micros = String(Math.floor(Math.random() * 1000)).padStart(3, "0")
  return `manual__${new Date().toISOString().replace("Z", `${micros}+00:00`)}`
}

/** The API of the site at `url`; everyone is admin there (`simple_auth_manager_all_admins`). */
export const siteApi = (url: string) => {
  let token: Promise<string> | undefined
  const getToken = async () => {
    const answer = await fetch(`${url}/auth/token`)
    return decode(Schema.Struct({ access_token: Schema.String }), await answer.json()).access_token
  }
  const ask = async (method: string, path: string, body?: unknown) => {
    token ??= getToken()
    token.catch(() => {
      token = undefined
    })
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${await token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await answer.text()
    if (answer.status === 401) token = undefined
    return { ok: answer.ok, status: answer.status, text }
  }
  /** Asks again for 30 s after a 5xx and a broken connection: SQLite may be locked, and a crashed part is started again. */
  const askAgain = (...call: Parameters<typeof ask>) =>
    eventually(
      `${call[0]} ${call[1]} is answered`,
      () => ask(...call),
      ({ status }) => status < 500,
      { seconds: 30, everyMillis: 500 }
    )
  /** Only what changes nothing is asked again. */
  const request = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const { ok, status, text } = await (method === "GET" ? askAgain : ask)(method, path, body)
    if (!ok) throw new Error(`${method} ${path}: ${status} ${text}`)
    return text === "" ? null : JSON.parse(text)
  }
  const runPath = (run: Run) => `/api/v2/dags/${run.dag}/dagRuns/${encodeURIComponent(run.id)}`
  const workerPath = (name: string) => `/edge_worker/ui/worker/${encodeURIComponent(name)}`

  const dagRunState = async (run: Run) => decode(DagRun, await request("GET", runPath(run))).state
  const taskInstances = async (run: Run): Promise<ReadonlyArray<TaskInstance>> => {
    const all: Array<TaskInstance> = []
    const Page = Schema.Struct({ task_instances: Schema.Array(TaskInstance), total_entries: Schema.Int })
    for (;;) {
      const page = decode(
        Page,
        await request("GET", `${runPath(run)}/taskInstances?limit=100&offset=${all.length}`)
      )
      all.push(...page.task_instances)
      if (all.length >= page.total_entries || page.task_instances.length === 0) return all
    }
  }
  const workers = async (name: string): Promise<ReadonlyArray<EdgeWorker>> => {
    const List = Schema.Struct({ workers: Schema.Array(EdgeWorker) })
    const list = await request(
      "GET",
      `/edge_worker/ui/worker?worker_name_pattern=${encodeURIComponent(name)}`
    )
    return decode(List, list).workers.filter((worker) => worker.worker_name === name)
  }
  const jobs = async (filter: {
    readonly run?: string
    readonly dag?: string
  }): Promise<ReadonlyArray<EdgeJob>> => {
    const query = new URLSearchParams()
    if (filter.run !== undefined) query.set("run_id_pattern", filter.run)
    if (filter.dag !== undefined) query.set("dag_id_pattern", filter.dag)
    const list = await request("GET", `/edge_worker/ui/jobs?${query}`)
    return decode(Schema.Struct({ jobs: Schema.Array(EdgeJob) }), list).jobs
  }
  return {
    url,
    request,
    schedulerHealthy: async () => {
      const Part = Schema.Struct({ status: Schema.NullOr(Schema.String) })
      const Health = Schema.Struct({ scheduler: Part, triggerer: Part })
      const health = decode(Health, await request("GET", "/api/v2/monitor/health"))
      return health.scheduler.status === "healthy" && health.triggerer.status === "healthy"
    },
    importErrors: async (): Promise<ReadonlyArray<string>> => {
      const Errors = Schema.Array(Schema.Struct({ filename: Schema.String, stack_trace: Schema.String }))
      const list = await request("GET", "/api/v2/importErrors")
      const errors = decode(Schema.Struct({ import_errors: Errors }), list).import_errors
      return errors.map((error) => `${error.filename} does not load: ${error.stack_trace}`)
    },
    missingDags: async (wanted: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
      const Dags = Schema.Array(Schema.Struct({ dag_id: Schema.String }))
      const list = await request("GET", "/api/v2/dags?limit=100")
      const there = decode(Schema.Struct({ dags: Dags }), list).dags.map((dag) => dag.dag_id)
      return wanted.filter((id) => !there.includes(id))
    },
    /** Starts a run; `conf` sets the Dag's params. Its id is ours, of Airflow's form: so a lost answer makes no second run. */
    trigger: async (dag: string, conf: Record<string, string | number> = {}): Promise<Run> => {
      const id = runId()
      const body = { dag_run_id: id, logical_date: null, conf }
      const { ok, status, text } = await askAgain("POST", `/api/v2/dags/${dag}/dagRuns`, body)
      if (!ok && status !== 409) throw new Error(`a run of ${dag}: ${status} ${text}`)
      return { dag, id }
    },
    dagRunState,
    /** Waits for the run's end and gives its state. */
    dagRunEnded: (run: Run, patience: Patience = { seconds: 120 }) =>
      eventually(
        `run of ${run.dag} ends`,
        async () => {
          const state = await dagRunState(run)
          if (ended(state)) return state
          const tasks = await taskInstances(run)
          return `${state}: ${tasks.map((task) => `${task.task_id}[${task.map_index}] ${task.state}`).join(", ")}`
        },
        ended,
        { everyMillis: 200, ...patience }
      ),
    /** Gives a run up, so that nothing of it is left for the next test. */
    giveUp: async (run: Run) => {
      if (!ended(await dagRunState(run))) await request("PATCH", runPath(run), { state: "failed" })
    },
    taskInstances,
    /** The site's view of the worker of exactly this name. */
    worker: async (name: string): Promise<EdgeWorker | undefined> => (await workers(name))[0],
    jobs,
    requestMaintenance: (name: string, comment: string) =>
      request("POST", `${workerPath(name)}/maintenance`, { maintenance_comment: comment }),
    updateMaintenance: (name: string, comment: string) =>
      request("PATCH", `${workerPath(name)}/maintenance`, { maintenance_comment: comment }),
    exitMaintenance: (name: string) => request("DELETE", `${workerPath(name)}/maintenance`),
    shutdown: (name: string) => request("POST", `${workerPath(name)}/shutdown`),
    remove: (name: string) => request("DELETE", workerPath(name)),
    addQueue: (name: string, queue: string) =>
      request("PUT", `${workerPath(name)}/queues/${encodeURIComponent(queue)}`),
    removeQueue: (name: string, queue: string) =>
      request("DELETE", `${workerPath(name)}/queues/${encodeURIComponent(queue)}`),
    setConcurrency: (name: string, concurrency: number) =>
      request("PATCH", `${workerPath(name)}/concurrency`, { concurrency })
  }
}
export type SiteApi = ReturnType<typeof siteApi>
