/** victim: the worker that is killed again and again, and started again at once as a service manager would. */
import { type ChildProcess, spawn } from "node:child_process"
import { cpSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { eventually } from "../airflow/eventually.ts"
import { isAlive, signalProcess, treeOf } from "../airflow/processes.ts"

export interface Victim {
  readonly home: string
  readonly logFolder: string
  /** Everything that the worker's processes have printed. */
  readonly output: () => string
  /** `kill -9`; the next one is started as soon as it is gone. Gives the time of the kill. */
  readonly kill: () => Promise<number>
  /** How often it has ended on its own; each is a fault of the worker. */
  readonly ownEnds: () => number
  readonly signal: (signal: NodeJS.Signals) => void
  /** The Python hosts that live. */
  readonly hosts: () => ReadonlyArray<number>
  /** SIGTERM, and its exit code once it has gone. */
  readonly drain: (seconds: number) => Promise<number | null>
  /** What of it lives. */
  readonly tree: () => ReadonlyArray<number>
  /** Ends it and all that it has started; none is started again. */
  readonly remove: () => Promise<void>
}

/** The built worker as it is now: a build while this runs must not change it. */
const copyOfBuild = (folder: string): string => {
  const root = resolve(import.meta.dirname, "../..")
  for (const part of ["bin", "out", "package.json"])
    cpSync(join(root, part), join(folder, part), { recursive: true })
  return join(folder, "bin", "edge-worker.mjs")
}

export const startVictim = (options: {
  readonly name: string
  readonly home: string
  readonly environment: Readonly<Record<string, string>>
  readonly concurrency: number
}): Victim => {
  const { concurrency, environment, home, name } = options
  mkdirSync(home, { recursive: true })
  const entry = copyOfBuild(join(home, "build"))
  const outputFile = join(home, "output.txt")
  let wanted = true
  let expected = false
  let ownEnds = 0
  let child: ChildProcess
  const pids = new Set<number>()
  const start = () => {
    const output = openSync(outputFile, "a")
    expected = false
    child = spawn(process.execPath, [entry, "worker", "-H", name, "-q", "default", "-c", `${concurrency}`], {
      cwd: home,
      detached: true,
      stdio: ["ignore", output, output],
      env: environment
    })
    const { pid } = child
    if (pid !== undefined) pids.add(pid)
    child.once("exit", () => {
      // The number is free from now on: in an hour of kills somebody else's process gets it.
      if (pid !== undefined) pids.delete(pid)
      if (!expected) ownEnds++
      if (wanted) start()
    })
  }
  start()
  const tree = () => [
    ...new Set([...pids].flatMap((pid) => treeOf(pid, `AIRFLOW_HOME=${home}`).map((info) => info.pid)))
  ]
  const hostFolder = join(home, "edge-worker", name, "python-host")
  return {
    home,
    logFolder: join(home, "logs"),
    output: () => readFileSync(outputFile, "utf8"),
    kill: async () => {
      const killed = child
      expected = true
      const gone = new Promise<void>((done) => killed.once("exit", () => done()))
      const at = Date.now()
      if (killed.pid !== undefined) signalProcess(killed.pid, "SIGKILL")
      await gone
      return at
    },
    ownEnds: () => ownEnds,
    signal: (signal) => {
      if (child.pid !== undefined) signalProcess(child.pid, signal)
    },
    hosts: () => {
      try {
        return readdirSync(hostFolder, { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .map((entry) => JSON.parse(readFileSync(join(hostFolder, entry.name, "pid"), "utf8")).pid)
          .filter((pid) => typeof pid === "number" && isAlive(pid))
      } catch {
        // a host is just being started or removed
        return []
      }
    },
    drain: async (seconds) => {
      wanted = false
      expected = true
      if (child.pid !== undefined) signalProcess(child.pid, "SIGTERM")
      await eventually(
        "the worker ends",
        () => child.exitCode ?? child.signalCode,
        (end) => end !== null,
        { seconds }
      )
      return child.exitCode
    },
    tree,
    remove: async () => {
      wanted = false
      expected = true
      const look = () => {
        const left = tree()
        for (const pid of left) signalProcess(pid, "SIGKILL")
        return left
      }
      await eventually("the worker's processes are gone", look, (left) => left.length === 0, { seconds: 15 })
    }
  }
}
