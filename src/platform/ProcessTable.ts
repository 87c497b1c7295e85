/** ProcessTable: one look at /proc: which processes are there, who started whom, and which of them belong to a job. */
import { readdirSync, readFileSync } from "node:fs"
import type { ProcessIdentity } from "./ProcessIdentity.ts"

/** One process, as its `/proc/PID/stat` shows it (proc_pid_stat(5)). */
export interface ProcessRow {
  readonly pid: number
  readonly parent: number
  readonly session: number
  /** Clock ticks since boot. */
  readonly startTime: string
  /** True where it has ended and only waits for its parent to notice. */
  readonly zombie: boolean
  readonly stopped: boolean
  /** True for one of a process's further threads, which has a row of its own although /proc does not list it. */
  readonly thread: boolean
}

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, "latin1")
  } catch {
    return undefined
  }
}

/** The row of one process, also of a zombie; `undefined` where there is none. */
export const row = (pid: number): ProcessRow | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the command's name in parentheses; it may hold spaces and parentheses of its own.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [state = "X", parent = "0", , session = "0"] = fields
  return {
    pid,
    parent: Number(parent),
    session: Number(session),
    startTime: fields[19] ?? "",
    zombie: state === "Z" || state === "X",
    stopped: state === "T",
    // The signal that its parent gets at its end, which a thread has none of.
    thread: fields[35] === "-1"
  }
}

const pids = (): ReadonlyArray<number> => {
  try {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
  } catch {
    // no /proc
    return []
  }
}

/** The rows of those that are there. */
export const rowsOf = (pids: Iterable<number>): Map<number, ProcessRow> => {
  const found = new Map<number, ProcessRow>()
  for (const pid of pids) {
    const one = row(pid)
    if (one !== undefined && !one.thread) found.set(pid, one)
  }
  return found
}

/** Every process that we can see. Empty where the system has no /proc. */
export const rows = (): ReadonlyMap<number, ProcessRow> => rowsOf(pids())

/** A moment, by which what was started later can be found without a look at all processes of the machine. */
export interface Moment {
  /** The id that was given last; undefined where the kernel does not tell. */
  readonly lastPid: number | undefined
  /** Of `performance.now()`. */
  readonly at: number
}

/** Kernels have it that can restore processes (`CONFIG_CHECKPOINT_RESTORE`), as those of the distributions. */
const lastPid = (): number | undefined => Number(read("/proc/sys/kernel/ns_last_pid")) || undefined

/** This moment. */
export const moment = (): Moment => ({ lastPid: lastPid(), at: performance.now() })

/** Ids are given in a circle, of 32,768 unless it was made smaller: this soon none has gone round it. */
const SOON_MILLIS = 5_000
/** Of more than these a look at all is as cheap. */
const MOST_PIDS = 1_000

/** Those that were given since; undefined where only a look at all processes tells. */
const pidsSince = ({ at, lastPid: before }: Moment): ReadonlyArray<number> | undefined => {
  const last = lastPid()
  if (before === undefined || last === undefined || performance.now() - at > SOON_MILLIS) return undefined
  return last < before || last - before > MOST_PIDS
    ? undefined
    : Array.from({ length: last - before }, (_, n) => before + 1 + n)
}

/** True where the process was started with this variable; false also where it hides its environment from us. */
const carries = (pid: number, variable: string): boolean => {
  const environment = read(`/proc/${pid}/environ`)
  return environment?.split("\0").includes(variable) ?? false
}

/** This process and those above it: never part of a job's tree, whatever they carry. */
const ourselves = (): ReadonlySet<number> => {
  const above = new Set([0, 1])
  for (let pid = process.pid; !above.has(pid); pid = row(pid)?.parent ?? 0) above.add(pid)
  return above
}

/** What belongs to a job. */
export interface Membership {
  /** The job's first process, where it is known: its session and all below it belong to the job. */
  readonly root: ProcessIdentity | undefined
  /** `NAME=VALUE` in the environment of what the job has started. */
  readonly mark: string
  /** Processes that were members at an earlier look: what is below them stays in reach when the root is gone. */
  readonly known: ReadonlyMap<number, string>
  /** Nothing but its first process and what is known was there before. */
  readonly since?: Moment | undefined
}

/** The pids where its members are looked for. */
export const candidates = ({ known, root, since }: Membership): ReadonlyArray<number> => {
  const young = since === undefined ? undefined : pidsSince(since)
  return young === undefined
    ? pids()
    : [...new Set([...(root === undefined ? [] : [root.pid]), ...known.keys(), ...young])]
}

/**
 * The living processes of a job: its root, what carries its mark, their sessions, and all that descends from them.
 *
 * A session's number cannot be given to a new process while one of its members lives; so the members of the root's
 * session are the job's unless another process has that pid by now.
 */
export const members = (job: Membership): ReadonlyArray<ProcessRow> =>
  membersAmong(rowsOf(candidates(job)), job)

/** Those among the rows of `candidates`. */
export const membersAmong = (
  table: ReadonlyMap<number, ProcessRow>,
  job: Membership
): ReadonlyArray<ProcessRow> => {
  const spared = ourselves()
  // Nothing of a job is older than its first process: to read an environment is what costs most.
  const eldest = Number(job.root?.startTime ?? 0)
  const found = new Set<number>()
  const sessions = new Set<number>()
  const root = job.root === undefined ? undefined : table.get(job.root.pid)
  if (job.root !== undefined && (root === undefined || root.startTime === job.root.startTime))
    sessions.add(job.root.pid)
  for (const one of table.values()) {
    if (Number(one.startTime) < eldest) continue
    if (job.known.get(one.pid) === one.startTime || carries(one.pid, job.mark)) found.add(one.pid)
  }
  let before = -1
  while (before !== found.size) {
    before = found.size
    for (const one of table.values()) {
      if (spared.has(one.pid)) continue
      if (sessions.has(one.session) || sessions.has(one.pid) || found.has(one.parent)) found.add(one.pid)
      if (found.has(one.pid) && one.session === one.pid) sessions.add(one.pid)
    }
  }
  return [...found].flatMap((pid) => {
    const one = table.get(pid)
    return one === undefined || one.zombie || spared.has(pid) ? [] : [one]
  })
}
