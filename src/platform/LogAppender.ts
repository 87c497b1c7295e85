/** LogAppender: the log file of a job that runs, open at its end, for whoever writes it line by line. */
import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

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
  static readonly layer = Layer.sync(LogAppender, () =>
    LogAppender.of({
      open: (file) =>
        Effect.map(
          Effect.acquireRelease(
            Effect.sync(() => new AppendedFile(file)),
            (log) => Effect.promise(() => log.close())
          ),
          (log) => ({
            append: (lines) =>
              Effect.tryPromise({
                try: () => log.append(lines),
                catch: (cause) =>
                  new LogNotWritten({ file, reason: cause instanceof Error ? cause.message : String(cause) })
              }).pipe(Effect.uninterruptible) // half a line would be left behind
          })
        )
    })
  )
}

/** The default of `[logging] file_task_handler_new_file_permissions`. */
const permissions = 0o664

class AppendedFile {
  readonly file: string
  handle: FileHandle | undefined
  /** What was written last did not end its line. */
  torn = false

  constructor(file: string) {
    this.file = file
  }

  async append(lines: string): Promise<void> {
    this.handle ??= await this.open()
    const { handle } = this
    const bytes = Buffer.from(this.torn ? `\n${lines}` : lines)
    let written = 0
    try {
      while (written < bytes.length)
        written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten
      this.torn = false
    } catch (cause) {
      if (written > 0) this.torn = bytes[written - 1] !== 0x0a
      throw cause
    }
  }

  async open(): Promise<FileHandle> {
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants
    const flags = O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_RDWR
    const handle = await open(this.file, flags, permissions)
    try {
      const stat = await handle.stat()
      if (!stat.isFile()) throw new Error("it is not a regular file")
      const last = new Uint8Array(1)
      if (stat.size > 0) await handle.read(last, 0, 1, stat.size - 1)
      this.torn = stat.size > 0 && last[0] !== 0x0a
      return handle
    } catch (cause) {
      await handle.close()
      throw cause
    }
  }

  async close(): Promise<void> {
    await this.handle?.close()
    this.handle = undefined
  }
}
