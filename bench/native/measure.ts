/** measure: tasks a second, CPU a task, and the time from a claim to the task's first line, each for one contender. */
import { once } from "node:events"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { openGateway } from "../../scripts/airflow/gateway.ts"
import { crashes, type Site } from "../../scripts/airflow/site.ts"
import { type Contender, type Running, start } from "../contender.ts"
import { manyTasks } from "../measure.ts"

/** As many as `native_many` has. */
const tasks = 200
const queue = "ts-bench"

/** A worker that ends in the middle of a run never ends that: this says so at once, with its last words. */
const endsEarly = async (running: Running): Promise<never> => {
  await once(running.process, "exit")
  await running.seen()
  throw new Error(`${running.workerName} was ended by ${running.process.signalCode}`)
}

/** A claim or a start whose answer went down with the site waits there for minutes: the run shall not be waited for. */
const siteCrashes = async (site: Site, isOver: () => boolean): Promise<string> => {
  const before = crashes(site.folder)
  while (!isOver()) {
    if (crashes(site.folder) > before) throw new Error("a part of the site has crashed")
    await delay(500)
  }
  return "over"
}

/** Repeats a measurement during which a part of the site has crashed, which Python under load does, though rarely. */
export const undisturbed = async <A>(site: Site, measure: () => Promise<A>, tries = 3): Promise<A> => {
  const before = crashes(site.folder)
  const [one] = await Promise.allSettled([measure()])
  if (crashes(site.folder) > before) {
    if (tries === 1) throw new Error("a part of the site has crashed during each measurement")
    process.stderr.write("a part of the site has crashed meanwhile: measured again\n")
    return undisturbed(site, measure, tries - 1)
  }
  if (one.status === "rejected") throw one.reason
  return one.value
}

/** Runs `native_many` once and gives when its first task began and its last one ended, in epoch milliseconds. */
const runOnce = async (site: Site, running: Running) => {
  const run = await site.api.trigger("native_many")
  let isOver = false
  // Each look makes the site list two hundred task instances: it shall have the time for the worker's own requests.
  const end = site.api.dagRunEnded(run, { seconds: 300, everyMillis: 1000 })
  const state = await Promise.race([end, endsEarly(running), siteCrashes(site, () => isOver)])
    .catch(async (error) => {
      // Where the site is gone there is nothing to give up, and the first error says more.
      await site.api.giveUp(run).catch(() => undefined)
      throw error
    })
    .finally(() => {
      isOver = true
    })
  if (state !== "success") throw new Error(`the run of native_many ended as ${state}`)
  await eventually(
    `${running.workerName} is idle`,
    async () => (await running.seen())?.jobs_active,
    (jobs) => jobs === 0,
    { seconds: 60 }
  )
  const times = (await site.api.taskInstances(run)).flatMap(({ end_date, start_date }) => [
    Date.parse(start_date ?? ""),
    Date.parse(end_date ?? "")
  ])
  return { run, from: Math.min(...times), to: Math.max(...times) }
}

/**
 * Tasks a second; CPU of all processes of the worker in milliseconds a task: of the first run after its start, in which it
 * starts the processes for its tasks, of the second one, and of the last of `runs`, by when V8 has compiled what runs often.
 */
export const manyNative = async (site: Site, contender: Contender, runs: number) => {
  const running = start(site, contender, { queue })
  try {
    await running.registered()
    const once = async () => {
      const before = running.usage().cpu
      const { from, to } = await runOnce(site, running)
      return { rate: tasks / ((to - from) / 1000), cpu: ((running.usage().cpu - before) * 1000) / tasks }
    }
    const all: Array<Awaited<ReturnType<typeof once>>> = []
    for (let run = 0; run < runs; run++) all.push(await once())
    const [first, second] = all
    const cpuOf = (one: (typeof all)[number] | undefined) => (one === undefined ? [] : [one.cpu])
    return {
      rate: all.map(({ rate }) => rate),
      firstCpu: cpuOf(first),
      nextCpu: cpuOf(second),
      cpu: cpuOf(all.at(-1))
    }
  } finally {
    await running.end()
  }
}

/** The first line of each task's log, by its map index: when the task itself wrote it, in epoch milliseconds. */
const firstLines = (home: string): ReadonlyMap<number, number> => {
  const logs = join(home, "logs")
  const found = new Map<number, number>()
  for (const name of readdirSync(logs, { recursive: true, encoding: "utf8" })) {
    const map = /map_index=(\d+)\/attempt=1\.log$/.exec(name)?.[1]
    if (map === undefined) continue
    const lines = readFileSync(join(logs, name), "utf8").trim().split("\n")
    const first = lines.map((line) => JSON.parse(line)).find(({ event }) => event === "begins")
    if (first !== undefined) found.set(Number(map), Date.parse(first.timestamp))
  }
  return found
}

/** Milliseconds from the answer that brings a job until the task's first own line. */
export const claimToLine = async (site: Site, contender: Contender) => {
  const gateway = await openGateway(site.url)
  const running = start(site, contender, { queue, url: gateway.url })
  try {
    await running.registered()
    await runOnce(site, running)
    const lines = firstLines(running.home)
    const latency = gateway.exchanges
      .filter(({ path, response }) => path.startsWith("jobs/fetch/") && response !== "null")
      .map(({ at, response }) => (lines.get(JSON.parse(response).map_index) ?? Number.NaN) - at)
    if (latency.length < tasks || latency.some(Number.isNaN)) throw new Error("a task has no first line")
    return { latency }
  } finally {
    await running.end()
    await gateway.close()
  }
}

/** CPU of empty Python tasks under Airflow's own worker, for comparison. */
export const manyPython = async (site: Site, contender: Contender, count: number) => {
  const { cpu, wall } = await manyTasks(site, contender, count)
  return { cpu: [(cpu * 1000) / count], rate: [count / wall] }
}
