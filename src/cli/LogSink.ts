/** LogSink: where the worker's own log lines go: a terminal, a stream, or a file that can be opened anew. */
import { closeSync, openSync, writeSync } from "node:fs"

/** Takes whole lines. */
export interface LogSink {
  readonly write: (text: string) => void
  /** For logrotate: goes on in the file that now has the name. Does nothing for a stream. */
  readonly reopen: () => void
}

/** A stream of this process, such as its stderr. */
export const toStream = (stream: NodeJS.WritableStream): LogSink => ({
  write: (text) => {
    stream.write(text)
  },
  reopen: () => {}
})

/** A file, appended to. Throws where it cannot be opened; a line that cannot be written (disk full) is lost. */
export const toFile = (path: string): LogSink => {
  const open = () => openSync(path, "a", 0o666)
  let descriptor = open()
  return {
    write: (text) => {
      try {
        writeSync(descriptor, text)
      } catch {
        // nowhere is left to say it
      }
    },
    reopen: () => {
      try {
        const fresh = open()
        closeSync(descriptor)
        descriptor = fresh
      } catch {
        // the old file is better than none
      }
    }
  }
}
