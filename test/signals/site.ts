/** site: one cell's world: a central, a home folder, tasks that end when they are told to, and workers in processes. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type EdgeStatus, readStatus, statusTime, writeMarker } from "../../src/platform/Usr2Files.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { HttpCentral, type StoredJob } from "./httpCentral.ts"

/** How a task takes SIGTERM. */
export type Manner = "obedient" | "wedged"

/** The processes whose environment holds this text. */
export const processesWith = (text: string): ReadonlyArray<number> =>
  readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      return readFileSync(`/proc/${name}/environ`, "latin1").includes(text) ? [Number(name)] : []
    } catch {
      return []
    }
  })

/** A task: its name on the site, and how the test lets it finish. */
export class Task {
  readonly stored: StoredJob
  readonly #fifo: string
  readonly #gate: number

  constructor(central: HttpCentral, home: string, name: string, manner: Manner) {
    this.#fifo = join(home, `gate-${name}`)
    execFileSync("mkfifo", [this.#fifo])
    // Read and write: neither opening it nor writing a line waits for the task.
    this.#gate = openSync(this.#fifo, "r+")
    const shell =
      manner === "obedient"
        ? `echo begun; read line < '${this.#fifo}'; echo over`
        : `trap '' TERM; echo begun; setsid sleep 3600 & sleep 3600`
    const job = testJob(name)
    this.stored = central.add({ ...job, command: { ...job.command, shell } } as typeof job)
  }

  get log(): string {
    return this.stored.log.join("")
  }

  /** The ends that the site was told. */
  get ends(): ReadonlyArray<string> {
    return this.stored.reported.filter((state) => state !== "running")
  }

  readonly letGo = (): void => void writeSync(this.#gate, "\n")
  readonly close = (): void => closeSync(this.#gate)
}

/** A worker's process. */
export class WorkerProcess {
  output = ""
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  readonly #listeners = new Set<() => void>()
  readonly #home: string

  constructor(program: string, home: string, env: NodeJS.ProcessEnv) {
    this.#home = home
    this.#child = spawn(
      process.execPath,
      ["--disable-sigusr1", "--max-semi-space-size=4", program, "worker", "-H", "one"],
      {
        env,
        stdio: ["ignore", "pipe", "pipe"]
      }
    )
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        this.output += chunk
        for (const look of [...this.#listeners]) look()
      })
    this.#closed = once(this.#child, "close").then(() => {
      for (const look of [...this.#listeners]) look()
    })
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  readonly signal = (signal: NodeJS.Signals): void => void this.#child.kill(signal)

  /** The exit code, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    await this.#closed
    return this.#child.exitCode ?? this.#child.signalCode
  }

  /** Waits until it has said this `times` times; fails with all it said where it ends before. */
  says(text: string, times = 1): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const said = this.output.split(text).length > times
        if (!said && this.alive) return
        this.#listeners.delete(look)
        if (said) resolve()
        else reject(new Error(`never said "${text}":\n${this.output}`))
      }
      this.#listeners.add(look)
      look()
    })
  }

  /** SIGUSR2, and the status that it answers with. */
  async status(): Promise<EdgeStatus> {
    const before = statusTime(this.#home)
    const watcher = watch(this.#home)
    const gone = new AbortController()
    void this.#closed.then(() => gone.abort(new Error(`ended without an answer:\n${this.output}`)))
    try {
      this.signal("SIGUSR2")
      while (true) {
        const found = readStatus(this.#home, before)
        if (Option.isSome(found)) return found.value
        await once(watcher, "change", { signal: gone.signal })
      }
    } finally {
      watcher.close()
    }
  }

  async maintenance(comments: string): Promise<void> {
    await Effect.runPromise(writeMarker(this.#home, { maintenance: "on", comments }))
    this.signal("SIGUSR2")
  }
}

/** A home and a central; everything of it is gone after `close`. */
export class Site {
  readonly central = new HttpCentral()
  readonly home = mkdtempSync(join(tmpdir(), "edge-worker-signals-"))
  readonly #tasks: Array<Task> = []
  readonly #workers: Array<WorkerProcess> = []
  readonly #program: string

  constructor(program: string) {
    this.#program = program
  }

  task(name: string, manner: Manner): Task {
    const task = new Task(this.central, this.home, name, manner)
    this.#tasks.push(task)
    return task
  }

  start(settings: Readonly<Record<string, string>> = {}): WorkerProcess {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(AIRFLOW|FAKE_|EDGE_WORKER|NODE_OPTIONS)|proxy$/i.test(name)
    )
    const worker = new WorkerProcess(this.#program, this.home, {
      ...Object.fromEntries(inherited),
      AIRFLOW_HOME: this.home,
      AIRFLOW__EDGE__API_URL: this.central.apiUrl,
      AIRFLOW__API_AUTH__JWT_SECRET: "a secret for tests",
      AIRFLOW__EDGE__HEARTBEAT_INTERVAL: "1",
      AIRFLOW__EDGE__JOB_POLL_INTERVAL: "1",
      AIRFLOW__EDGE__API_RETRY_WAIT_MIN: "0.1",
      AIRFLOW__EDGE__API_RETRY_WAIT_MAX: "0.3",
      AIRFLOW__LOGGING__BASE_LOG_FOLDER: join(this.home, "logs"),
      ...settings
    })
    this.#workers.push(worker)
    return worker
  }

  /** Lines of the task's log file that the site does not have. */
  missing(task: Task): ReadonlyArray<string> {
    const { command } = task.stored.job
    const path = "log_path" in command ? String(command.log_path) : ""
    const lines = readFileSync(join(this.home, "logs", path), "utf8").split("\n")
    return lines.filter((line) => !task.log.includes(line))
  }

  /** Processes of tasks. */
  get taskProcesses(): ReadonlyArray<number> {
    return processesWith(`JOB_FOLDER=${this.home}/`)
  }

  /** What a worker that has ended has left in its state folder: job folders and entries of the journal. */
  get left(): ReadonlyArray<string> {
    const folder = join(this.home, "edge-worker", "one")
    const journal = new DatabaseSync(join(folder, "journal.db"))
    const entries = journal.prepare("SELECT kind, id FROM entry WHERE kind <> 'offset'").all()
    journal.close()
    return [...readdirSync(join(folder, "jobs")), ...entries.map((entry) => JSON.stringify(entry))]
  }

  async close(): Promise<void> {
    for (const worker of this.#workers.filter(({ alive }) => alive)) {
      worker.signal("SIGKILL")
      await worker.ended()
    }
    for (const pid of this.taskProcesses)
      try {
        process.kill(pid, "SIGKILL")
      } catch {
        // it has ended meanwhile
      }
    for (const task of this.#tasks) task.close()
    await this.central.down()
    rmSync(this.home, { recursive: true, force: true })
  }
}
