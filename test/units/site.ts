/** site: a central of ours as a process, and the home of its one worker, whose jobs do what a test tells them. */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { CentralJob, CentralLog } from "../../src/protocol/CentralApi.ts"
import { WorkerCollection } from "../../src/protocol/ManagementApi.ts"

/** The repository, which is the package: `npm ci` has built it. */
export const packageFolder = join(import.meta.dirname, "..", "..")

/** The user of the worker on its machine, and of its files on this one: nobody's here. */
export const user = 61_999

/** How soon what a test waits for is seen. */
const patience = { seconds: 30, everyMillis: 20 }

/** Those of `units` run `task.sh`, those of `tasks` are in TypeScript. */
const dagOf = (name: string) => (name === "native" ? "tasks" : "units")

/** A job of the site, and its task, where that is `task.sh`. */
export class Job {
  readonly name: string
  readonly #site: Site
  readonly #gate: number

  constructor(site: Site, name: string) {
    this.name = name
    this.#site = site
    const fifo = join(site.home, `gate-${name}`)
    execFileSync("mkfifo", ["--mode=666", fifo])
    // Read and write: neither opening it nor writing a line waits for the task.
    this.#gate = openSync(fifo, "r+")
  }

  /** Lets its task say a line, or end with a code. */
  readonly tell = (line: `say ${string}` | `end ${number}`): void => void writeSync(this.#gate, `${line}\n`)

  readonly close = (): void => closeSync(this.#gate)

  async log(): Promise<string> {
    return Schema.decodeUnknownSync(CentralLog)(await this.#site.ask("GET", `${this.#path}/log`)).text
  }

  async state(): Promise<string> {
    return Schema.decodeUnknownSync(CentralJob)(await this.#site.ask("GET", this.#path)).state
  }

  says(text: string): Promise<string> {
    return eventually(
      `${this.name} says ${text}`,
      () => this.log(),
      (log) => log.includes(text),
      patience
    )
  }

  reaches(state: string): Promise<string> {
    return eventually(
      `${this.name} is ${state}`,
      () => this.state(),
      (seen) => seen === state,
      patience
    )
  }

  /** How often its task began. */
  get runs(): number {
    const file = join(this.#site.home, "ran")
    const names = existsSync(file) ? readFileSync(file, "utf8").split("\n") : []
    return names.filter((name) => name === this.name).length
  }

  get #path(): string {
    return `/central/v1/jobs/${dagOf(this.name)}/${this.name}/one/1/-1`
  }
}

/** A central and the folder of its worker's machine; everything of it is gone after `close`. */
export class Site {
  /** What a machine is made of; its `airflow` is the worker's home. */
  readonly folder = mkdtempSync(join(tmpdir(), "edge-worker-units-"))
  readonly home = join(this.folder, "airflow")
  readonly #jobs: Array<Job> = []
  #central: ReturnType<typeof spawn> | undefined
  #url = ""
  #token = ""

  async open(): Promise<void> {
    mkdirSync(this.home)
    const central = join(this.folder, "central")
    const program = join(packageFolder, "bin", "edge-worker.mjs")
    const inherited = Object.entries(process.env).filter(([name]) => !/^(AIRFLOW|EDGE_WORKER_W)/.test(name))
    this.#central = spawn(process.execPath, [program, "central", "--port", "0"], {
      env: {
        ...Object.fromEntries(inherited),
        AIRFLOW_HOME: central,
        AIRFLOW__EDGE_CENTRAL__STATE_FOLDER: central,
        AIRFLOW__EDGE__HEARTBEAT_INTERVAL: "1"
      },
      stdio: ["ignore", "pipe", "ignore"]
    })
    let said = ""
    this.#central.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
    await eventually(
      "the central listens",
      () => said,
      (text) => text.includes("JWT_SECRET_CMD"),
      patience
    )
    this.#url = /AIRFLOW__EDGE__API_URL=(\S+)/.exec(said)?.[1] ?? ""
    this.#token = readFileSync(join(central, "admin-token"), "utf8")
    copyFileSync(join(import.meta.dirname, "task.sh"), join(this.home, "task.sh"))
    const commands = `{"units.*": ["sh", "{AIRFLOW_HOME}/task.sh"]}`
    writeFileSync(join(this.home, "airflow.cfg"), `[edge_worker]\ncommands = ${commands}\n`)
    const secret = readFileSync(join(central, "jwt-secret"), "utf8")
    this.settings({
      AIRFLOW__EDGE__API_URL: this.#url,
      AIRFLOW__API_AUTH__JWT_SECRET: secret,
      AIRFLOW__EDGE__HEARTBEAT_INTERVAL: "1",
      AIRFLOW__EDGE__JOB_POLL_INTERVAL: "1"
    })
    chmodSync(this.home, 0o755)
    chownSync(this.home, user, user)
  }

  /** More lines of the file that the unit's `EnvironmentFile` and a container's `--env-file` name. */
  settings(added: Readonly<Record<string, string>>): void {
    const lines = Object.entries(added).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(join(this.folder, "env"), lines.join(""), { flag: "a", mode: 0o600 })
  }

  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(new URL(path, this.#url), {
      method,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }

  /** Gives it a job; one called `wedged` ignores SIGTERM, one called `native` is a task in TypeScript. */
  async submit(name: string): Promise<Job> {
    const job = new Job(this, name)
    this.#jobs.push(job)
    await this.ask("POST", "/central/v1/jobs", { dag_id: dagOf(name), task_id: name, run_id: "one" })
    return job
  }

  /** One that has begun, as the site knows. */
  async running(name: string): Promise<Job> {
    const job = await this.submit(name)
    await job.says("begun")
    await job.reaches("running")
    return job
  }

  async worker(): Promise<string | undefined> {
    const answer = await this.ask("GET", "/edge_worker/ui/worker")
    return Schema.decodeUnknownSync(WorkerCollection)(answer).workers[0]?.state
  }

  reaches(state: string): Promise<string | undefined> {
    return eventually(
      `the worker is ${state}`,
      () => this.worker(),
      (seen) => seen === state,
      patience
    )
  }

  /** Waits until the worker has removed every job's folder. */
  cleared(): Promise<ReadonlyArray<string>> {
    const workers = join(this.home, "edge-worker")
    const left = () => readdirSync(workers).flatMap((name) => readdirSync(join(workers, name, "jobs")))
    return eventually("every job's folder is gone", left, (folders) => folders.length === 0, patience)
  }

  async close(): Promise<void> {
    for (const job of this.#jobs) job.close()
    const central = this.#central
    if (central !== undefined && central.exitCode === null && central.signalCode === null) {
      central.kill("SIGKILL")
      await once(central, "exit")
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}
