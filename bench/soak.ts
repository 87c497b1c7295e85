/**
 * soak: a worker that runs for long under many small jobs and two outages: does its memory grow, does it leave anything?
 * `--minutes 60` (10), `--rate 10` (jobs a second), `--live`: collects garbage all the time, so that the slope is that
 * of what is alive; without it memory is what V8 takes, which puts collecting off. Ends with 1 where a job or a byte of its log was lost, a job was run
 * or told twice, or a file is left.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { testJob } from "../src/testing/testJob.ts"
import { bundleWorker } from "../test/signals/bundle.ts"
import type { StoredJob } from "../test/signals/httpCentral.ts"
import { Site } from "../test/signals/site.ts"
import { filesUnder, look, type Sample, table } from "./soakFigures.ts"

const number = (flag: string, otherwise: number) => {
  const at = process.argv.indexOf(flag)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const minutes = number("--minutes", 10)
const rate = number("--rate", 10)
const live = process.argv.includes("--live")
const say = (line: string) => process.stderr.write(`${line}\n`)

const programFolder = mkdtempSync(join(tmpdir(), "edge-worker-soak-"))
const site = new Site(await bundleWorker(programFolder))
const { central, home } = site
const jobs: Array<{ readonly stored: StoredJob; readonly log: string }> = []
const ranFile = join(home, "ran")
const stateFolder = join(home, "edge-worker", "one")
const heapFile = join(home, "live-heap")

/** Each writes down that it ran, and two lines into its log. */
const addJob = () => {
  const at = jobs.length
  const job = testJob(`t${at}`, {
    logPath: `dag_id=soak/run_id=r${Math.floor(at / 1000)}/task_id=t${at}/attempt=1.log`
  })
  const lines = [`job ${at} begins`, `job ${at} ends`]
  const shell = `echo ${at} >> '${ranFile}'; echo '${lines[0]}'; echo '${lines[1]}'`
  const stored = central.add({ ...job, command: { ...job.command, shell } } as typeof job)
  jobs.push({ stored, log: `${lines.join("\n")}\n` })
}

const ends = (stored: StoredJob) => stored.reported.filter((state) => state !== "running")
const open = () =>
  jobs.filter(({ log, stored }) => ends(stored).length === 0 || !stored.log.join("").includes(log))

await central.up()
const worker = site.start({
  AIRFLOW__EDGE__WORKER_CONCURRENCY: "16",
  AIRFLOW__EDGE__HEARTBEAT_INTERVAL: "5",
  AIRFLOW__EDGE__API_RETRY_WAIT_MIN: "1",
  AIRFLOW__EDGE__API_RETRY_WAIT_MAX: "90",
  AIRFLOW__EDGE_WORKER__LOG_RETENTION: "0",
  ...(live && {
    NODE_OPTIONS: `--expose-gc --import ${join(import.meta.dirname, "liveHeap.mjs")}`,
    SOAK_LIVE_HEAP: heapFile
  })
})
await worker.says("registered as one")

const samples: Array<Sample> = []
const sample = () => {
  const now = look(worker.pid, home, stateFolder, heapFile)
  samples.push(now)
  return now
}
const started = performance.now()
const length = minutes * 60_000
const outage = Math.min(60_000, length / 12)
const elapsed = () => performance.now() - started

/** Half of the time: jobs at the rate, samples, and an outage in the middle. */
const half = async () => {
  const begun = elapsed()
  const until = begun + length / 2
  const outageAt = begun + length / 4 - outage / 2
  const outageEnd = outageAt + outage
  let sampled = 0
  const before = jobs.length
  let away = false
  while (elapsed() < until) {
    const now = elapsed()
    while (jobs.length - before < ((now - begun) / 1000) * rate) addJob()
    if (!away && now >= outageAt && now < outageEnd) {
      say(`${Math.round(now / 1000)} s: the site goes away for ${Math.round(outage / 1000)} s`)
      away = true
      await central.down()
    } else if (away && now >= outageEnd) {
      say(`${Math.round(now / 1000)} s: the site is back`)
      away = false
      await central.up()
    }
    if (now - sampled >= 2_000) {
      sampled = now
      sample()
    }
    await delay(20)
  }
}

/** No more jobs: waits until the site has been told everything, and looks at what the worker holds then. */
const quiet = async (what: string): Promise<Sample> => {
  const limit = performance.now() + 180_000
  while (open().length > 0 && performance.now() < limit && worker.alive) await delay(250)
  // The folders of the last jobs go right after their logs were accepted.
  while (
    look(worker.pid, home, stateFolder, heapFile).jobFolders > 0 &&
    performance.now() < limit &&
    worker.alive
  )
    await delay(250)
  // The central closes connections that nobody has used for five seconds.
  await delay(8_000)
  const now = sample()
  say(`${Math.round(elapsed() / 1000)} s: ${what}: ${JSON.stringify(now)}`)
  return now
}

let failed = true
try {
  await half()
  const between = await quiet("after half")
  const secondHalf = samples.length
  await half()
  const end = await quiet("at the end")
  const later = samples.slice(secondHalf)
  worker.signal("SIGTERM")
  const exit = await worker.ended()

  const ran = new Map<string, number>()
  for (const line of readFileSync(ranFile, "utf8").trimEnd().split("\n"))
    ran.set(line, (ran.get(line) ?? 0) + 1)
  const told = jobs.map(({ log, stored }) => ({ ends: ends(stored), log: stored.log.join(""), wanted: log }))
  const missing = told.map(({ log, wanted }) =>
    wanted.split("\n").reduce((sum, line) => sum + (log.includes(line) ? 0 : line.length + 1), 0)
  )
  const bytes = told.map(({ log, wanted }, at) =>
    Math.max(0, log.length - wanted.length + (missing[at] ?? 0))
  )
  const sum = (values: ReadonlyArray<number>) => values.reduce((all, one) => all + one, 0)
  const figures = {
    jobs: jobs.length,
    done: told.filter(({ ends }) => ends.length === 1 && ends[0] === "success").length,
    lost: told.filter(({ ends }) => ends.length === 0).length,
    "told wrongly": told.filter(({ ends }) => ends.length > 0 && ends.some((state) => state !== "success"))
      .length,
    "told twice": told.filter(({ ends }) => ends.length > 1).length,
    "run twice": [...ran.values()].filter((times) => times > 1).length,
    "log bytes missing": sum(missing),
    "log bytes extra": sum(bytes),
    "log files left": filesUnder(join(home, "logs")).length,
    "left in the state folder": site.left.length,
    "processes left": site.taskProcesses.length,
    "exit code of the worker": String(exit)
  }
  process.stdout.write(table(figures, between, end, later))
  const wrong = [
    ...(["lost", "told wrongly", "told twice", "run twice", "log bytes missing"] as const),
    ...(["log files left", "left in the state folder", "processes left"] as const)
  ].filter((what) => figures[what] > 0)
  failed = wrong.length > 0 || exit !== 0
  for (const what of wrong) say(`soak: ${figures[what]} ${what}`)
  if (failed) say(worker.output.split("\n").slice(-40).join("\n"))
} finally {
  await site.close()
  rmSync(programFolder, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0
