/** measure: one run of the load against one or two centrals with a restart in between, and what the central says at its end. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect, pause } from "./caller.ts"
import { keyPath, logLine, newRun, type Run, submit, work } from "./load.ts"
import { type Central, startCentral } from "./site.ts"

export interface Asked {
  readonly workers: number
  readonly seconds: number
  readonly rate: number
  readonly centrals: 1 | 2
  readonly database: string | undefined
}

export interface Measured extends Asked {
  readonly fetchP50: number
  readonly fetchP99: number
  /** Of all centrals, while jobs were submitted. */
  readonly cpuPerSecond: number
  readonly peakMemory: number
  /** Milliseconds without the restarted central. */
  readonly away: number
  readonly submitted: number
  readonly done: number
  /** Taken by the central and not ended as a success there, or without exactly one copy of their log. */
  readonly lost: ReadonlyArray<string>
  readonly stale: number
  readonly late: number
  readonly requests: number
  readonly unanswered: number
  readonly errors: ReadonlyArray<string>
}

const secret = "the-secret-of-a-benchmark-".repeat(4)
/** How long the workers may take for what is still queued after the last submission. */
const patienceMillis = 60_000

const quantile = (samples: ReadonlyArray<number>, part: number) => {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

/** Asks the central for every job that it took; nothing that the load noted itself counts. */
const lostOf = async (centrals: ReadonlyArray<Central>, run: Run): Promise<ReadonlyArray<string>> => {
  const [central] = centrals
  if (central === undefined) return []
  const counts = { requests: 0, unanswered: 0, errors: new Map<string, number>() }
  const { close, send } = connect(central.port, counts, 8)
  const token = `Bearer ${central.adminToken()}`
  const lost: Array<string> = []
  const left = [...run.submitted.keys()]
  const look = async () => {
    for (let runId = left.pop(); runId !== undefined; runId = left.pop()) {
      const job = await send("GET", `/central/v1/jobs/${keyPath(runId)}`, token)
      const log = await send("GET", `/central/v1/jobs/${keyPath(runId)}/log`, token)
      const state = job.status === 200 ? (JSON.parse(job.body) as { state: string }).state : `${job.status}`
      const text = log.status === 200 ? (JSON.parse(log.body) as { text: string }).text : ""
      if (state !== "success") lost.push(`${runId}: ${state}`)
      else if (text.split(logLine(runId)).length !== 2)
        lost.push(`${runId}: its log is ${JSON.stringify(text)}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, look))
  close()
  return lost
}

export const measure = async (asked: Asked): Promise<Measured> => {
  const { workers, seconds, rate, database } = asked
  const folder = mkdtempSync(join(tmpdir(), "bench-central-"))
  const centrals: Array<Central> = []
  try {
    for (let at = 0; at < asked.centrals; at++)
      centrals.push(await startCentral({ folder, name: `c${at}`, secret, database }))
    const [first] = centrals
    if (first === undefined) throw new Error("no central")
    const run = newRun()
    const stop = new AbortController()
    const key = new TextEncoder().encode(secret)
    const working = Array.from({ length: workers }, (_, at) =>
      work(centrals[at % centrals.length] ?? first, `w${at}`, key, run, at / workers, stop.signal)
    )
    const cpu = () => centrals.reduce((sum, central) => sum + central.cpuSeconds(), 0)
    // all have registered when it counts, unless the run is a short one
    if (seconds > 10) await pause(6000)
    run.fetches.length = 0
    const [cpuBefore, from] = [cpu(), performance.now()]
    const submitting = submit(centrals, rate, seconds, run)
    await pause(seconds * 500)
    const away = await first.restart()
    await submitting
    const end = performance.now() + patienceMillis
    const cpuPerSecond = (cpu() - cpuBefore) / ((performance.now() - from) / 1000)
    while (run.done.size < run.submitted.size && performance.now() < end) await pause(100)
    const peakMemory = Math.max(...centrals.map((central) => central.peakMemory()))
    stop.abort()
    await Promise.all(working)
    return {
      ...asked,
      fetchP50: quantile(run.fetches, 0.5),
      fetchP99: quantile(run.fetches, 0.99),
      cpuPerSecond,
      peakMemory,
      away,
      submitted: run.submitted.size,
      done: run.done.size,
      lost: await lostOf(centrals, run),
      stale: run.stale,
      late: run.late,
      requests: run.counts.requests,
      unanswered: run.counts.unanswered,
      errors: [...run.counts.errors].map(([what, times]) => `${times} x ${what}`)
    }
  } finally {
    for (const central of centrals) await central.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
