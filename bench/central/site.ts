/** site: one or two built centrals in processes of their own, which can be started again on the same port and state. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createWriteStream, readFileSync } from "node:fs"
import { get } from "node:http"
import { createServer } from "node:net"
import { join, resolve } from "node:path"

export interface Central {
  readonly port: number
  /** For `Authorization` of the central's own API. */
  readonly adminToken: () => string
  /** Seconds of CPU of all its lives so far. */
  readonly cpuSeconds: () => number
  /** The most memory of its present life, in MiB. */
  readonly peakMemory: () => number
  /** Ends it as an operator does, and starts it again; gives the milliseconds until it answered again. */
  readonly restart: () => Promise<number>
  readonly stop: () => Promise<void>
}

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return address !== null && typeof address === "object" ? address.port : 0
}

/** User and system time in hundredths of a second: Linux' USER_HZ. */
const cpuOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** What a process of the benchmark has of this one's environment: nothing of another site. */
export const ownEnvironment = (home: string, secret: string) => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AIRFLOW"))),
  AIRFLOW_HOME: home,
  AIRFLOW__API_AUTH__JWT_SECRET: secret
})

const environment = (home: string, secret: string, database: string | undefined) => ({
  ...ownEnvironment(home, secret),
  // What a restart leaves unconfirmed shall be done within the run.
  AIRFLOW__EDGE_CENTRAL__CLAIM_TIMEOUT: "5",
  AIRFLOW__EDGE__JOB_SUCCESS_PURGE: "60",
  ...(database === undefined ? {} : { AIRFLOW__EDGE_CENTRAL__DATABASE_URL: database })
})

const answers = (port: number) =>
  new Promise<boolean>((done) => {
    const out = get(
      { agent: false, host: "127.0.0.1", port, path: "/edge_worker/v1/health", timeout: 2000 },
      (answer) => {
        answer.resume()
        done(answer.statusCode === 200)
      }
    )
    out.once("timeout", () => out.destroy(new Error("no answer")))
    out.once("error", () => done(false))
  })

const alive = async (port: number, child: ChildProcess, log: string) => {
  while (!(await answers(port))) {
    if (child.exitCode !== null)
      throw new Error(`the central ended: ${readFileSync(log, "utf8").slice(-2000)}`)
    await new Promise((done) => setTimeout(done, 20))
  }
}

/** Starts one below `folder`; its log is `central-NAME.log` there. */
export const startCentral = async (options: {
  readonly folder: string
  readonly name: string
  readonly secret: string
  readonly database: string | undefined
}): Promise<Central> => {
  const { folder, name, secret, database } = options
  const port = await freePort()
  const home = join(folder, name)
  const log = join(folder, `central-${name}.log`)
  let child: ChildProcess
  let spent = 0
  const start = async () => {
    const output = createWriteStream(log, { flags: "a" })
    await once(output, "open")
    child = spawn(process.execPath, [resolve("bin/edge-worker.mjs"), "central", "--port", String(port)], {
      env: environment(home, secret, database),
      stdio: ["ignore", output, output]
    })
    output.end()
    await alive(port, child, log)
  }
  const cpu = () => (child.exitCode === null && child.pid !== undefined ? cpuOf(child.pid) : 0)
  const stop = async () => {
    spent += cpu()
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGTERM")
    await once(child, "exit")
  }
  await start()
  return {
    port,
    adminToken: () => readFileSync(join(home, "edge-central", "admin-token"), "utf8").trim(),
    cpuSeconds: () => spent + cpu(),
    peakMemory: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8")
      return Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1] ?? 0) / 1024
    },
    restart: async () => {
      const from = performance.now()
      await stop()
      await start()
      return performance.now() - from
    },
    stop
  }
}
