/** lineReader: bytes into lines of text, with a bound on what is kept of a line that does not end. */

/** What happens to the lines of one stream. */
export interface LineReaderOptions {
  /** Bytes of a line; where longer ones are refused, what arrives together may be as long as it is. */
  readonly longest: number
  /** Without the line end, LF or CRLF; bytes that are not UTF-8 are replaced. */
  readonly onLine: (line: string) => void
  /** Told once instead of the line, of which nothing is kept then. Without it the rest of a longer line is left out. */
  readonly onLonger?: () => void
}

const empty = Buffer.alloc(0)

/** Reads one stream. */
export const lineReader = ({ longest, onLine, onLonger }: LineReaderOptions) => {
  let parts: Array<Buffer> = []
  let length = 0
  let refused = false
  /** Of the line that goes on nothing more is wanted. */
  let told = false

  const keep = (part: Buffer) => {
    parts = part.length === 0 ? [] : [part]
    length = part.length
  }
  /** Never in pieces: what looks for secrets in a line would not find one that lies in two. */
  const tell = (line: Buffer) => {
    let end = line.at(-1) === 0x0d ? line.length - 1 : line.length
    if (end > longest && onLonger === undefined) {
      end = longest
      // The cut must not go through a character.
      while (end > longest - 4 && ((line[end] ?? 0) & 0xc0) === 0x80) end--
    }
    onLine(line.toString("utf8", 0, end))
  }
  const whole = (last: Buffer) => {
    const line = parts.length === 0 ? last : Buffer.concat([...parts, last])
    keep(empty)
    return line
  }
  const finish = (last: Buffer) => {
    if (told) told = false
    else tell(whole(last))
  }

  return {
    add: (chunk: Buffer) => {
      if (refused) return
      let from = 0
      for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, from)) {
        finish(chunk.subarray(from, end))
        from = end + 1
      }
      if (from < chunk.length && !told) {
        parts.push(chunk.subarray(from))
        length += chunk.length - from
      }
      // One more may be the CR of a line end.
      if (length <= longest + 1) return
      if (onLonger === undefined) {
        told = true
        return tell(whole(empty))
      }
      refused = true
      keep(empty)
      onLonger()
    },
    /** The stream has ended: what is left is a line. */
    end: () => {
      if (length > 0) finish(empty)
    }
  }
}
