/** daemonChild: the daemon's side of the talk with the command that started it. */
import { Writable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type LogSink, toFile } from "./LogSink.ts"

/** What the daemon tells the command that waits for it. */
export const DaemonMessage = Schema.Union([
  Schema.TaggedStruct("Waiting", { problem: Schema.NullOr(Schema.String) }),
  Schema.TaggedStruct("Online", { name: Schema.String }),
  Schema.TaggedStruct("Failed", { message: Schema.String })
])
export type DaemonMessage = typeof DaemonMessage.Type

/** Set by the parent, removed by the child: its own children must not take themselves for daemons. */
export const MARK = "EDGE_WORKER_DAEMON_CHILD"

/** The command that waits, as the worker sees it. */
export interface DaemonParent {
  readonly waiting: (problem: string | null) => Effect.Effect<void>
  readonly online: (name: string) => Effect.Effect<void>
}

/** A worker in the foreground has nobody to tell. */
export const noParent: DaemonParent = { waiting: () => Effect.void, online: () => Effect.void }

const tell = (message: DaemonMessage) =>
  Effect.sync(() => {
    if (process.connected) process.send?.(message)
  })

/** The command that started this daemon. */
export const parentProcess: DaemonParent = {
  waiting: (problem) => tell({ _tag: "Waiting", problem }),
  online: (name) =>
    Effect.andThen(
      tell({ _tag: "Online", name }),
      Effect.sync(() => {
        if (process.connected) process.disconnect()
      })
    )
}

/** Tells the command that waits, if one does, why the daemon does not start. */
export const tellFailure = (message: string) => tell({ _tag: "Failed", message })

/** True in a process that a daemonizing command has started. */
export const isDaemonChild = (): boolean => process.env[MARK] !== undefined

const asStream = (sink: LogSink) =>
  new Writable({
    decodeStrings: false,
    write: (chunk, _, done) => {
      sink.write(String(chunk))
      done()
    }
  })

/**
 * Makes this process a daemon's: its own JavaScript output goes to files that SIGHUP opens anew. What the runtime
 * itself writes when it crashes still goes to the descriptors that it was started with.
 */
export const become = (files: {
  readonly stdout: string
  readonly stderr: string
}): ReadonlyArray<LogSink> => {
  delete process.env[MARK]
  // as Airflow's daemons: no file system stays busy because of a worker
  process.chdir("/")
  const sinks = [toFile(files.stdout), toFile(files.stderr)] as const
  Object.defineProperty(process, "stdout", { value: asStream(sinks[0]), configurable: true })
  Object.defineProperty(process, "stderr", { value: asStream(sinks[1]), configurable: true })
  return sinks
}
