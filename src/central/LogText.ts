/** LogText: parts of a log that is kept in chunks; positions count characters (UTF-16) from the log's beginning. */
import type { LogPart } from "./Repository.ts"

/** A chunk, and where in the log it begins. */
export interface PlacedChunk {
  readonly start: number
  readonly text: string
}

/** Whether the two characters around `at` are the halves of one. */
const splitsPair = (text: string, at: number): boolean => {
  const before = text.charCodeAt(at - 1)
  const after = text.charCodeAt(at)
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff
}

/**
 * At most `limit` characters from `from` on, out of chunks in their order; one more rather than half a character.
 * Beyond the end, it is the end that the next part begins at.
 */
export const partOf = (
  chunks: ReadonlyArray<PlacedChunk>,
  length: number,
  from: number,
  limit: number
): LogPart => {
  const start = Math.min(Math.max(0, from), length)
  const first = chunks.findIndex((chunk) => chunk.start + chunk.text.length > start)
  if (first < 0) return { text: "", next: length }
  const skipped = start - (chunks[first]?.start ?? start)
  let text = ""
  for (const chunk of chunks.slice(first)) {
    // one more than is asked for, or the last pair could not be seen
    if (text.length > skipped + limit + 1) break
    text += chunk.text
  }
  const wanted = skipped + Math.max(1, limit)
  const end = Math.min(text.length, splitsPair(text, wanted) ? wanted + 1 : wanted)
  return { text: text.slice(skipped, end), next: start + end - skipped }
}
