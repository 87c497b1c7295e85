/** Machine: a systemd of its own as process 1 of new namespaces, with our unit, and what an operator does with it. */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { packageFolder, type Site, user } from "./site.ts"

const execute = promisify(execFile)
const unit = "edge-worker.service"

/** New namespaces for a program, which is process 1 there, and ends with the one that started it. */
const namespaces = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]

/** Why there can be no machine here, or undefined. */
export const noMachine = (): string | undefined => {
  if (process.getuid?.() !== 0) return "only root may make namespaces and control groups"
  const needs = `
    [ -x /usr/lib/systemd/systemd ] && [ -x /usr/bin/systemctl ] || { echo "there is no systemd" >&2; exit 1; }
    command -v nsenter > /dev/null || { echo "there is no nsenter" >&2; exit 1; }
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/edge-worker-probe-$$-${randomBytes(4).toString("hex")}
    mkdir "$group" && rmdir "$group"
    mount -t tmpfs tmpfs /run && unshare --cgroup true`
  try {
    execFileSync("unshare", [...namespaces, "sh", "-euc", needs], { stdio: ["ignore", "ignore", "pipe"] })
    return undefined
  } catch (error) {
    const said = String((error as { readonly stderr?: unknown }).stderr ?? "").trim()
    return said === "" ? String(error) : said
  }
}

/** What systemd knows of the unit. */
export interface UnitState {
  readonly active: string
  readonly result: string
  readonly mainPid: number
  /** The exit status of its last main process. */
  readonly status: number
  readonly restarts: number
  /** When its main process was started, in milliseconds of the monotonic clock (`performance`'s, before its origin is taken off). */
  readonly startedAt: number
}

/** Milliseconds of the clock that `UnitState.startedAt` is of. */
export const monotonicNow = (): number => Number(process.hrtime.bigint() / 1000n) / 1000

/** The machine. Its network is this one's; of its files only the site's home can be written. */
export class Machine {
  readonly #site: Site
  readonly #group = `edge-worker-units-${randomBytes(6).toString("hex")}`
  #outer: ChildProcess | undefined
  #said = ""
  #init = 0

  constructor(site: Site) {
    this.#site = site
  }

  /** Starts it with our unit and a drop-in of these lines of `[Service]`. */
  async boot(...service: ReadonlyArray<string>): Promise<void> {
    const units = join(this.#site.folder, "units")
    mkdirSync(join(units, `${unit}.d`), { recursive: true })
    copyFileSync(join(packageFolder, "docs", "guides", unit), join(units, unit))
    writeFileSync(join(units, `${unit}.d`, "test.conf"), ["[Service]", ...service, ""].join("\n"))
    const script = join(import.meta.dirname, "machine.sh")
    const args = [this.#site.folder, packageFolder, process.execPath, this.#group, String(user)]
    this.#outer = spawn("unshare", [...namespaces, "sh", script, ...args], {
      stdio: ["ignore", "pipe", "pipe"]
    })
    for (const stream of [this.#outer.stdout, this.#outer.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#said += text
      })
    const { pid } = this.#outer
    await eventually(
      "the machine is up",
      async () => {
        if (this.#outer?.exitCode !== null) return this.#said
        this.#init = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"))
        return (await this.run("systemctl", "is-system-running", "--wait")).trim()
      },
      (seen) => seen === "running",
      { seconds: 20, everyMillis: 50 }
    )
  }

  /** Runs a program there and gives what it says. */
  async run(...command: ReadonlyArray<string>): Promise<string> {
    const { stdout } = await execute("nsenter", ["--target", String(this.#init), "--all", ...command])
    return stdout
  }

  readonly systemctl = (...args: ReadonlyArray<string>): Promise<string> => this.run("systemctl", ...args)

  async unit(): Promise<UnitState> {
    const properties = "ActiveState,Result,MainPID,ExecMainStatus,NRestarts,ExecMainStartTimestampMonotonic"
    const text = await this.systemctl("show", unit, "--property", properties)
    const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? ""
    return {
      active: value("ActiveState"),
      result: value("Result"),
      mainPid: Number(value("MainPID")),
      status: Number(value("ExecMainStatus")),
      restarts: Number(value("NRestarts")),
      startedAt: Number(value("ExecMainStartTimestampMonotonic")) / 1000
    }
  }

  /** Waits until the unit is so. */
  until(what: string, ok: (unit: UnitState) => boolean): Promise<UnitState> {
    return eventually(what, () => this.unit(), ok, { seconds: 30, everyMillis: 20 })
  }

  /** The processes of the unit: their command lines, by pid there. */
  async processes(): Promise<ReadonlyArray<string>> {
    const group = `/sys/fs/cgroup/system.slice/${unit}/cgroup.procs`
    const script = `cat ${group} 2> /dev/null | while read pid; do tr '\\0' ' ' < /proc/$pid/cmdline; echo; done`
    return (await this.run("sh", "-c", script)).split("\n").filter((line) => line !== "")
  }

  /** What journald has of the unit. */
  journal(): Promise<string> {
    return this.run("journalctl", "--unit", unit, "--output", "cat", "--no-pager")
  }

  async close(): Promise<void> {
    const outer = this.#outer
    if (outer === undefined) return
    if (outer.exitCode === null && outer.signalCode === null) {
      outer.kill("SIGKILL")
      await once(outer, "exit")
    }
    // A group can go when the last process of the namespace has gone.
    const script = `mount -t cgroup2 cgroup2 /sys/fs/cgroup
      find /sys/fs/cgroup -depth -type d -path "*/$1*" -exec rmdir {} +`
    await eventually(
      "the machine's control group is gone",
      () => execute("unshare", ["--mount", "sh", "-euc", script, "sh", this.#group]).then(() => true),
      () => true,
      { seconds: 20, everyMillis: 50 }
    )
  }
}
