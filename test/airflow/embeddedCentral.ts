/** embeddedCentral: an embedded central of our own as a process, and workers beside it: Airflow's own, and ours. */
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import * as Schema from "effect/Schema"
import { expect, inject, onTestFinished } from "vitest"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { signalProcess, treeOf } from "../../scripts/airflow/processes.ts"
import { WorkerCollection } from "../../src/protocol/ManagementApi.ts"

const main = resolve(import.meta.dirname, "../../src/cli/main.ts")
const venv = join(inject("siteFolder"), "venv", "bin")

/** A program that runs until the test has ended. */
export interface Running {
  readonly output: () => string
  readonly ended: () => number | null | undefined
  readonly signal: (signal: NodeJS.Signals) => void
}

/** Runs a program until the test has ended, with everything that it starts. */
const run = (command: string, args: ReadonlyArray<string>, home: string, env: NodeJS.ProcessEnv): Running => {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("AIRFLOW"))
  const child = spawn(command, args, {
    cwd: home,
    detached: true,
    env: { ...Object.fromEntries(inherited), ...env, AIRFLOW_HOME: home },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let output = ""
  let ended: number | null | undefined
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
  child.once("exit", (code) => {
    ended = code
  })
  const pid = child.pid ?? -1
  onTestFinished(async () => {
    const tree = () => treeOf(pid, `AIRFLOW_HOME=${home}`)
    for (const info of tree()) signalProcess(info.pid, "SIGKILL")
    await eventually("its processes are gone", tree, (left) => left.length === 0, { seconds: 15 })
  })
  return { output: () => output, ended: () => ended, signal: (signal) => signalProcess(pid, signal) }
}

export const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "embedded-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Asks a central as its operator. */
export const caller =
  (base: string, token: string) =>
  async (status: number, method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(new URL(path, base), {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    expect(answer.status, `${method} ${path}`).toBe(status)
    return answer.json()
  }

/** A central, with what people ask it and what a worker is configured with: as it printed it. */
export const startCentral = async (env: NodeJS.ProcessEnv = {}) => {
  const home = join(newFolder(), "central")
  mkdirSync(home)
  const settings = { AIRFLOW__EDGE__HEARTBEAT_INTERVAL: "2", ...env }
  const central = run(process.execPath, [main, "central", "--port", "0"], home, settings)
  await eventually("the central listens", central.output, (seen) => seen.includes("JWT_SECRET_CMD"), {
    seconds: 60
  })
  const found = (pattern: RegExp) => pattern.exec(central.output())?.[1] ?? ""
  const apiUrl = found(/AIRFLOW__EDGE__API_URL=(\S+)/)
  const token = readFileSync(join(home, "edge-central", "admin-token"), "utf8")
  const call = caller(apiUrl, token)
  const ask = (method: string, path: string, body?: unknown) =>
    call(200, method, `/edge_worker/ui/worker${path}`, body)
  const worker = async (name: string) => {
    const { workers } = Schema.decodeUnknownSync(WorkerCollection)(await ask("GET", ""))
    return workers.find((row) => row.worker_name === name)
  }
  return {
    home,
    ask,
    call,
    reaches: (name: string, state: string) =>
      eventually(
        `${name} is ${state}`,
        () => worker(name),
        (row) => row?.state === state,
        { seconds: 90 }
      ),
    variables: {
      AIRFLOW__EDGE__API_URL: apiUrl,
      AIRFLOW__API_AUTH__JWT_SECRET_CMD: found(/AIRFLOW__API_AUTH__JWT_SECRET_CMD="(.*)"/)
    }
  }
}

/** Airflow's own worker, or ours with Airflow's Python. */
export const startPython = (name: string, variables: NodeJS.ProcessEnv): Running =>
  startWorkerOf([join(venv, "airflow"), "edge"], name, variables)

export const startOurs = (name: string, variables: NodeJS.ProcessEnv): Running =>
  startWorkerOf([process.execPath, main], name, variables)

const startWorkerOf = (
  [program = "", ...first]: ReadonlyArray<string>,
  name: string,
  variables: NodeJS.ProcessEnv
): Running => {
  const home = join(newFolder(), "worker")
  mkdirSync(home)
  return run(program, [...first, "worker", "-H", name, "-q", "default", "-c", "2"], home, {
    PATH: `${venv}:${process.env["PATH"]}`,
    AIRFLOW__CORE__LOAD_EXAMPLES: "False",
    AIRFLOW__CORE__EXECUTOR: "airflow.providers.edge3.executors.EdgeExecutor",
    AIRFLOW__EDGE__API_ENABLED: "True",
    AIRFLOW__EDGE__HEARTBEAT_INTERVAL: "2",
    AIRFLOW__EDGE__JOB_POLL_INTERVAL: "1",
    ...variables
  })
}

/** A standalone site in a folder, with Airflow's Python on its PATH; gives what asks its central. */
export const startStandalone = async (folder: string) => {
  const args = [main, "standalone", "--folder", folder, "--port", "0", "--no-example"]
  const site = run(process.execPath, args, newFolder(), { PATH: `${venv}:${process.env["PATH"]}` })
  await eventually("the site is there", site.output, (seen) => seen.includes("Ctrl-C ends all of it"), {
    seconds: 60
  })
  const base = /http:\/\/127\.0\.0\.1:\d+\//.exec(site.output())?.[0] ?? ""
  return caller(base, readFileSync(join(folder, "edge-central", "admin-token"), "utf8"))
}
