/** logText: what the site's file must hold for a worker's log file: the one stated function, written anew for the tests. */

/** How many bytes the UTF-8 sequence at `at` has (RFC 3629); 0 where none begins there. */
const sequence = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at] ?? 0
  if (first < 0x80) return 1
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
  if (first < 0xc2 || first > 0xf4) return 0
  for (let next = 1; next < length; next++) {
    const byte = bytes[at + next] ?? 0
    if (byte < 0x80 || byte > 0xbf) return 0
  }
  const second = bytes[at + 1] ?? 0
  const wrong =
    (first === 0xe0 && second < 0xa0) ||
    (first === 0xed && second > 0x9f) ||
    (first === 0xf0 && second < 0x90) ||
    (first === 0xf4 && second > 0x8f)
  return wrong ? 0 : length
}

/** NUL becomes U+FFFD, a byte that is not part of UTF-8 text becomes `\xNN`, the rest stays. */
export const logText = (bytes: Uint8Array): string => {
  const parts: Array<string> = []
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let start = 0
  const flush = (end: number) => {
    if (end > start) parts.push(decoder.decode(bytes.subarray(start, end)))
  }
  for (let at = 0; at < bytes.length; ) {
    const length = sequence(bytes, at)
    if (length === 0) {
      flush(at)
      parts.push(`\\x${(bytes[at] ?? 0).toString(16).padStart(2, "0")}`)
      at += 1
      start = at
    } else at += length
  }
  flush(bytes.length)
  return parts.join("").replaceAll("\0", "\ufffd")
}
