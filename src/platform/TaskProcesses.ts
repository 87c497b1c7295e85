/** TaskProcesses: processes that serve tasks: their line to this worker, their output, and what they leave behind. */
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync, statSync } from "node:fs"
import type { Duplex, Readable } from "node:stream"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { lifeDescriptor, lineDescriptor } from "../protocol/TaskHostLine.ts"
import { lineReader } from "./lineReader.ts"
import { isMachineFault } from "./MachineFault.ts"
import { type ProcessEnd, type ProcessTree, SpawnFailed } from "./Processes.ts"
import type { ProcessIdentity } from "./ProcessIdentity.ts"
import {
  candidates,
  type Membership,
  type Moment,
  membersAmong,
  moment,
  type ProcessRow,
  row,
  rowsOf
} from "./ProcessTable.ts"

/** What to start, in a session of its own, with nothing on its standard input. */
export interface TaskProgramOptions {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
}

/** What is heard of the process, in the order of arrival on each stream. */
export interface TaskProcessHandlers {
  /** On its line to this worker. */
  readonly onLine: (line: string) => void
  /** A line there got longer than any message is. */
  readonly onTooLong: () => void
  /** Of a very long one only the beginning. */
  readonly onOutput: (stream: "stdout" | "stderr", line: string) => void
}

/** A process that serves tasks. */
export interface TaskProcess extends ProcessIdentity {
  /** Adds the line end; does nothing once the process is gone. */
  readonly send: (line: string) => void
  /** False stops reading, which makes the process wait in its own writes. */
  readonly flow: (on: boolean) => void
  /** Closes the line, upon which the process ends itself. */
  readonly close: Effect.Effect<void>
  readonly ended: Effect.Effect<ProcessEnd>
  /** All that it wrote has been told. What another process holds open is left after 2 s of silence. */
  readonly drained: Effect.Effect<void>
}

/** What follows in a line of output is left out: far more than the log shows of it (`mostOfOutput`), at least six times. */
const LONGEST_OUTPUT = 384 * 1024
/** A message as large as this comes of a fault. */
const LONGEST_LINE = 64 * 1024 * 1024
const SILENCE_MILLIS = 2_000

/** Starts and looks at processes that serve tasks. */
export class TaskProcesses extends Context.Service<
  TaskProcesses,
  {
    readonly spawn: (
      options: TaskProgramOptions,
      handlers: TaskProcessHandlers
    ) => Effect.Effect<TaskProcess, SpawnFailed>
    /** For the `since` of a tree. */
    readonly now: Effect.Effect<Moment>
    /** The pids of a tree besides its root. */
    readonly below: (tree: ProcessTree) => Effect.Effect<ReadonlyArray<number>>
    /** Bytes of memory that the process has resident; undefined where the system does not tell. */
    readonly memory: (pid: number) => Effect.Effect<number | undefined>
    /** Changes when one of the words that name a file names another one, or another content. */
    readonly stamp: (words: ReadonlyArray<string>) => Effect.Effect<string>
  }
>()("edge-worker/platform/TaskProcesses") {
  static readonly layer: Layer.Layer<TaskProcesses> = Layer.succeed(TaskProcesses, {
    spawn: (options, handlers) =>
      Effect.callback((resume) => {
        const failed = (error: unknown) => {
          const reason = error instanceof Error ? error.message : String(error)
          resume(
            Effect.fail(
              new SpawnFailed({ command: options.command, reason, isMachineFault: isMachineFault(error) })
            )
          )
        }
        try {
          const child = spawn(options.command, options.args, {
            env: options.env,
            detached: true,
            stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"]
          })
          child.once("error", failed)
          const { pid } = child
          if (pid === undefined) return
          const startTime = row(pid)?.startTime ?? null
          resume(Effect.succeed({ pid, startTime, ...connected(child, handlers) }))
        } catch (error) {
          failed(error)
        }
      }),
    now: Effect.sync(moment),
    below: (tree) =>
      Effect.map(look({ ...tree, known: new Map() }), (found) =>
        found.flatMap(({ pid }) => (pid === tree.root?.pid ? [] : [pid]))
      ),
    memory: (pid) => Effect.sync(() => residentBytes(pid)),
    stamp: (words) => Effect.sync(() => JSON.stringify(words.map(stampOf)))
  })
}

/** How many processes are looked at before anybody else has a turn. */
const SLICE = 200

/** As `members`: all processes of a large machine at once would hold up the worker. */
const look = Effect.fnUntraced(function* (job: Membership) {
  const pids = candidates(job)
  const table = new Map<number, ProcessRow>()
  for (let at = 0; at < pids.length; at += SLICE) {
    if (at > 0) yield* Effect.yieldNow
    for (const [pid, one] of rowsOf(pids.slice(at, at + SLICE))) table.set(pid, one)
  }
  return membersAmong(table, job)
})

const connected = (child: ChildProcess, handlers: TaskProcessHandlers) => {
  const ended = Deferred.makeUnsafe<ProcessEnd>()
  const drained = Deferred.makeUnsafe<void>()
  // stdio says that these are pipes
  const line = child.stdio[lineDescriptor] as Duplex
  const life = child.stdio[lifeDescriptor] as Duplex
  const streams: ReadonlyArray<Readable> = [
    line,
    ...[child.stdout, child.stderr].filter((one) => one !== null)
  ]
  let heardAt = performance.now()

  const read = (stream: Readable | null, reader: ReturnType<typeof lineReader>) => {
    stream?.on("data", (chunk: Buffer) => {
      heardAt = performance.now()
      reader.add(chunk)
    })
    stream?.once("close", reader.end)
    // What breaks a pipe is the end of the process, which says so itself.
    stream?.on("error", () => undefined)
  }
  const output = (stream: "stdout" | "stderr") =>
    lineReader({ longest: LONGEST_OUTPUT, onLine: (text) => handlers.onOutput(stream, text) })
  read(line, lineReader({ longest: LONGEST_LINE, onLine: handlers.onLine, onLonger: handlers.onTooLong }))
  read(child.stdout, output("stdout"))
  read(child.stderr, output("stderr"))
  life.on("error", () => undefined).resume()

  child.once("exit", (code, signal) => {
    Deferred.doneUnsafe(ended, Effect.succeed(signal === null ? { code: code ?? 1 } : { signal }))
    const silence = setInterval(() => {
      if (line.isPaused() || performance.now() - heardAt < SILENCE_MILLIS) return
      for (const stream of streams) stream.destroy()
    }, 250)
    child.once("close", () => clearInterval(silence))
  })
  child.once("close", () => Deferred.doneUnsafe(drained, Effect.void))

  return {
    send: (text: string) => {
      if (line.writable) line.write(`${text}\n`)
    },
    flow: (on: boolean) => {
      for (const stream of streams) on ? stream.resume() : stream.pause()
    },
    close: Effect.sync(() => line.end()),
    ended: Deferred.await(ended),
    drained: Deferred.await(drained)
  }
}

const residentBytes = (pid: number): number | undefined => {
  try {
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
    return found === undefined ? undefined : Number(found) * 1024
  } catch {
    return undefined
  }
}

const stampOf = (word: string): ReadonlyArray<string | number> => {
  try {
    const { ino, mtimeMs, size } = statSync(word)
    return [word, ino, mtimeMs, size]
  } catch {
    return [word]
  }
}
