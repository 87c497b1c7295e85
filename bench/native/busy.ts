/** busy: tasks a second and CPU a task where nothing waits for the site: all jobs are there, at a central of our own. */
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { treeOf } from "../../scripts/airflow/processes.ts"
import { ownEnvironment, startCentral } from "../central/site.ts"
import type { Contender } from "../contender.ts"

/** In the first tasks V8 compiles what runs often: they are not counted. */
const first = 200
const all = 800

/** What `contender` does of 800 empty tasks on 8 slots after the first 200. */
export const busy = async (
  below: string,
  contender: Pick<Contender, "settings"> & { readonly command: () => ReadonlyArray<string> }
) => {
  mkdirSync(below, { recursive: true })
  const folder = mkdtempSync(join(below, "busy-"))
  const secret = randomBytes(64).toString("base64")
  const central = await startCentral({ folder, name: "central", secret, database: undefined })
  const url = `http://127.0.0.1:${central.port}`
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${central.adminToken()}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }

  const home = join(folder, "worker")
  const log = join(folder, "worker.log")
  const start = () => {
    const output = openSync(log, "w")
    const [program = "", ...words] = contender.command()
    const child = spawn(program, [...words, "worker", "-H", "busy", "-q", "default", "-c", "8"], {
      env: {
        ...ownEnvironment(home, secret),
        AIRFLOW__EDGE__API_URL: `${url}/edge_worker/v1/rpcapi`,
        ...contender.settings
      },
      stdio: ["ignore", output, output]
    })
    return { child, exited: once(child, "exit") }
  }
  /** How many tasks have succeeded, and the CPU and the time until then. */
  const look = async (pid: number) => {
    const answer = await ask("GET", "/edge_worker/ui/jobs?limit=1&state=success")
    const done = Number((answer as { readonly total_entries?: number }).total_entries ?? 0)
    const ticks = treeOf(pid, `AIRFLOW_HOME=${home}`).reduce(
      (sum, info) => sum + info.ticks + info.childTicks,
      0
    )
    return { done, millis: ticks * 10, at: performance.now() }
  }
  const until = (pid: number, count: number) =>
    eventually(
      `${count} tasks are done`,
      () => look(pid),
      ({ done }) => done >= count,
      { seconds: 120, everyMillis: 200 }
    )

  let worker: ReturnType<typeof start> | undefined
  try {
    for (let run = 0; run < all; run++)
      await ask("POST", "/central/v1/jobs", { dag_id: "native_many", task_id: "empty", run_id: `r${run}` })
    worker = start()
    const { child, exited } = worker
    const endsEarly = exited.then(([code, signal]) => {
      throw new Error(`the worker has ended (${code ?? signal}): ${readFileSync(log, "utf8").slice(-1500)}`)
    })
    const pid = child.pid ?? 0
    const from = await Promise.race([until(pid, first), endsEarly])
    const to = await Promise.race([until(pid, all), endsEarly])
    const count = to.done - from.done
    return {
      busyRate: [count / ((to.at - from.at) / 1000)],
      busyCpu: [(to.millis - from.millis) / count]
    }
  } finally {
    worker?.child.kill("SIGTERM")
    await worker?.exited
    await central.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
