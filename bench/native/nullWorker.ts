/**
 * nullWorker: a worker that runs nothing and tells success: only the requests that no worker can avoid, so that what it
 * does in a second is the site's own limit.
 *
 * It is a process of its own, started as any worker: `AIRFLOW__…`, `worker -H NAME -q QUEUE -c SLOTS`. SIGTERM ends it.
 * `--log`: tells one line of log of each task, which no worker can avoid whose tasks write one.
 */
import { Agent, type IncomingHttpHeaders, request } from "node:http"
import { hostname } from "node:os"
import { setTimeout as delay } from "node:timers/promises"
import { parseArgs } from "node:util"
import { edgeToken } from "../central/caller.ts"

const text = (short: string, value: string) => ({ type: "string", short, default: value }) as const
const { values } = parseArgs({
  allowPositionals: true,
  options: {
    name: text("H", "null"),
    queue: text("q", "default"),
    concurrency: text("c", "8"),
    log: { type: "boolean", default: false }
  }
})
const { name, queue } = values
const slots = Number(values.concurrency)
const env = (key: string) => {
  const value = process.env[key]
  if (value === undefined) throw new Error(`${key} is not set`)
  return value
}
const edge = new URL(env("AIRFLOW__EDGE__API_URL").replace(/rpcapi\/?$/, ""))
const execution = new URL(edge.href.replace(/edge_worker\/v1\/$/, "execution/"))
const secret = new TextEncoder().encode(env("AIRFLOW__API_AUTH__JWT_SECRET"))
const agent = new Agent({ keepAlive: true, maxSockets: slots + 4 })

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const send = (method: string, url: URL, headers: Record<string, string>, body: unknown) =>
  new Promise<Answer>((done, fail) => {
    const text = JSON.stringify(body)
    const length = { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) }
    const out = request(url, { agent, method, headers: { ...headers, ...length } }, (answer) => {
      let body = ""
      answer.setEncoding("utf8").on("data", (part: string) => {
        body += part
      })
      answer.once("end", () => done({ status: answer.statusCode ?? 0, headers: answer.headers, body }))
    })
    out.once("error", fail)
    out.end(text)
  })

/** Asks again after a 5xx and a broken connection, as every worker does: a site may be locked or crash, and comes back. */
const must = async (what: string, ask: () => Promise<Answer>, tries = 120): Promise<Answer> => {
  let answer: Answer | undefined
  let reason = ""
  try {
    answer = await ask()
  } catch (error) {
    reason = String(error)
  }
  if (answer !== undefined && answer.status < 300) return answer
  reason = answer === undefined ? reason : `${answer.status} ${answer.body}`
  if (tries === 1 || (answer !== undefined && answer.status < 500)) throw new Error(`${what}: ${reason}`)
  process.stderr.write(`${what}: ${reason}; asks again\n`)
  await delay(500)
  return must(what, ask, tries - 1)
}

const toEdge = (method: string, path: string, body: unknown) =>
  must(path, async () =>
    send(method, new URL(path, edge), { authorization: await edgeToken(secret, path) }, body)
  )

const toExecution = (method: string, path: string, token: string, body: unknown) => {
  const headers = { authorization: `Bearer ${token}`, "airflow-api-version": "2026-06-30" }
  return must(path, () => send(method, new URL(path, execution), headers, body))
}

interface Job {
  readonly dag_id: string
  readonly task_id: string
  readonly run_id: string
  readonly try_number: number
  readonly map_index: number
  readonly command: { readonly token: string; readonly ti: { readonly id: string } }
}

let pid = 5_000_000
const runJob = async (job: Job) => {
  const part = encodeURIComponent
  const key = `${part(job.dag_id)}/${part(job.task_id)}/${part(job.run_id)}/${job.try_number}/${job.map_index}`
  await toEdge("PATCH", `jobs/state/${key}/running`, {})
  const { id } = job.command.ti
  const started = await toExecution("PATCH", `task-instances/${id}/run`, job.command.token, {
    state: "running",
    hostname: hostname(),
    unixname: "null",
    pid: pid++,
    start_date: new Date().toISOString()
  })
  const token = String(started.headers["refreshed-api-token"])
  await toExecution("PATCH", `task-instances/${id}/state`, token, {
    state: "success",
    end_date: new Date().toISOString(),
    task_outlets: [],
    outlet_events: []
  })
  const line = JSON.stringify({ timestamp: new Date().toISOString(), level: "info", event: "begins" })
  const chunk = { log_chunk_time: new Date().toISOString(), log_chunk_data: `${line}\n` }
  const told = values.log ? toEdge("POST", `logs/push/${key}`, chunk) : undefined
  // Beside each other, as any worker may do it.
  await Promise.all([told, toEdge("PATCH", `jobs/state/${key}/success`, {})])
}

let ending = false
process.once("SIGTERM", () => {
  ending = true
})

const active = new Set<Promise<void>>()
const state = (state: string) => ({
  state,
  jobs_active: active.size,
  queues: [queue],
  sysinfo: {
    airflow_version: "3.3.2",
    edge_provider_version: "5.1.0",
    concurrency: slots,
    free_concurrency: slots - active.size
  }
})
await toEdge("POST", `worker/${name}`, state("starting"))
let beaten = 0
while (!ending) {
  if (Date.now() - beaten > 10_000) {
    beaten = Date.now()
    await toEdge("PATCH", `worker/${name}`, state(active.size > 0 ? "running" : "idle"))
  }
  if (active.size >= slots) await Promise.race(active)
  const { body } = await toEdge("POST", `jobs/fetch/${name}`, {
    queues: [queue],
    free_concurrency: slots - active.size
  })
  const job = JSON.parse(body) as Job | null
  if (job === null) {
    // Asks again at once while it is busy: what is queued meanwhile shall not wait for it.
    await Promise.race([...active, delay(100)])
    continue
  }
  // A job that an interrupted benchmark has left is refused, its token has ended: it must not end the worker.
  const running: Promise<void> = runJob(job)
    .catch((error) => void process.stderr.write(`${error}\n`))
    .finally(() => active.delete(running))
  active.add(running)
}
await Promise.all(active)
await toEdge("PATCH", `worker/${name}`, state("offline"))
agent.destroy()
