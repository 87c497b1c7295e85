/** chaos: real kills, outages and stops against a real Airflow while Dag runs go on; counts what was lost, doubled or wrong. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { eventually } from "./airflow/eventually.ts"
import { openGateway } from "./airflow/gateway.ts"
import { Missing } from "./airflow/install.ts"
import { down, find, type Site, up } from "./airflow/site.ts"
import { cause } from "./chaos/faults.ts"
import { print } from "./chaos/figures.ts"
import { type Counting, dag, keepRunning, ledgerOf } from "./chaos/load.ts"
import { startPostgres } from "./chaos/postgres.ts"
import { randomOf } from "./chaos/random.ts"
import { type Evidence, judge } from "./chaos/verdict.ts"
import { startVictim } from "./chaos/victim.ts"

const usage = `node scripts/chaos.ts [--minutes N] [--seed S] [--quick] [--folder FOLDER] [--database postgres|sqlite] [--keep]

Starts an Airflow, a worker and Dag runs; for N minutes (10) kills the worker, cuts the network, restarts the site
and stops processes, all drawn from S; then lets all finish and counts. Exit code 1 where something was lost, ran
twice, was reported wrongly or is missing in a log. --quick: two minutes of faults. --keep: the worker's folder stays.
FOLDER is .airflow by default; no site may run there.
`

const began = Date.now()
const say = (line: string) =>
  process.stderr.write(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}\n`)

/** Seconds. The site gives a worker up after five times its own idea of it, so both must have the same. */
const heartbeatInterval = "5"

/** A claim whose answer is lost is given out again after a minute, not ten; ended jobs stay to be counted. */
const siteSettings = {
  AIRFLOW__EDGE__HEARTBEAT_INTERVAL: heartbeatInterval,
  AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT: "60",
  AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL: "10",
  AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES: "20",
  AIRFLOW__EDGE__JOB_SUCCESS_PURGE: "100000",
  AIRFLOW__EDGE__JOB_FAIL_PURGE: "100000"
}

/** What must be undone, the last first, however this ends. */
const undo: Array<() => unknown> = []
const undoAll = async () => {
  const failures: Array<unknown> = []
  // One that fails must not leave what the others would stop.
  for (let step = undo.pop(); step !== undefined; step = undo.pop())
    await (async () => step?.())().catch((error) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}

const isEnded = (state: string) => state === "success" || state === "failed"

/** Waits until the site has the end of every run, and no job of them is left open; gives all that is known then. */
const gather = async (site: Site, runs: ReadonlyArray<Counting>): Promise<ReadonlyArray<Evidence>> => {
  const states = new Map<string, string>()
  const look = async () => {
    for (const { id } of runs)
      if (!isEnded(states.get(id) ?? "")) states.set(id, await site.api.dagRunState({ dag, id }))
    return [...states.values()].filter((state) => !isEnded(state)).length
  }
  const patient = (what: string, open: () => Promise<number>, seconds: number) =>
    eventually(what, open, (count) => count === 0, { seconds, everyMillis: 1000 }).catch((error) =>
      say(String(error))
    )
  await patient("every run ends", look, 420)
  const jobs = async () => (await site.api.jobs({ dag })).filter(({ run_id }) => states.has(run_id))
  const openJobs = async () =>
    (await jobs()).filter(({ state }) => !isEnded(state) && state !== "removed").length
  await patient("every job is settled", openJobs, 60)
  const rows = await jobs()
  const evidence: Array<Evidence> = []
  for (const run of runs)
    evidence.push({
      run,
      state: states.get(run.id) ?? "unknown",
      instances: await site.api.taskInstances({ dag, id: run.id }),
      jobs: rows.filter(({ run_id }) => run_id === run.id),
      ledger: ledgerOf(run)
    })
  return evidence
}

const chaos = async (site: Site, minutes: number, seed: number, keep: boolean): Promise<number> => {
  const random = randomOf(seed)
  mkdirSync(join(site.folder, "workers"), { recursive: true })
  const home = mkdtempSync(join(site.folder, "workers", "chaos-"))
  const gateway = await openGateway(site.url)
  const environment = {
    ...site.workerEnvironment(home, gateway.url),
    AIRFLOW__EDGE__HEARTBEAT_INTERVAL: heartbeatInterval,
    AIRFLOW__EDGE__JOB_POLL_INTERVAL: "1"
  }
  const victim = startVictim({ name: "chaos", home, environment, concurrency: 6 })
  undo.push(gateway.close, victim.remove)
  await eventually(
    "the worker is there",
    () => site.api.worker("chaos"),
    (row) => row?.state === "idle",
    { seconds: 30 }
  )
  const prefix = `chaos-${seed}-${Date.now().toString(36)}`
  const until = Date.now() + minutes * 60_000
  const load = { site, folder: join(home, "ledgers"), prefix, most: 16, everyMillis: 1500 }
  const [faults, runs] = await Promise.all([
    cause({ site, gateway, victim, random: randomOf(seed + 1), say }, until),
    keepRunning({ ...load, random }, until)
  ])
  say(`${faults.length} faults, ${runs.length} runs; now all may finish`)
  const evidence = await gather(site, runs)
  const code = await victim.drain(60)
  const left = victim.tree().length
  const verdict = judge(evidence, join(site.folder, "home", "logs"), victim.logFolder)
  const write = (text: string) => process.stdout.write(text)
  write(`chaos for ${minutes} minutes, seed ${seed}, ${site.settings.database.replace(/:.*/, "")}\n`)
  const broken = print(verdict, faults, gateway, write)
  write(`the worker's end: exit code ${code}, ended on its own ${victim.ownEnds()} times\n`)
  const bad = broken + (code === 0 ? 0 : 1) + victim.ownEnds()
  if (bad > 0 || keep) write(`the worker's folder: ${home} (${left} processes at the end)\n`)
  else rmSync(home, { recursive: true, force: true })
  write(bad === 0 ? "nothing lost, nothing twice, nothing wrong\n" : `${bad} promises broken\n`)
  return bad
}

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1e6)) },
      quick: { type: "boolean", default: false },
      folder: { type: "string", default: ".airflow" },
      database: { type: "string" },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false }
    }
  })
  const minutes = values.quick ? 2 : Number(values.minutes)
  if (values.help || !(minutes > 0)) {
    process.stderr.write(usage)
    return values.help ? 0 : 2
  }
  const folder = resolve(values.folder)
  if (find(folder) !== undefined)
    throw new Missing(
      `a site of its own: one runs in ${folder}; "node scripts/airflow-site.ts down" stops it`
    )
  const postgres = values.database === "sqlite" ? "asked for SQLite" : await startPostgres()
  if (typeof postgres === "string") {
    if (values.database === "postgres") throw new Missing(`PostgreSQL: ${postgres}`)
    say(`no PostgreSQL (${postgres}): the site uses its default database`)
  }
  if (typeof postgres !== "string") undo.push(postgres.stop)
  undo.push(() => down(folder))
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => void undoAll().finally(() => process.exit(1)))
  try {
    const database = typeof postgres === "string" ? {} : { database: postgres.url }
    const site = await up(folder, { say, tied: true, settings: siteSettings, ...database })
    return (await chaos(site, minutes, Number(values.seed), values.keep)) === 0 ? 0 : 1
  } finally {
    await undoAll()
  }
}

try {
  process.exit(await main())
} catch (error) {
  say(
    error instanceof Missing
      ? `missing: ${error.message}`
      : error instanceof Error
        ? (error.stack ?? "")
        : String(error)
  )
  process.exit(1)
}
