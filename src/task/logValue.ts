/** logValue: any value as JSON for a line of the log: what has no form in JSON is told in words, what has no end is cut. */
import * as Redactable from "effect/Redactable"

/** Levels, entries of one level, values in all: far more than a line of a log can be read with. */
const deepest = 8
const mostEntries = 100
const mostValues = 1_000
/** Characters of a text: twice what the log shows, where the worker hides secrets that the log's own cut divides. */
const longest = 131_072

const told = (value: unknown): string => {
  try {
    return String(value)
  } catch {
    return "(cannot be shown)"
  }
}

/** `undefined` only for what a JSON object leaves out. Never throws. */
export const logValue = (value: unknown): unknown => {
  let left = mostValues
  const path = new Set<object>()
  const walk = (at: unknown, depth: number): unknown => {
    left -= 1
    if (typeof at === "string") return at.slice(0, longest)
    if (at === null || typeof at === "boolean" || at === undefined) return at
    if (typeof at === "number") return Number.isFinite(at) ? at : String(at)
    if (typeof at === "function") return `[function ${at.name}]`
    if (typeof at !== "object") return told(at)
    if (path.has(at)) return "(circular)"
    path.add(at)
    try {
      if (depth >= deepest || left <= 0) return Array.isArray(at) ? "[…]" : "{…}"
      return inside(at, depth)
    } catch {
      return "(cannot be shown)"
    } finally {
      path.delete(at)
    }
  }
  const entries = (pairs: ReadonlyArray<readonly [string, unknown]>, depth: number) => {
    const shown = pairs.slice(0, mostEntries).map(([key, of]) => [key, walk(of, depth + 1)] as const)
    if (pairs.length > mostEntries) shown.push(["…", `${pairs.length - mostEntries} more`])
    return Object.fromEntries(shown)
  }
  const list = (items: ReadonlyArray<unknown>, depth: number) => {
    const shown = items.slice(0, mostEntries).map((item) => walk(item, depth + 1) ?? null)
    return items.length > mostEntries ? [...shown, `${items.length - mostEntries} more`] : shown
  }
  const inside = (at: object, depth: number): unknown => {
    if (Redactable.isRedactable(at)) return walk(Redactable.redact(at), depth + 1)
    if (at instanceof Error) return `${at.name}: ${at.message}`
    if (at instanceof Map)
      return entries(
        Array.from(at, ([key, of]) => [told(key), of] as const),
        depth
      )
    if (at instanceof Set) return list([...at], depth)
    if (ArrayBuffer.isView(at)) return `(${at.byteLength} bytes)`
    if ("toJSON" in at && typeof at.toJSON === "function") return walk(at.toJSON(), depth + 1)
    return Array.isArray(at) ? list(at, depth) : entries(Object.entries(at), depth)
  }
  return walk(value, 0)
}
