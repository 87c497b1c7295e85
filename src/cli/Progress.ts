/** Progress: one line that changes while a command waits; plain lines where stderr is no terminal. */

/** Shows how far something is. Nothing of it goes to stdout. */
export interface Progress {
  /** Replaces the line; a text that was shown last is not repeated. */
  readonly show: (text: string) => void
  /** Ends the line. */
  readonly end: () => void
}

/** On stderr. */
export const make = (stream: NodeJS.WriteStream = process.stderr): Progress => {
  let last = ""
  const terminal = stream.isTTY === true
  return {
    show: (text) => {
      if (text === last) return
      last = text
      stream.write(terminal ? `\r\x1b[K${text}` : `${text}\n`)
    },
    end: () => {
      if (terminal && last !== "") stream.write("\n")
      last = ""
    }
  }
}
