/** worker: starts, watches, signals and surely removes the worker processes of the suite. */
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, openSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { onTestFailed, onTestFinished } from "vitest"
import type { EdgeWorker } from "../../scripts/airflow/api.ts"
import { eventually, type Patience } from "../../scripts/airflow/eventually.ts"
import { type Gateway, openGateway } from "../../scripts/airflow/gateway.ts"
import { signalProcess, treeOf } from "../../scripts/airflow/processes.ts"
import { site } from "./site.ts"

/** What the suite runs on: our worker, or Airflow's own to see where the two agree (EDGE_WORKER_TEST_KIND=python). */
export const kind = process.env["EDGE_WORKER_TEST_KIND"] === "python" ? "python" : "edge-worker"
/** True for our worker: a test of what the Python worker does not do asks for it. */
export const ours = kind === "edge-worker"
/** What makes the worker finish its tasks and go. */
export const drainSignal: NodeJS.Signals = ours ? "SIGTERM" : "SIGINT"

const ourCommand = [process.execPath, resolve(import.meta.dirname, "../../bin/edge-worker.mjs")]
const pythonCommand = [join(site.folder, "venv", "bin", "airflow"), "edge"]

export interface WorkerOptions {
  /** Default: a name of its own. */
  readonly name?: string
  /** Default: `default`. */
  readonly queues?: ReadonlyArray<string>
  /** Default: 8. */
  readonly concurrency?: number
  /** Further variables. Heartbeats come every 2 s, Python's fetches every second, unless said otherwise. */
  readonly settings?: Readonly<Record<string, string>>
  /** The tasks reach the Execution API by the site's own address, whatever the gateway does. Default: false. */
  readonly directExecution?: boolean
  /** The home of an earlier worker, for one that takes its place. */
  readonly home?: string
  /** What is run instead of `edge-worker` or `airflow edge`; `worker` and its flags follow. */
  readonly command?: (home: string) => ReadonlyArray<string>
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** One worker process and everything that it causes. */
export interface WorkerProcess {
  readonly name: string
  readonly pid: number
  readonly home: string
  readonly logFolder: string
  readonly gateway: Gateway
  readonly environment: Readonly<Record<string, string>>
  /** What it has printed so far. */
  readonly output: () => string
  readonly exited: Promise<Exit>
  readonly signal: (signal: NodeJS.Signals) => void
  /** Waits for its end. */
  readonly end: (patience?: Patience) => Promise<Exit>
  /** Waits for one of these states on the site. */
  readonly reaches: (states: ReadonlyArray<string>, patience?: Patience) => Promise<EdgeWorker>
  /** Its processes that live: descendants, and those of its home that lost their parents. */
  readonly tree: () => ReadonlyArray<{ readonly pid: number; readonly name: string }>
}

let count = 0

const removeAll = async (tree: () => ReadonlyArray<{ readonly pid: number }>) => {
  const look = () => {
    const left = tree()
    for (const info of left) signalProcess(info.pid, "SIGKILL")
    return left
  }
  await eventually("the worker's processes are gone", look, (left) => left.length === 0, { seconds: 15 })
}

/** A new home for a worker. */
export const newHome = (): string => mkdtempSync(join(site.folder, "workers", "w-"))

/** Starts a worker; when the test has ended, nothing of it is left, and its output is shown where the test failed. */
export const startWorker = async (options: WorkerOptions = {}): Promise<WorkerProcess> => {
  const name = options.name ?? `suite-${process.pid}-${++count}`
  const home = options.home ?? newHome()
  const logFolder = join(home, "logs")
  mkdirSync(logFolder, { recursive: true })
  const gateway = await openGateway(site.url, join(site.folder, "recorded", `${process.pid}.jsonl`))
  const environment = {
    ...site.workerEnvironment(home, gateway.url),
    AIRFLOW__EDGE__HEARTBEAT_INTERVAL: "2",
    AIRFLOW__EDGE__JOB_POLL_INTERVAL: "1",
    ...(options.directExecution ? { AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `${site.url}/execution/` } : {}),
    ...options.settings
  }
  const outputFile = join(home, "output.txt")
  const output = () => readFileSync(outputFile, "utf8")
  const file = openSync(outputFile, "a")
  const [program = "", ...first] = options.command?.(home) ?? (ours ? ourCommand : pythonCommand)
  const args = [...first, "worker", "-H", name, "-q", (options.queues ?? ["default"]).join(",")]
  const child = spawn(program, [...args, "-c", String(options.concurrency ?? 8)], {
    cwd: home,
    detached: true,
    stdio: ["ignore", file, file],
    env: environment
  })
  const pid = child.pid ?? -1
  const exited = new Promise<Exit>((done, fail) => {
    child.once("error", fail)
    child.once("exit", (code, signal) => done({ code, signal }))
  })
  let ended: Exit | undefined
  exited.then(
    (exit) => {
      ended = exit
    },
    () => {}
  )
  // Once it has ended its number may be another's.
  const tree = () => treeOf(ended === undefined ? pid : -1, `AIRFLOW_HOME=${home}`)
  onTestFailed(() => {
    process.stderr.write(`--- ${name} (${home}), last output\n${output().slice(-4000)}\n---\n`)
  })
  onTestFinished(async () => {
    await removeAll(tree)
    await gateway.close()
  })
  return {
    name,
    pid,
    home,
    logFolder,
    gateway,
    environment,
    output,
    exited,
    signal: (signal) => signalProcess(pid, signal),
    end: async (patience) => {
      await eventually(
        `${name} ends`,
        () => ended ?? output().slice(-500),
        () => ended !== undefined,
        patience
      )
      return exited
    },
    reaches: async (states, patience) => {
      const row = await eventually(
        `${name} is ${states.join(" or ")} on the site`,
        async () => (await site.api.worker(name)) ?? `no such worker (${JSON.stringify(ended ?? "it runs")})`,
        (seen) => typeof seen !== "string" && states.includes(seen.state),
        patience
      )
      if (typeof row === "string") throw new Error(row)
      return row
    },
    tree
  }
}

/** What a command printed, and its exit code. */
export interface CommandEnd {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command; not synchronously, as the worker it may wait for must be reaped by this process when it ends. */
const runCommand = (worker: WorkerProcess, [program = "", ...args]: ReadonlyArray<string>) =>
  new Promise<CommandEnd>((done, fail) => {
    const child = spawn(program, args, {
      env: worker.environment,
      cwd: worker.home,
      timeout: 90_000,
      stdio: ["ignore", "pipe", "pipe"]
    })
    const printed = { stdout: "", stderr: "" }
    child.stdout.on("data", (text) => {
      printed.stdout += text
    })
    child.stderr.on("data", (text) => {
      printed.stderr += text
    })
    child.once("error", fail)
    child.once("close", (code) => done({ code, ...printed }))
  })

/** Runs `airflow edge ARGS` of the real Python command for the worker's home. */
export const pythonEdge = (worker: WorkerProcess, ...args: ReadonlyArray<string>) =>
  runCommand(worker, [...pythonCommand, ...args])
