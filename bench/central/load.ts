/** load: workers with Airflow's intervals, which only say that they run their jobs, and somebody who submits jobs. */
import { type Counts, connect, edgeToken, pause, unexpected } from "./caller.ts"
import type { Central } from "./site.ts"

/** `[edge] heartbeat_interval` and `job_poll_interval` as Airflow sets them. */
const heartbeatMillis = 30_000
const fetchMillis = 5000
/** How long a client waits before it asks again after no answer or a 5xx. */
const againMillis = 500
const concurrency = 8

export interface Run {
  readonly counts: Counts
  /** Of each answered fetch, whether it gave a job or not. */
  readonly fetches: Array<number>
  /** What the central took: `RUN_ID` and the central that took it. */
  readonly submitted: Map<string, Central>
  /** What the central took the end of. */
  readonly done: Set<string>
  /** Reports of a holder that the central had already given up. */
  stale: number
  /** Jobs that could not be submitted in time. */
  late: number
}

export const newRun = (): Run => ({
  counts: { requests: 0, unanswered: 0, errors: new Map() },
  fetches: [],
  submitted: new Map(),
  done: new Set(),
  stale: 0,
  late: 0
})

/** All jobs are runs of one task. */
export const keyPath = (runId: string) => `bench/empty/${runId}/1/-1`
export const logLine = (runId: string) => `{"event":"the log of ${runId}"}\n`

interface Job {
  readonly identifier?: { readonly run_id: string }
  readonly run_id?: string
  readonly command: { readonly ti: { readonly id: string; readonly run_id: string } }
}

/** Works until `signal`; at the end what it has begun is finished. */
export const work = async (
  central: Central,
  name: string,
  secret: Uint8Array,
  run: Run,
  spread: number,
  signal: AbortSignal
) => {
  const { send, close } = connect(central.port, run.counts, concurrency + 2)
  const active = new Set<Promise<void>>()
  const call = async (method: "POST" | "PATCH", path: string, body: unknown) =>
    send(method, `/edge_worker/v1/${path}`, await edgeToken(secret, path), body)
  const until = async (method: "POST" | "PATCH", path: string, body: unknown) => {
    for (;;) {
      const answer = await call(method, path, body)
      if (answer.status !== 0 && answer.status < 500) return answer
      if (answer.status !== 0) unexpected(run.counts, path.split("/")[0] ?? path, answer)
      await pause(againMillis)
    }
  }
  const wait = (millis: number) =>
    new Promise<void>((done) => {
      if (signal.aborted) return done()
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener("abort", end)
        done()
      }
      const timer = setTimeout(end, millis)
      signal.addEventListener("abort", end)
    })
  const state = () => ({
    state: active.size > 0 ? "running" : "idle",
    jobs_active: active.size,
    queues: null,
    sysinfo: {
      airflow_version: "3.3.2",
      edge_provider_version: "5.1.0",
      concurrency,
      free_concurrency: concurrency - active.size
    },
    maintenance_comments: null,
    team_name: null
  })
  /** True where the central took it. */
  const report = async (runId: string, what: string, id: string) => {
    const answer = await until("PATCH", `jobs/state/${keyPath(runId)}/${what}`, { task_instance_id: id })
    if (answer.status === 409) run.stale += 1
    unexpected(run.counts, `report ${what}`, answer, 409)
    return answer.status < 400
  }
  const runJob = async ({ command: { ti } }: Job) => {
    if (!(await report(ti.run_id, "running", ti.id))) return
    const pushed = await until("POST", `logs/push/${keyPath(ti.run_id)}`, {
      log_chunk_time: new Date().toISOString(),
      log_chunk_data: logLine(ti.run_id),
      task_instance_id: ti.id
    })
    unexpected(run.counts, "log", pushed)
    if (await report(ti.run_id, "success", ti.id)) run.done.add(ti.run_id)
  }
  const fetchNext = async (): Promise<boolean> => {
    if (active.size >= concurrency) await Promise.race(active)
    const answer = await call("POST", `jobs/fetch/${name}`, {
      queues: null,
      team_name: null,
      free_concurrency: concurrency - active.size,
      supports_task_instance_uuid: true
    })
    if (answer.status !== 0) run.fetches.push(answer.millis)
    unexpected(run.counts, "fetch", answer)
    if (answer.status !== 200 || answer.body === "null") return false
    const job: Promise<void> = runJob(JSON.parse(answer.body) as Job).finally(() => active.delete(job))
    active.add(job)
    return true
  }
  const beat = async () => {
    for (;;) {
      await wait(heartbeatMillis)
      if (signal.aborted) return
      unexpected(run.counts, "heartbeat", await call("PATCH", `worker/${name}`, state()))
    }
  }

  await wait(spread * fetchMillis)
  unexpected(
    run.counts,
    "registration",
    await until("POST", `worker/${name}`, { ...state(), state: "starting" })
  )
  const beats = beat()
  // as Airflow's worker: it asks again at once after a job, else after its interval
  while (!signal.aborted) if (!(await fetchNext())) await wait(fetchMillis)
  await Promise.all([beats, ...active])
  close()
}

/** Submits `rate` jobs a second, in turns to each central, on time whatever the answers take. */
export const submit = async (
  centrals: ReadonlyArray<Central>,
  rate: number,
  seconds: number,
  run: Run
): Promise<void> => {
  const people = centrals.map((central) => ({
    central,
    token: `Bearer ${central.adminToken()}`,
    ...connect(central.port, run.counts, 64)
  }))
  const from = performance.now()
  const one = async (runId: string, at: number) => {
    const person = people[at % people.length]
    if (person === undefined) return
    for (let again = false; ; again = true) {
      const answer = await person.send("POST", "/central/v1/jobs", person.token, {
        dag_id: "bench",
        task_id: "empty",
        run_id: runId
      })
      // 409: the answer to the first try was lost
      if (answer.status === 201 || (again && answer.status === 409)) {
        run.submitted.set(runId, person.central)
        return
      }
      if (answer.status !== 0) unexpected(run.counts, "submit", answer)
      if (answer.status >= 400 && answer.status < 500) return
      if (performance.now() - from > (seconds + 60) * 1000) {
        run.late += 1
        return
      }
      await pause(againMillis)
    }
  }
  const all: Array<Promise<void>> = []
  for (let at = 0; at < rate * seconds; at++) {
    const due = from + (at / rate) * 1000 - performance.now()
    if (due > 1) await pause(due)
    all.push(one(`run-${at}`, at))
  }
  await Promise.all(all)
  for (const { close } of people) close()
}
