/** TaskLog: the log of one attempt: every line of it is bounded, without secrets, in Airflow's form, and soon on disk. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import { EdgeConfig } from "../../config/EdgeConfig.ts"
import { LogAppender, LogNotWritten } from "../../platform/LogAppender.ts"
import type { TaskInstance } from "../../protocol/Job.ts"
import type { LogLevel } from "../../protocol/TaskComms.ts"
import { levelFilter } from "./logLevels.ts"
import { type LogLine, logLine } from "./logLine.ts"
import type { SecretsMasker } from "./SecretsMasker.ts"

/** Writes the log of one attempt. Nothing here fails: what cannot be written is lost, counted, and said. */
export interface TaskLog {
  /** A line that the task logs: a `LogEvent`, or what another language's library sends in its place. */
  readonly write: (event: Readonly<Record<string, unknown>>) => Effect.Effect<void>
  /** A line of the task's own output. */
  readonly wrote: (stream: "stdout" | "stderr", line: string) => Effect.Effect<void>
  /** A line of the attempt's own. */
  readonly say: (
    level: LogLevel,
    event: string,
    more?: Readonly<Record<string, unknown>>
  ) => Effect.Effect<void>
  /** Waits until all lines up to now are on disk, or known to be lost. The scope's end does so too. */
  readonly flush: Effect.Effect<void>
}

/** The name of the logger that Airflow's supervisor writes a task's output and its own lines with. */
const ownLogger = "task"

/** How many characters may wait for the disk before the writer of a line waits too. */
const mostWaiting = 4_194_304

/**
 * Characters of a line of output. Half of what is read of one, or less: a secret that was cut there lies behind what is shown,
 * and one that is cut here is known whole.
 */
const mostOfOutput = 65_536

/** Names the try in each of its lines, as Airflow's child does, and the logger where the line names none. */
const namesOf = (ti: TaskInstance) => ({
  logger: ownLogger,
  ti_id: ti.id,
  dag_id: ti.dag_id,
  run_id: ti.run_id,
  task_id: ti.task_id,
  try_number: ti.try_number,
  map_index: ti.map_index ?? -1
})

const reasonOf = (cause: Cause.Cause<LogNotWritten>): string => {
  const error = Cause.squash(cause)
  return error instanceof LogNotWritten ? error.reason : String(error)
}

/** `bytes.rstrip()`. No pattern: one that looks for the end tries each blank of a long line anew. */
const withoutBlankEnd = (line: string): string => {
  let end = line.length
  while (end > 0 && " \t\n\r\v\f".includes(line.charAt(end - 1))) end -= 1
  return line.slice(0, end)
}

/**
 * Opens the log for one attempt; lines are appended to what is there, as a deferred task comes back to its file. Lines below
 * `[logging] logging_level` and `namespace_levels` are not written. Where the disk does not take lines, the worker's log
 * says so once, and the task's log itself when it can be written again.
 */
export const openTaskLog = Effect.fnUntraced(function* (options: {
  /** What `LogFolder.resolve` gave. */
  readonly file: string
  readonly ti: TaskInstance
  readonly masker: SecretsMasker
}) {
  const settings = yield* EdgeConfig
  const appender = yield* LogAppender
  const levelOf = levelFilter(settings.loggingLevel, settings.namespaceLevels.levels)
  const names = namesOf(options.ti)
  const { file, masker } = options
  const lines = yield* Queue.unbounded<string | Deferred.Deferred<void>>()
  const room = yield* Latch.make(true)
  let waiting = 0
  let lost = 0

  const now = Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis).toISOString())
  const textOf = (line: LogLine, now: string) => {
    try {
      return logLine(line, { masker, now })
    } catch (cause) {
      const event = `a line of the log could not be written: ${String(cause)}`
      return logLine({ level: "error", event, names, more: {} }, { masker, now })
    }
  }
  const put = (line: LogLine) =>
    Effect.flatMap(now, (now) => {
      const text = textOf(line, now)
      waiting += text.length
      Queue.offerUnsafe(lines, text)
      if (waiting < mostWaiting) return Effect.void
      room.closeUnsafe()
      return room.await
    })
  const putAt = (level: string, logger: string, line: Omit<LogLine, "level">) =>
    Effect.suspend(() => {
      const written = levelOf(level, logger)
      return written === undefined ? Effect.void : put({ ...line, level: written })
    })

  const log = yield* appender.open(file)
  const append = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
    if (texts.length === 0) return
    const notice = {
      level: "warning",
      event: `${lost} lines are missing here: the disk did not take them`,
      more: { logger: ownLogger }
    } as const
    const first = lost === 0 ? "" : logLine(notice, { masker, now: yield* now })
    yield* log.append(first + texts.join("")).pipe(
      // whatever happened: the loop below must go on, or whoever waits for it would wait for ever
      Effect.matchCauseEffect({
        onSuccess: () =>
          Effect.sync(() => {
            lost = 0
          }),
        onFailure: (cause) =>
          Effect.suspend(() => {
            const before = lost
            lost += texts.length
            return before > 0
              ? Effect.void
              : Effect.logWarning(`lines of ${file} are lost; its attempt goes on: ${reasonOf(cause)}`)
          })
      })
    )
  })
  const writeAll = Effect.gen(function* () {
    const taken = yield* Queue.takeAll(lines)
    const texts = taken.filter((item) => typeof item === "string")
    yield* append(texts)
    for (const text of texts) waiting -= text.length
    if (waiting < mostWaiting) room.openUnsafe()
    for (const item of taken) if (typeof item !== "string") yield* Deferred.succeed(item, undefined)
  })
  const flush = Effect.gen(function* () {
    const done = yield* Deferred.make<void>()
    yield* Queue.offer(lines, done)
    yield* Deferred.await(done)
  })
  // Ended by its own finalizer below, which runs before the file's: an interrupted one would leave lines behind.
  const writer = yield* Effect.forkDetach(Effect.forever(writeAll))
  yield* Effect.addFinalizer(() => Effect.andThen(flush, Fiber.interrupt(writer)))

  return {
    write: (line) =>
      putAt(
        typeof line["level"] === "string" ? line["level"] : "",
        typeof line["logger"] === "string" ? line["logger"] : ownLogger,
        { timestamp: line["timestamp"], event: line["event"], names, more: line }
      ),
    wrote: (stream, line) =>
      putAt(stream === "stdout" ? "info" : "error", ownLogger, {
        event: withoutBlankEnd(line),
        most: mostOfOutput,
        more: { logger: `task.${stream}` }
      }),
    say: (level, event, more = {}) => putAt(level, ownLogger, { event, names, more }),
    flush
  } satisfies TaskLog
})
