/** demo: a real Airflow, an edge-worker and one Dag run whose log is printed; then everything is stopped. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { eventually } from "./airflow/eventually.ts"
import { Missing } from "./airflow/install.ts"
import { signalProcess, treeOf } from "./airflow/processes.ts"
import { down, find, type Site, up } from "./airflow/site.ts"

const say = (line: string) => process.stderr.write(`${line}\n`)
const folder = resolve(".airflow")
const home = join(folder, "demo-worker")
const entry = resolve(import.meta.dirname, "../bin/edge-worker.mjs")
const bundle = resolve(import.meta.dirname, "../out")

const startWorker = (site: Site): ChildProcess => {
  if (!existsSync(entry) || !existsSync(bundle))
    throw new Missing('the built worker: run "npm ci" (or "npm run build") first')
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  const output = openSync(join(home, "output.txt"), "w")
  say(`starting a worker: edge-worker worker -H demo -q default (its output: ${join(home, "output.txt")})`)
  return spawn(process.execPath, [entry, "worker", "-H", "demo", "-q", "default"], {
    env: site.workerEnvironment(home),
    stdio: ["ignore", output, output],
    // Ctrl-C goes to this script alone, which stops the worker and then the site
    detached: true
  })
}

/** SIGTERM, and for what is left after 20 s SIGKILL. */
const stopWorker = async (worker: ChildProcess): Promise<void> => {
  const pid = worker.pid
  if (pid === undefined) return
  const left = () => treeOf(pid, `AIRFLOW_HOME=${home}`)
  signalProcess(pid, "SIGTERM")
  await eventually("the worker ends", left, (seen) => seen.length === 0, { seconds: 20 }).catch(() => {
    for (const info of left()) signalProcess(info.pid, "SIGKILL")
  })
}

const runHello = async (site: Site, worker: ChildProcess): Promise<number> => {
  const ended = () => {
    if (worker.exitCode !== null) {
      const output = readFileSync(join(home, "output.txt"), "utf8").trim()
      throw new Error(`the worker ended with exit code ${worker.exitCode}:\n${output}`)
    }
  }
  const online = await eventually(
    "the worker is online",
    async () => (await site.api.worker("demo"))?.state ?? "not registered",
    (state) => worker.exitCode !== null || state === "idle" || state === "running"
  )
  ended()
  say(`the worker is ${online} on the site; running the Dag "hello"`)
  const run = await site.api.trigger("hello")
  const state = await site.api.dagRunEnded(run)
  const log = join(
    site.folder,
    "home",
    "logs",
    "dag_id=hello",
    `run_id=${run.id}`,
    "task_id=hello",
    "attempt=1.log"
  )
  const text = await eventually(
    "the task's log on the site",
    () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
    (seen) => seen.includes("hello from an edge worker"),
    { seconds: 30 }
  )
  say(`the run's state is ${state}; the task's log as the site has it:`)
  process.stdout.write(text)
  return state === "success" ? 0 : 1
}

const main = async (stopped: Promise<number>): Promise<number> => {
  const started = find(folder) === undefined
  let worker: ChildProcess | undefined
  try {
    const work = async () => {
      const site = await up(folder, { say, tied: started })
      worker = startWorker(site)
      return runHello(site, worker)
    }
    return await Promise.race([work(), stopped])
  } finally {
    say("stopping everything")
    if (worker !== undefined) await stopWorker(worker)
    if (started) await down(folder)
  }
}

const interrupted = new Promise<number>((done) => {
  process.once("SIGINT", () => done(130))
  process.once("SIGTERM", () => done(143))
})

try {
  process.exit(await main(interrupted))
} catch (error) {
  say(error instanceof Missing ? `missing: ${error.message}` : String(error))
  process.exit(1)
}
