/** httpCentral: a small central site over HTTP with Airflow's own rules, in memory, that goes down and comes back. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { JobState, PushLogsBody, WorkerQueuesBody, WorkerStateBody } from "../../src/protocol/EdgeApi.ts"
import type { Job, JobKey } from "../../src/protocol/Job.ts"
import { answer } from "../../src/protocol/Lifecycle.ts"
import type { WorkerState } from "../../src/protocol/WorkerState.ts"

/** A job as the central sees it. */
export interface StoredJob {
  readonly job: Job
  state: JobState
  /** Every state that was reported, in order. */
  readonly reported: Array<JobState>
  readonly log: Array<string>
  /** The times of its log's chunks: a part of their primary key. */
  readonly times: Set<string>
}

/** What the central keeps of a worker. */
export interface StoredWorker {
  readonly state: WorkerState
  readonly comments: string | null
  readonly body: WorkerStateBody
}

/** Not one that the system gives out by itself, nor one of another central: nobody takes it while we are down. */
let nextPort = 10_000 + Math.floor(Math.random() * 20_000)

interface Answer {
  readonly status: number
  readonly body: unknown
}

const ok = (body: unknown): Answer => ({ status: 200, body })
const refused = (status: number, detail: string): Answer => ({ status, body: { detail } })
const free: ReadonlyArray<WorkerState> = ["offline", "unknown", "offline maintenance"]
const inMaintenance: ReadonlyArray<WorkerState> = [
  "maintenance request",
  "maintenance pending",
  "maintenance mode",
  "offline maintenance"
]
const nameOf = ({ dag_id, map_index, run_id, task_id, try_number }: JobKey) =>
  [dag_id, task_id, run_id, try_number, map_index].join("/")

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString("utf8")
}

/** The central. `up` and `down` open and close its listener, always on the same port. */
export class HttpCentral {
  readonly workers = new Map<string, StoredWorker>()
  readonly jobs = new Map<string, StoredJob>()
  readonly #queued: Array<StoredJob> = []
  readonly #listeners = new Set<() => void>()
  #server: Server | undefined
  #port = 0

  async up(): Promise<void> {
    for (let tries = 1; ; tries++) {
      const port = this.#port === 0 ? nextPort++ : this.#port
      const server = createServer((request, response) => void this.#serve(request, response))
      const error = await new Promise<Error | undefined>((resolve) => {
        server.once("error", resolve).listen(port, "127.0.0.1", () => resolve(undefined))
      })
      if (error === undefined) {
        this.#server = server
        this.#port = port
        return
      }
      if (this.#port !== 0 || tries === 50) throw error
    }
  }

  async down(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    await new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
    })
  }

  /** `[edge] api_url` */
  get apiUrl(): string {
    return `http://127.0.0.1:${this.#port}/edge_worker/v1/rpcapi`
  }

  add(job: Job): StoredJob {
    const stored: StoredJob = { job, state: "queued", reported: [], log: [], times: new Set() }
    this.jobs.set(nameOf(job), stored)
    this.#queued.push(stored)
    return stored
  }

  /** Waits until something that the worker tells makes it true. */
  until(predicate: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!predicate()) return
        this.#listeners.delete(look)
        resolve()
      }
      this.#listeners.add(look)
      look()
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answered: Answer
    try {
      const text = await textOf(request)
      // What arrives while the listener closes was not carried out.
      if (this.#server === undefined || request.socket.destroyed) return
      const parts = (request.url ?? "").split("/").slice(1).map(decodeURIComponent)
      answered = this.#answer(request.method ?? "", parts, text === "" ? {} : JSON.parse(text))
    } catch (error) {
      if (request.socket.destroyed) return
      answered = refused(500, String(error))
    }
    response.writeHead(answered.status, { "content-type": "application/json" })
    response.end(JSON.stringify(answered.body))
    for (const look of [...this.#listeners]) look()
  }

  #answer(method: string, [, , group = "", ...rest]: ReadonlyArray<string>, body: unknown): Answer {
    const [one = "", two = ""] = rest
    if (group === "version") return ok({ version: "3.3.2" })
    if (group === "worker")
      return method === "POST"
        ? this.#register(one, body as WorkerStateBody)
        : this.#setState(one, body as WorkerStateBody)
    if (group === "jobs" && one === "fetch") return this.#fetch(two, body as WorkerQueuesBody)
    const [dag, task, run, tryNumber, mapIndex, state] = rest.slice(1)
    const stored = this.jobs.get([dag, task, run, tryNumber, mapIndex].join("/"))
    if (stored === undefined) return refused(404, "Not Found")
    if (group === "jobs") return this.#report(stored, state as JobState)
    return group === "logs" ? this.#push(stored, body as PushLogsBody) : refused(404, "Not Found")
  }

  #register(name: string, body: WorkerStateBody): Answer {
    const before = this.workers.get(name)
    if (before !== undefined && !free.includes(before.state))
      return refused(409, `Worker '${name}' is already active in state '${before.state}'.`)
    this.#store(name, before, body)
    return ok({ last_update: new Date().toISOString(), versions_match: true })
  }

  #setState(name: string, body: WorkerStateBody): Answer {
    const before = this.workers.get(name)
    if (before === undefined) return refused(404, "Worker not found")
    const { comments, state } = this.#store(name, before, body)
    return ok({
      state,
      queues: null,
      maintenance_comments: comments,
      concurrency: null,
      versions_match: true
    })
  }

  /** `redefine_state` and `redefine_maintenance_comments` of edge3 5.1.0. */
  #store(name: string, before: StoredWorker | undefined, body: WorkerStateBody): StoredWorker {
    const state = before === undefined ? body.state : answer(before.state, body.state)
    const sent = body.maintenance_comments
    const kept = before?.comments ?? null
    const added = !sent || sent === kept ? kept : kept === null ? sent : `${kept}\n\n${sent}`
    const stored = { state, comments: inMaintenance.includes(state) ? added : null, body }
    this.workers.set(name, stored)
    return stored
  }

  /** The claim is committed before the answer is sent. */
  #fetch(worker: string, { free_concurrency }: WorkerQueuesBody): Answer {
    if (!this.workers.has(worker)) return refused(404, "Worker not found")
    const at = this.#queued.findIndex(({ job }) => job.concurrency_slots <= free_concurrency)
    const [stored] = at < 0 ? [] : this.#queued.splice(at, 1)
    if (stored === undefined) return ok(null)
    stored.state = "restarting"
    return ok(stored.job)
  }

  #report(stored: StoredJob, state: JobState): Answer {
    stored.state = state
    stored.reported.push(state)
    if (state === "queued") this.#queued.push(stored)
    return ok(null)
  }

  /** The text is in the file before the row is refused (edge3 5.1.0, `worker_api/routes/logs.py`). */
  #push(stored: StoredJob, { log_chunk_data, log_chunk_time }: PushLogsBody): Answer {
    stored.log.push(log_chunk_data)
    if (stored.times.has(log_chunk_time)) return refused(500, "Internal Server Error")
    stored.times.add(log_chunk_time)
    return ok(null)
  }
}
