/** ProcessIdentity: says whether a process id still means the process that it meant when it was written down. */
import { readFileSync } from "node:fs"

/** A process, told apart from a later one that was given the same id. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since boot (`/proc/PID/stat`, field 22); `null` where the system has no /proc. */
  readonly startTime: string | null
}

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

const signalable = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: the process exists and belongs to somebody else
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** The process behind `pid`, or `undefined` where there is none; a zombie is none. */
export const identify = (pid: number): ProcessIdentity | undefined => {
  if (!Number.isSafeInteger(pid) || pid <= 0 || !signalable(pid)) return undefined
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return { pid, startTime: null }
  // The second field is the command's name in parentheses; it may hold spaces and parentheses of its own.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return fields[0] === "Z" || fields[0] === "X" ? undefined : { pid, startTime: fields[19] ?? null }
}

/** True while the very process that `identity` names is there. */
export const isAlive = (identity: ProcessIdentity): boolean => {
  const now = identify(identity.pid)
  if (now === undefined) return false
  return now.startTime === null || identity.startTime === null || now.startTime === identity.startTime
}

/**
 * True where the process may be an edge worker: ours and edge3's carry the title `airflow edge worker: NAME`, and
 * before that their command line. True also where the command line cannot be read.
 */
export const mayBeWorker = (pid: number): boolean => {
  const commandLine = read(`/proc/${pid}/cmdline`)
  if (commandLine === undefined) return true
  return /edge[ -]worker|\bedge\b.*\bworker\b/s.test(commandLine.replaceAll("\0", " "))
}
