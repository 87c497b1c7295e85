/**
 * soak: a worker that runs for long under many small jobs and two outages: does its memory grow, does it leave anything?
 *
 * `--minutes 60` (10), `--rate 10` (jobs a second). Ends with 1 and `FAILED: …` lines where a job or a byte of its log was
 * lost, a job was run or told twice, a file, process or entry is left, or where the worker at rest holds more descriptors
 * or rows of its journal than it did at rest after the warm-up: five minutes, or half of a shorter run.
 *
 * Memory is that of what is alive: the worker is started with `--expose-gc` and a hook (soak/liveHeap.mjs) that collects
 * all garbage every five seconds and writes down heap and external memory. Without it the slope is that of V8, which puts
 * collecting off as long as it has room: tens of MB an hour, up and down, that no number of samples tells from a leak.
 * RSS is printed beside it, as it also counts what V8 does not manage, such as SQLite's memory; it is never judged, as it
 * keeps what was free for reuse. From 30 minutes on the run fails where the live heap's slope in the second half, by least
 * squares over the floors of thirty blocks, is more than two standard errors above 1 MB an hour. `--plain` measures a
 * worker that collects when it wants to, and judges no slope.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { parseArgs } from "node:util"
import { bundleWorker } from "../test/signals/bundle.ts"
import { Site } from "../test/signals/site.ts"
import { Load } from "./soak/load.ts"
import { filesUnder, heapsIn, jobFoldersOf, look, lookLong, type Sample } from "./soak/sample.ts"
import { failures, type Soaked, table } from "./soak/verdict.ts"

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "10" },
    plain: { type: "boolean", default: false }
  }
})
const [minutes, rate] = [Number(flags.minutes), Number(flags.rate)]
const say = (line: string) => process.stderr.write(`${line}\n`)

const programFolder = mkdtempSync(join(tmpdir(), "edge-worker-soak-"))
const site = new Site(await bundleWorker(programFolder))
const { central, home } = site
const heapFile = join(home, "live-heap")
const load = new Load(central, join(home, "ran"))
await central.up()
const worker = site.start({
  AIRFLOW__EDGE__WORKER_CONCURRENCY: "16",
  AIRFLOW__EDGE__HEARTBEAT_INTERVAL: "5",
  AIRFLOW__EDGE__API_RETRY_WAIT_MIN: "1",
  AIRFLOW__EDGE__API_RETRY_WAIT_MAX: "90",
  AIRFLOW__EDGE_WORKER__LOG_RETENTION: "0",
  ...(!flags.plain && {
    NODE_OPTIONS: `--expose-gc --import ${join(import.meta.dirname, "soak", "liveHeap.mjs")}`,
    SOAK_LIVE_HEAP: heapFile
  })
})
const watched = { pid: worker.pid, home, stateFolder: join(home, "edge-worker", "one") }

const samples: Array<Sample> = []
const outages: Array<{ readonly from: number; to: number }> = []
const started = performance.now()
const elapsed = () => performance.now() - started
const saying = (what: string) => say(`${Math.round(elapsed() / 1000)} s: ${what}`)

/** The site goes away and comes back. */
const siteAway = async (millis: number) => {
  const outage = { from: Date.now(), to: Number.POSITIVE_INFINITY }
  outages.push(outage)
  saying(`the site goes away for ${Math.round(millis / 1000)} s`)
  await central.down()
  await delay(millis)
  await central.up()
  outage.to = Date.now()
  saying("the site is back")
}

/** Jobs at the rate and samples, with an outage in the middle. */
const loaded = async (millis: number, outageMillis: number) => {
  const begun = elapsed()
  const outage = delay((millis - outageMillis) / 2).then(() => siteAway(outageMillis))
  // A machine that is too slow for the rate must not end with hours of jobs to do.
  const mostOpen = rate * (outageMillis / 1000 + 60)
  let [given, heldBack, sampled] = [0, 0, begun]
  while (elapsed() - begun < millis) {
    if (!worker.alive) throw new Error(`the worker has ended:\n${worker.output.slice(-4000)}`)
    const due = Math.floor(((elapsed() - begun) / 1000) * rate) - given - heldBack
    const room = due > 0 ? Math.max(0, Math.ceil(mostOpen - load.open)) : 0
    for (let count = Math.min(due, room); count > 0; count--) load.add()
    given += Math.min(due, room)
    heldBack += Math.max(0, due - room)
    if (elapsed() - sampled >= 5_000) {
      sampled = elapsed()
      samples.push(look(watched))
    }
    await delay(20)
  }
  await outage
  if (heldBack > 0) saying(`${heldBack} jobs were not given: the machine is too slow for ${rate} a second`)
}

/** No more jobs: waits as long as the site is told more and folders go, and looks at what the worker holds then. */
const atRest = async (what: string): Promise<Sample> => {
  let [last, changed] = ["", performance.now()]
  while (worker.alive && performance.now() - changed < 120_000) {
    const [open, folders] = [load.open, jobFoldersOf(watched)]
    if (open + folders === 0) break
    if (`${open} ${folders}` !== last) [last, changed] = [`${open} ${folders}`, performance.now()]
    await delay(250)
  }
  // The central closes connections that nobody has used for five seconds.
  await delay(8_000)
  const now = await lookLong(watched)
  saying(`${what}: ${JSON.stringify({ ...now, descriptors: now.descriptors.length })}`)
  return now
}

let failed = true
try {
  await worker.says("registered as one")
  const length = minutes * 60_000
  const warmUp = Math.min(300_000, length / 2)
  const outage = Math.min(60_000, length / 12)
  await loaded(warmUp, outage)
  const warm = await atRest("at rest after the warm-up")
  const rest = length - warmUp
  const secondHalf = Date.now() + Math.max(0, length / 2 - warmUp)
  await loaded(rest, outage)
  const loadEnd = Date.now()
  const end = await atRest("at rest at the end")
  worker.signal("SIGTERM")
  const exit = await worker.ended()

  const inHalf = ({ at }: { readonly at: number }) => at >= secondHalf && at <= loadEnd
  const inOutage = ({ at }: { readonly at: number }) => outages.some(({ from, to }) => at >= from && at <= to)
  const soaked: Soaked = {
    minutes,
    counts: {
      ...load.counts(),
      "log files left": filesUnder(join(home, "logs")).length,
      "left in the state folder": site.left.length,
      "processes left": site.taskProcesses.length
    },
    exit: String(exit),
    warm,
    end,
    resident: samples.filter(inHalf).map(({ at, rss }) => ({ at, value: rss })),
    heap: heapsIn(heapFile).filter((point) => inHalf(point) && !inOutage(point)),
    judgeHeap: !flags.plain
  }
  process.stdout.write(table(soaked))
  const wrong = failures(soaked)
  failed = wrong.length > 0
  if (failed) say(worker.output.split("\n").slice(-40).join("\n"))
  for (const what of wrong) process.stdout.write(`FAILED: ${what}\n`)
} finally {
  await site.close()
  rmSync(programFolder, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0
