/** hideIn: a text with stars in the place of the secrets in it. */

/** Where a secret stands. Ranges that overlap are one; ranges that touch are two, as Airflow's pattern finds them. */
interface Range {
  readonly start: number
  readonly end: number
  readonly stars: string
}

/** `{"` in base64: what begins so is very likely a token (`JWT_PATTERN` of Airflow 3.3.2's `sdk/_shared/logging/structlog.py`). */
const token = /eyJ[.A-Za-z0-9\-_]*/g

const rangesIn = (text: string, secrets: Iterable<string>): ReadonlyArray<Range> => {
  const found: Array<Range> = []
  if (text.includes("eyJ"))
    for (const { 0: match, index } of text.matchAll(token))
      found.push({ start: index, end: index + match.length, stars: "eyJ***" })
  for (const secret of secrets)
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1))
      found.push({ start: at, end: at + secret.length, stars: "***" })
  if (found.length < 2) return found
  // A token that begins where a secret does comes first and decides about the stars: the sort is stable.
  found.sort((a, b) => a.start - b.start)
  const merged: Array<Range> = []
  for (const range of found) {
    const last = merged.at(-1)
    if (last !== undefined && range.start < last.end)
      merged[merged.length - 1] = { ...last, end: Math.max(last.end, range.end) }
    else merged.push(range)
  }
  return merged
}

/**
 * At most `longest` characters of a text without any of the secrets; a secret that the cut would divide is hidden whole.
 * Where secrets overlap all of them is hidden, of which Airflow leaves the end of one.
 */
export const hideIn = (
  text: string,
  secrets: { readonly all: Iterable<string>; readonly longest: number },
  longest = Number.POSITIVE_INFINITY
): string => {
  const whole = text.length <= longest
  const read = (whole ? text : text.slice(0, longest + secrets.longest)).toWellFormed()
  let shown = ""
  let at = 0
  for (const { end, stars, start } of rangesIn(read, secrets.all)) {
    if (start >= longest) break
    shown += read.slice(at, start) + stars
    at = end
  }
  if (whole) return shown + read.slice(at)
  return `${shown}${read.slice(at, Math.max(at, longest)).toWellFormed()}… (${text.length} characters)`
}
