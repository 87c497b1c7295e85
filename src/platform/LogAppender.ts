/** LogAppender: the log file of a job that runs, open at its end, for whoever writes it line by line. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Calls, FileCalls } from "./FileCalls.ts"
import { openToAppend } from "./openToAppend.ts"

/** What was to be written is not there, or in part. Appending again is allowed. */
export class LogNotWritten extends Schema.TaggedError<LogNotWritten>()("LogNotWritten", {
  file: Schema.String,
  /** What the system said. */
  reason: Schema.String
}) {
  override get message() {
    return `${this.file} cannot be written: ${this.reason}`
  }
}

/** A log file that is written. */
export interface OpenLog {
  /** Whole lines with their line ends, in one write where the system takes it. One call at a time. */
  readonly append: (lines: string) => Effect.Effect<void, LogNotWritten>
}

/** Opens log files to append to them. */
export class LogAppender extends Context.Service<
  LogAppender,
  {
    /**
     * For a path that `LogFolder.resolve` has made sure of. Opened by the first `append`, so that a disk that is full now may
     * have room later; what somebody left in the middle of a line is ended first. Never a symbolic link.
     */
    readonly open: (file: string) => Effect.Effect<OpenLog, never, Scope.Scope>
  }
>()("edge-worker/platform/LogAppender") {
  static readonly layer = Layer.effect(
    LogAppender,
    Effect.map(FileCalls, (calls) =>
      LogAppender.of({
        open: (file) =>
          Effect.map(
            Effect.acquireRelease(
              Effect.sync(() => new AppendedFile(calls, file)),
              (log) => Effect.promise(() => log.close())
            ),
            (log) => ({
              append: (lines) =>
                Effect.tryPromise({
                  try: () => log.append(lines),
                  catch: (cause) =>
                    new LogNotWritten({
                      file,
                      reason: cause instanceof Error ? cause.message : String(cause)
                    })
                }).pipe(Effect.uninterruptible) // half a line would be left behind
            })
          )
      })
    )
  )
}

class AppendedFile {
  readonly calls: Calls
  readonly file: string
  fd: number | undefined
  /** What was written last did not end its line. */
  torn = false

  constructor(calls: Calls, file: string) {
    this.calls = calls
    this.file = file
  }

  async append(lines: string): Promise<void> {
    if (this.fd === undefined) {
      const { fd, torn } = await openToAppend(this.calls, this.file)
      this.fd = fd
      this.torn = torn
    }
    const bytes = Buffer.from(this.torn ? `\n${lines}` : lines)
    let written = 0
    try {
      while (written < bytes.length) written += await this.calls.write(this.fd, bytes.subarray(written))
      this.torn = false
    } catch (cause) {
      if (written > 0) this.torn = bytes[written - 1] !== 0x0a
      throw cause
    }
  }

  async close(): Promise<void> {
    const { fd } = this
    this.fd = undefined
    if (fd !== undefined) await this.calls.close(fd)
  }
}
