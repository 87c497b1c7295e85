/** Airflow's own worker at the embedded central: registration, orders, a second one of its name, versions. */
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import * as Schema from "effect/Schema"
import { describe, expect, inject, it, onTestFinished } from "vitest"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { signalProcess, treeOf } from "../../scripts/airflow/processes.ts"
import { WorkerCollection } from "../../src/protocol/ManagementApi.ts"

const main = resolve(import.meta.dirname, "../../src/cli/main.ts")
const venv = join(inject("siteFolder"), "venv", "bin")

interface Running {
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

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "embedded-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A central, with what people ask it and what a worker is configured with: as it printed it. */
const startCentral = async (env: NodeJS.ProcessEnv = {}) => {
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
  const ask = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(new URL(`/edge_worker/ui/worker${path}`, apiUrl), {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    expect(answer.status).toBe(200)
    return answer.json()
  }
  const worker = async (name: string) => {
    const { workers } = Schema.decodeUnknownSync(WorkerCollection)(await ask("GET", ""))
    return workers.find((row) => row.worker_name === name)
  }
  return {
    ask,
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

const startPython = (name: string, variables: NodeJS.ProcessEnv): Running => {
  const home = join(newFolder(), "worker")
  mkdirSync(home)
  return run(join(venv, "airflow"), ["edge", "worker", "-H", name, "-q", "default", "-c", "2"], home, {
    PATH: `${venv}:${process.env["PATH"]}`,
    AIRFLOW__CORE__LOAD_EXAMPLES: "False",
    AIRFLOW__CORE__EXECUTOR: "airflow.providers.edge3.executors.EdgeExecutor",
    AIRFLOW__EDGE__API_ENABLED: "True",
    AIRFLOW__EDGE__HEARTBEAT_INTERVAL: "2",
    AIRFLOW__EDGE__JOB_POLL_INTERVAL: "1",
    ...variables
  })
}

const ends = (worker: Running) =>
  eventually("the worker ends", worker.ended, (code) => code !== undefined, { seconds: 90 })

describe("Airflow's own worker at the embedded central", () => {
  it("registers, goes into maintenance and out of it, takes a concurrency, and shuts down when it is asked to", async () => {
    const { ask, reaches, variables } = await startCentral()
    const worker = startPython("py-1", variables)
    const idle = await reaches("py-1", "idle")
    expect(idle).toMatchObject({ queues: ["default"], sysinfo: { airflow_version: "3.3.2", concurrency: 2 } })
    await ask("POST", "/py-1/maintenance", { maintenance_comment: "disk" })
    const resting = await reaches("py-1", "maintenance mode")
    expect(resting?.maintenance_comments).toMatch(/put node into maintenance mode\nComment: disk$/)
    await ask("DELETE", "/py-1/maintenance")
    await reaches("py-1", "idle")
    await ask("PATCH", "/py-1/concurrency", { concurrency: 5 })
    await eventually("it says so", worker.output, (seen) => /Concurrency updated from 2 to 5/.test(seen), {
      seconds: 30
    })
    await ask("POST", "/py-1/shutdown")
    await reaches("py-1", "offline")
    expect(await ends(worker)).toBe(0)
  })

  it("is refused while another one of its name is active", async () => {
    const { reaches, variables } = await startCentral()
    startPython("twin", variables)
    await reaches("twin", "idle")
    const second = startPython("twin", variables)
    expect(await ends(second)).not.toBe(0)
    expect(second.output()).toMatch(/already active/)
    await reaches("twin", "idle")
  })

  it("is refused with other versions", async () => {
    const { variables } = await startCentral({ AIRFLOW__EDGE_CENTRAL__EDGE_PROVIDER_VERSION: "5.2.0" })
    const worker = startPython("old", variables)
    expect(await ends(worker)).not.toBe(0)
    expect(worker.output()).toMatch(/Version mismatch of Edge worker and Core\. Shutting down worker/)
  })
})
