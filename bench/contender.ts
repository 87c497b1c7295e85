/** contender: a worker that is measured: ours, or Airflow's own, started and ended alike. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import { eventually } from "../scripts/airflow/eventually.ts"
import { isAlive, proportionalMemory, signalProcess, treeOf } from "../scripts/airflow/processes.ts"
import type { Site } from "../scripts/airflow/site.ts"

/** Who is measured. */
export interface Contender {
  readonly name: string
  readonly command: (site: Site) => ReadonlyArray<string>
  /** Further variables. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Ours and Airflow's own, as they are compared. */
export const contenders: ReadonlyArray<Contender & { readonly name: "edge-worker" | "python" }> = [
  {
    name: "edge-worker",
    command: () => [process.execPath, resolve(import.meta.dirname, "../bin/edge-worker.mjs")]
  },
  { name: "python", command: (site) => [join(site.folder, "venv", "bin", "airflow"), "edge"] }
]

/** What a tree of processes uses now. */
export interface Usage {
  /** User and system seconds, also of children that have ended and were waited for. */
  readonly cpu: number
  /** Proportional set size in MiB. */
  readonly memory: number
}

/** A running worker. */
export interface Running {
  readonly workerName: string
  readonly home: string
  readonly process: ChildProcess
  /** `performance.now()` of its start. */
  readonly started: number
  readonly usage: () => Usage
  readonly registered: () => Promise<number>
  /** What the site says of it; fails with its last words where it has ended. */
  readonly seen: () => ReturnType<Site["api"]["worker"]>
  readonly end: () => Promise<void>
}

let count = 0

/** The Python worker uses defaults everywhere; so does ours. */
export const start = (
  site: Site,
  contender: Contender,
  options: { readonly url?: string; readonly slots?: number; readonly queue?: string } = {}
): Running => {
  const workerName = `bench-${contender.name}-${process.pid}-${++count}`
  mkdirSync(join(site.folder, "bench"), { recursive: true })
  const home = mkdtempSync(join(site.folder, "bench", `${contender.name}-`))
  const output = openSync(join(home, "output.txt"), "w")
  const [program = "", ...first] = contender.command(site)
  const args = [
    ...first,
    "worker",
    "-H",
    workerName,
    "-q",
    options.queue ?? "default",
    "-c",
    String(options.slots ?? 8)
  ]
  const started = performance.now()
  const child = spawn(program, args, {
    env: { ...site.workerEnvironment(home, options.url), ...contender.settings },
    cwd: home,
    stdio: ["ignore", output, output],
    detached: true
  })
  const pid = child.pid ?? 0
  const tree = () => treeOf(pid, `AIRFLOW_HOME=${home}`)
  const running: Running = {
    workerName,
    home,
    process: child,
    started,
    usage: () => {
      const all = tree()
      return {
        cpu: all.reduce((sum, info) => sum + info.ticks + info.childTicks, 0) / 100,
        memory: all.reduce((sum, info) => sum + proportionalMemory(info.pid), 0) / 1024
      }
    },
    registered: async () => {
      await eventually(
        `${workerName} is registered`,
        async () => (await running.seen())?.state ?? "unknown to the site",
        (state) => state === "idle" || state === "running",
        { everyMillis: 10 }
      )
      return performance.now() - started
    },
    seen: async () => {
      if (child.exitCode === null) return site.api.worker(workerName)
      const words = readFileSync(join(home, "output.txt"), "utf8").slice(-1500)
      throw new Error(`it has ended with exit code ${child.exitCode}: ${words}`)
    },
    end: async () => {
      signalProcess(pid, contender.name === "python" ? "SIGINT" : "SIGTERM")
      await eventually(
        "the worker ends",
        () => (child.exitCode === null ? isAlive(pid) : false),
        (alive) => !alive,
        {
          seconds: 90
        }
      )
      for (const info of tree()) signalProcess(info.pid, "SIGKILL")
      rmSync(home, { recursive: true, force: true })
    }
  }
  return running
}

/** When the worker's first log file got its first byte, in milliseconds since the worker's start. */
export const firstLine = async (running: Running): Promise<number> => {
  const logs = join(running.home, "logs")
  const hasLine = () =>
    readdirSync(logs, { recursive: true, encoding: "utf8" }).some(
      (name) => name.endsWith("attempt=1.log") && statSync(join(logs, name)).size > 0
    )
  await eventually("the first task's first line", hasLine, (found) => found, { everyMillis: 5 })
  return performance.now() - running.started
}
