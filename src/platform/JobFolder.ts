/** JobFolder: what a job leaves on the disk so that another process, or a later one, can tell how the job stands. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { isAlive, type ProcessIdentity } from "./ProcessIdentity.ts"

/** `pid`: the job's process for ever; pids and ticks begin anew with each boot. */
const PidFile = Schema.Struct({ pid: Schema.Int, start: Schema.String, boot: Schema.String })
/** `exit`: how it ended. */
const ExitFile = Schema.Union([
  Schema.Struct({
    code: Schema.Int,
    /** What ended the task's process under a supervisor that lived on to say so. */
    task_signal: Schema.optionalKey(Schema.String),
    /** Why nothing is to be reported of it. */
    left: Schema.optionalKey(Schema.String)
  }),
  Schema.Struct({ signal: Schema.String })
])

/** `workload.claimed` of a kind of runner that needs no workload there; a workload has no such key. */
const ClaimFile = Schema.Struct({ kind: Schema.String })

const decodeKind = Schema.decodeUnknownOption(Schema.fromJsonString(ClaimFile))
const decodePid = Schema.decodeUnknownOption(Schema.fromJsonString(PidFile))
const decodeExit = Schema.decodeUnknownOption(Schema.fromJsonString(ExitFile))

/** How a job ended. */
export type JobEnd = typeof ExitFile.Type

/** A file of a job cannot be written: the disk is full, broken or read-only. */
export class JobFileRefused extends Schema.TaggedError<JobFileRefused>()("JobFileRefused", {
  name: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `its ${this.name} cannot be written: ${this.reason}`
  }
}

/** How much of a job's stderr goes into its task's log. */
const STDERR_BYTES = 64 * 1024

/**
 * The note beside a job's folder, for a kind of runner that needs no folder: a line when it begins the job, and one when
 * it knows the end. A folder with two files took 7 % of the CPU of such a job (docs/decisions/0007).
 */
export const noteOf = (folder: string): string => `${folder}${noteSuffix}`
export const noteSuffix = ".note"

/** Reads and writes the files of a job's folder, by rename where somebody else may read. */
export class JobFolder extends Context.Service<
  JobFolder,
  {
    /** Writes a file that only this user may read. */
    readonly write: (folder: string, name: string, text: string) => Effect.Effect<void, JobFileRefused>
    /** Begins the job's note: from here on it is never taken for one that has not been started. */
    readonly noteBegun: (folder: string, kind: string) => Effect.Effect<void, JobFileRefused>
    /** Once, after `noteBegun`. */
    readonly noteEnded: (folder: string, end: JobEnd) => Effect.Effect<void, JobFileRefused>
    /** Takes a workload back that nobody has claimed yet. True: nobody will ever run it. */
    readonly takeBack: (folder: string, name: string) => Effect.Effect<boolean>
    /**
     * True where the job has not been started and will never be: takes every workload back that nobody has claimed,
     * then looks whether one was.
     */
    readonly neverStarted: (folder: string) => Effect.Effect<boolean>
    /** The job's process, where one was started; dead also if the machine was booted since. */
    readonly process: (
      folder: string
    ) => Effect.Effect<Option.Option<{ readonly identity: ProcessIdentity; readonly alive: boolean }>>
    readonly writeProcess: (folder: string, identity: ProcessIdentity) => Effect.Effect<void, JobFileRefused>
    /** The kind of runner that has claimed the job, where that has noted it, or written it into `workload.claimed`. */
    readonly kind: (folder: string) => Effect.Effect<string | undefined>
    readonly exit: (folder: string) => Effect.Effect<Option.Option<JobEnd>>
    /**
     * The last 64 KiB of the job's stderr; bytes that are not UTF-8 as `\xNN`, NUL as U+FFFD. Before it what Airflow's
     * supervisor gave as its errors, which it writes to stdout: why it killed its task, say.
     */
    readonly stderr: (folder: string) => Effect.Effect<string>
  }
>()("edge-worker/platform/JobFolder") {
  static readonly layer: Layer.Layer<JobFolder> = Layer.sync(JobFolder, () => {
    const boot = read("/proc/sys/kernel/random/boot_id").trim()
    return JobFolder.of({
      write,
      noteBegun,
      noteEnded,
      takeBack: (folder, name) => Effect.sync(() => takeBack(folder, name)),
      neverStarted: (folder) => Effect.sync(() => neverStarted(folder)),
      process: (folder) =>
        Effect.sync(() =>
          Option.map(decodePid(read(join(folder, "pid"))), (file) => {
            const identity = { pid: file.pid, startTime: file.start }
            return { identity, alive: file.boot === boot && isAlive(identity) }
          })
        ),
      writeProcess: (folder, { pid, startTime }) =>
        write(folder, "pid", JSON.stringify({ pid, start: startTime ?? "", boot })),
      kind: (folder) =>
        Effect.sync(() => {
          const [begun = ""] = noteLines(folder)
          const text = begun === "" ? read(join(folder, "workload.claimed")) : begun
          return Option.getOrUndefined(decodeKind(text))?.kind
        }),
      exit: (folder) => Effect.sync(() => decodeExit(noteLines(folder)[1] ?? read(join(folder, "exit")))),
      stderr: (folder) =>
        Effect.sync(() => supervisorErrors(folder) + readable(tail(join(folder, "stderr"), STDERR_BYTES)))
    })
  })
}

/** A line of structlog as Airflow 3.3.2 sets it up, as text or as JSON. */
const errorLine = /^\d{4}-\S+ \[(?:error|critical) *\]|^\{.*"level": ?"(?:error|critical)"/

/** At most this many: a supervisor that fails again and again repeats itself. */
const ERROR_LINES = 20

const supervisorErrors = (folder: string): string =>
  tail(join(folder, "stdout"), STDERR_BYTES)
    .toString("utf8")
    .replaceAll("\0", "\ufffd")
    .split("\n")
    .filter((line) => errorLine.test(line))
    .slice(-ERROR_LINES)
    .map((line) => `${line}\n`)
    .join("")

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

const write = (folder: string, name: string, text: string) =>
  Effect.try({
    try: () => {
      const file = join(folder, `.${name}.new`)
      // Exclusively: what stands there already is not ours to write a token into.
      const make = () => writeFileSync(file, text, { mode: 0o600, flag: "wx" })
      try {
        make()
      } catch (cause) {
        if (!isTaken(cause)) throw cause
        rmSync(file, { force: true })
        make()
      }
      renameSync(file, join(folder, name))
    },
    catch: refused(name)
  })

const refused = (name: string) => (cause: unknown) =>
  new JobFileRefused({ name, reason: cause instanceof Error ? cause.message : String(cause) })

const noteBegun = (folder: string, kind: string) =>
  Effect.try({
    try: () => {
      try {
        writeFileSync(noteOf(folder), `${JSON.stringify({ kind })}\n`, { mode: 0o600, flag: "wx" })
      } catch (cause) {
        // A full disk makes the file and takes no line.
        if (!isTaken(cause)) rmSync(noteOf(folder), { force: true })
        throw cause
      }
    },
    catch: refused("note")
  })

const noteEnded = (folder: string, end: JobEnd) =>
  Effect.try({
    try: () => appendFileSync(noteOf(folder), `${JSON.stringify(end)}\n`),
    catch: refused("note")
  })

/** None where there is no note. What a full disk has cut is no line of JSON. */
const noteLines = (folder: string): ReadonlyArray<string> => {
  const text = read(noteOf(folder))
  return text === "" ? [] : text.split("\n")
}

const isTaken = (cause: unknown) => cause instanceof Error && "code" in cause && cause.code === "EEXIST"

const takeBack = (folder: string, name: string) => {
  try {
    renameSync(join(folder, name), join(folder, `${name}.back`))
  } catch {
    return false
  }
  rmSync(join(folder, `${name}.back`), { force: true })
  return true
}

const neverStarted = (folder: string): boolean => {
  const names = (): ReadonlyArray<string> => {
    try {
      return readdirSync(folder)
    } catch {
      return []
    }
  }
  for (const name of names()) if (/^workload-.*\.json$/.test(name)) takeBack(folder, name)
  // Whoever claims a workload renames it, and removes it only after the process is in `pid`.
  return (
    !existsSync(noteOf(folder)) && !names().some((name) => ["workload.claimed", "pid", "exit"].includes(name))
  )
}

const tail = (file: string, bytes: number): Buffer => {
  let fd: number | undefined
  try {
    fd = openSync(file, "r")
    const { size } = fstatSync(fd)
    const buffer = Buffer.alloc(Math.min(size, bytes))
    const got = readSync(fd, buffer, 0, buffer.length, Math.max(0, size - bytes))
    let from = 0
    // The cut may go through a character.
    while (size > bytes && from < 3 && ((buffer[from] ?? 0) & 0xc0) === 0x80) from++
    return buffer.subarray(from, got)
  } catch {
    return Buffer.alloc(0)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** As the log push makes text of bytes: `\xNN` for what is not UTF-8, U+FFFD for NUL. */
const readable = (bytes: Buffer): string => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let text = ""
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    try {
      text += strict.decode(bytes.subarray(at, at + length))
      at += length
    } catch {
      text += `\\x${first.toString(16).padStart(2, "0")}`
      at += 1
    }
  }
  return text.replaceAll("\0", "\ufffd")
}
