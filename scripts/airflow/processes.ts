/** processes: what runs on this machine, read from /proc: sessions, descendants, marks, CPU time and memory. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"

/** One process, as /proc/PID/stat tells (proc_pid_stat(5)). Times are in clock ticks (100 a second on Linux). */
export interface ProcessInfo {
  readonly pid: number
  readonly name: string
  readonly state: string
  readonly parent: number
  readonly session: number
  /** User and system time of its own. */
  readonly ticks: number
  /** User and system time of the children that it has waited for. */
  readonly childTicks: number
  readonly startTime: number
}

/** The process, or undefined where it is gone. A zombie is there, with state `Z`. */
export const processInfo = (pid: number): ProcessInfo | undefined => {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8")
  } catch {
    return undefined
  }
  const close = text.lastIndexOf(")")
  const fields = text.slice(close + 2).split(" ")
  const number = (at: number) => Number(fields[at])
  return {
    pid,
    name: text.slice(text.indexOf("(") + 1, close),
    state: fields[0] ?? "?",
    parent: number(1),
    session: number(3),
    ticks: number(11) + number(12),
    childTicks: number(13) + number(14),
    startTime: number(19)
  }
}

/** Every process that lives (zombies left out). */
export const allProcesses = (): ReadonlyArray<ProcessInfo> =>
  readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map((name) => processInfo(Number(name)))
    .filter((info) => info !== undefined)
    .filter((info) => info.state !== "Z")

/** True while the process lives. */
export const isAlive = (pid: number): boolean => {
  const info = processInfo(pid)
  return info !== undefined && info.state !== "Z"
}

/** True where the process was started with `NAME=value` in its environment. */
export const hasEnvironment = (pid: number, mark: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(mark)
  } catch {
    return false
  }
}

/** The folder that the process works in; undefined where it is gone. */
export const workingFolder = (pid: number): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}

/** The process itself, what descends from it, and whatever carries the mark, though its parents are gone. */
export const treeOf = (root: number, mark?: string): ReadonlyArray<ProcessInfo> => {
  const all = allProcesses()
  const inside = new Set([root])
  for (const info of all) if (mark !== undefined && hasEnvironment(info.pid, mark)) inside.add(info.pid)
  for (let before = -1; before !== inside.size; ) {
    before = inside.size
    for (const info of all) if (inside.has(info.parent)) inside.add(info.pid)
  }
  return all.filter((info) => inside.has(info.pid))
}

/** Proportional set size of one process in KiB; 0 where it is gone. */
export const proportionalMemory = (pid: number): number => {
  try {
    const match = /^Pss:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))
    return Number(match?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** Sends a signal; a process that is gone already is no error. */
export const signalProcess = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // gone already
  }
}
