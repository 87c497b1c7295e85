/** pythonJson: JSON in the letters of Python's `json.dumps`: blanks after `,` and `:`, ASCII only. */

import { isVerbatim } from "../../protocol/Json.ts"

const text = (of: string): string =>
  JSON.stringify(of).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/** Of a value that `protocol/Json` has read, or of a map of such. Numbers stay as they were written. */
export const pythonJson = (value: unknown): string => {
  if (typeof value === "string") return text(value)
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`
  if (typeof value !== "object" || value === null || isVerbatim(value)) return JSON.stringify(value) ?? "null"
  const entries: Iterable<[string, unknown]> = value instanceof Map ? value : Object.entries(value)
  const fields = Array.from(entries, ([key, of]) => `${text(key)}: ${pythonJson(of)}`)
  return `{${fields.join(", ")}}`
}
