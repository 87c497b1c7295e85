/** LogChunks: how the bytes of a log file become the text that the site is sent, and where they are cut. */

/** A piece of a log, ready to be sent: its text, and how many bytes of the file it stands for. */
export interface LogChunk {
  readonly text: string
  /** 0 where the bytes end within a character whose rest may still come. */
  readonly consumed: number
  /** Bytes of `text` as a JSON string, quotes and escapes included. */
  readonly size: number
}

const incomplete = -1

/** Length of the character that starts at `at`; 0 if none does; `incomplete` if the bytes end within it. */
const characterLength = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at] ?? 0
  if (first < 0x80) return 1
  // RFC 3629: C0, C1 and F5…FF start nothing; the second byte's range excludes overlong forms and surrogates.
  const length =
    first >= 0xc2 && first <= 0xdf
      ? 2
      : first >= 0xe0 && first <= 0xef
        ? 3
        : first >= 0xf0 && first <= 0xf4
          ? 4
          : 0
  for (let i = 1; i < length; i++) {
    const next = bytes[at + i]
    if (next === undefined) return incomplete
    const low = i > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
    const high = i > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
    if (next < low || next > high) return 0
  }
  return length
}

const shortEscapes = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d, 0x22, 0x5c])

/** Bytes that the character takes in a JSON string as `JSON.stringify` writes it. */
const jsonSize = (first: number, length: number): number => {
  if (length === 0) return 5 // \\xNN
  if (length > 1) return length
  if (first === 0) return 3 // U+FFFD
  return shortEscapes.has(first) ? 2 : first < 0x20 ? 6 : 1
}

/**
 * Cuts the first chunk off `bytes`: as much as fits into `limit` bytes of JSON, and at least one character.
 *
 * The text is that of Python's `bytes.decode(errors="backslashreplace").replace("\x00", "\ufffd")`, which is what
 * edge3 5.1.0 sends (`cli/worker.py`): a byte that is not UTF-8 becomes `\xNN`, NUL becomes U+FFFD. A character that
 * the bytes cut off waits for its rest, unless `end` says that none will come.
 */
export const cutChunk = (bytes: Uint8Array, limit: number, end: boolean): LogChunk => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  let text = ""
  let size = 2
  let at = 0
  let validFrom = 0
  const flush = () => {
    if (validFrom < at) text += decoder.decode(bytes.subarray(validFrom, at)).replaceAll("\0", "\ufffd")
  }
  while (at < bytes.length) {
    const first = bytes[at] ?? 0
    const length = characterLength(bytes, at)
    if (length === incomplete && !end) break
    const valid = length > 0
    const cost = jsonSize(first, valid ? length : 0)
    if (size + cost > limit && at > 0) break
    size += cost
    if (valid) {
      at += length
      continue
    }
    // One byte is enough: those after it that do not belong to a character start none either.
    flush()
    text += `\\x${first.toString(16).padStart(2, "0")}`
    at += 1
    validFrom = at
  }
  flush()
  return { text, consumed: at, size }
}

/** The one function between a worker's log file and the site's: what the whole file's text must be there. */
export const decodeLog = (bytes: Uint8Array): string => cutChunk(bytes, Number.POSITIVE_INFINITY, true).text
