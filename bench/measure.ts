/** measure: the scenarios, each for one contender. */
import { createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as delay } from "node:timers/promises"
import { eventually } from "../scripts/airflow/eventually.ts"
import type { Site } from "../scripts/airflow/site.ts"
import { type Contender, firstLine, type Running, start } from "./contender.ts"

const queued = (site: Site, dag: string, run: string) =>
  eventually(
    "the job is queued",
    async () => (await site.api.jobs({ dag, run })).map((job) => job.state),
    (states) => states.length > 0
  )

/** Seconds from the start until the site has the worker, and until its first Python task has logged. */
export const startUp = async (site: Site, contender: Contender) => {
  const run = await site.api.trigger("hello_python")
  await queued(site, run.dag, run.id)
  const running = start(site, contender)
  try {
    const [registered, line] = await Promise.all([running.registered(), firstLine(running)])
    await site.api.dagRunEnded(run)
    return { registered: registered / 1000, firstLine: line / 1000 }
  } finally {
    await running.end()
  }
}

/** Triggers `count` empty Python tasks, waits until the worker has settled them, and gives the run's wall seconds. */
const runMapped = async (site: Site, running: Running, count: number): Promise<number> => {
  const run = await site.api.trigger("mapped", { count })
  const state = await site.api.dagRunEnded(run, { seconds: 600 })
  if (state !== "success") throw new Error(`the run of mapped ended as ${state}`)
  const instances = await site.api.taskInstances(run)
  const times = instances.flatMap(({ start_date: from, end_date: to }) => [
    Date.parse(from ?? ""),
    Date.parse(to ?? "")
  ])
  await eventually(
    `${running.workerName} is idle`,
    async () => (await running.seen())?.jobs_active,
    (jobs) => jobs === 0
  )
  return (Math.max(...times) - Math.min(...times)) / 1000
}

/** CPU and wall seconds of `count` empty Python tasks on 8 slots; idle memory in MiB before and after. */
export const manyTasks = async (site: Site, contender: Contender, count: number) => {
  const running = start(site, contender)
  try {
    await running.registered()
    await delay(5000)
    const before = running.usage()
    const wall = await runMapped(site, running, count)
    await delay(3000)
    const after = running.usage()
    return { idleBefore: before.memory, idleAfter: after.memory, wall, cpu: after.cpu - before.cpu }
  } finally {
    await running.end()
  }
}

/**
 * Peak memory in MiB of the same. A run of its own: a look at 20 processes' memory takes the better part of a core for
 * 200 ms, which would slow down the contender with more processes.
 */
export const peakMemory = async (site: Site, contender: Contender, count: number) => {
  const running = start(site, contender)
  let peak = 0
  try {
    await running.registered()
    const sampler = setInterval(() => {
      peak = Math.max(peak, running.usage().memory)
    }, 500)
    try {
      await runMapped(site, running, count)
    } finally {
      clearInterval(sampler)
    }
    return { peak }
  } finally {
    await running.end()
  }
}

/** For each gap: how long a task that is queued `gap` seconds after the last one ended waits for its start. */
export const waits = async (
  site: Site,
  contender: Contender,
  gaps: ReadonlyArray<number>,
  /** Seconds after the last task at which the idle memory is looked at once more. */
  later: number
) => {
  const running = start(site, contender)
  try {
    await running.registered()
    const result: Array<{ readonly gap: number; readonly wait: number }> = []
    for (const gap of gaps) {
      await delay(gap * 1000)
      const run = await site.api.trigger("hello")
      await queued(site, run.dag, run.id)
      const [job] = await site.api.jobs({ dag: run.dag, run: run.id })
      await site.api.dagRunEnded(run)
      const [instance] = await site.api.taskInstances(run)
      const wait = (Date.parse(instance?.start_date ?? "") - Date.parse(job?.queued_dttm ?? "")) / 1000
      result.push({ gap, wait })
    }
    await delay(later * 1000)
    return { waits: result, idleLater: running.usage().memory }
  } finally {
    await running.end()
  }
}

/** Requests per minute to the site after `idle` seconds without work, counted on the way for `counted` seconds. */
export const requests = async (site: Site, contender: Contender, idle: number, counted: number) => {
  let seen = 0
  const proxy = createServer((incoming, outgoing) => {
    seen++
    const { method, url, headers } = incoming
    const forward = request(`${site.url}${url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    forward.on("error", () => outgoing.destroy())
    incoming.pipe(forward)
  })
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done))
  const { port } = proxy.address() as AddressInfo
  const running = start(site, contender, { url: `http://127.0.0.1:${port}`, queue: "bench-nothing" })
  try {
    await running.registered()
    await delay(idle * 1000)
    seen = 0
    await delay(counted * 1000)
    return (seen * 60) / counted
  } finally {
    await running.end()
    proxy.closeAllConnections()
    proxy.close()
  }
}
