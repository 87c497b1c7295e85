/** PythonText: how Python reads text where JavaScript differs: white space, numbers, booleans. */
import * as Option from "effect/Option"

/** The characters that Python's `str.strip` and `\s` take for white space; JavaScript's set differs in seven of them. */
export const whitespace =
  "\\t\\n\\v\\f\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"

const leading = new RegExp(`^[${whitespace}]+`)
const space = new RegExp(`[${whitespace}]`)

/** `str.rstrip()`. No pattern: one that looks for the end tries each blank of a long text anew. */
export const stripEnd = (text: string) => {
  let end = text.length
  while (end > 0 && space.test(text.charAt(end - 1))) end -= 1
  return text.slice(0, end)
}

/** `str.strip()` */
export const strip = (text: string) => stripEnd(text).replace(leading, "")

const digits = "[0-9](?:_?[0-9])*"
const integer = new RegExp(`^[+-]?${digits}$`)
const decimal = new RegExp(`^[+-]?(?:${digits}(?:\\.(?:${digits})?)?|\\.${digits})(?:[eE][+-]?${digits})?$`)

/** Python's `int(text)`, for ASCII digits. */
export const plainInt = (text: string): Option.Option<number> => {
  const trimmed = strip(text)
  return integer.test(trimmed) ? Option.some(Number(trimmed.replaceAll("_", "")) || 0) : Option.none()
}

/** Python's `float(text)`, for ASCII digits and without its infinities and NaN: no setting may hold one. */
export const getFloat = (text: string): Option.Option<number> => {
  const trimmed = strip(text)
  if (!decimal.test(trimmed)) return Option.none()
  const value = Number(trimmed.replaceAll("_", ""))
  return Number.isFinite(value) ? Option.some(value) : Option.none()
}

/** Airflow's `getint`: `30`, ` 30 `, `1_000`, and a float without a fraction (`1e3`, `5.0`). */
export const getInt = (text: string): Option.Option<number> =>
  Option.orElse(plainInt(text), () => Option.filter(getFloat(text), Number.isInteger))

/** Airflow's `getboolean`: t, true, 1, f, false, 0 in any case; what follows a `#` is a comment (only here). */
export const getBoolean = (text: string): Option.Option<boolean> => {
  const word = strip(strip(text.toLowerCase()).split("#")[0] ?? "")
  if (["t", "true", "1"].includes(word)) return Option.some(true)
  if (["f", "false", "0"].includes(word)) return Option.some(false)
  return Option.none()
}

/** Python's `int(text, 8)`, as `[edge] worker_umask` is read: `077`, `0o077`, `77`. */
export const getOctal = (text: string): Option.Option<number> => {
  const word = strip(text).match(/^\+?(?:0[oO]_?)?([0-7](?:_?[0-7])*)$/)?.[1]
  return word === undefined ? Option.none() : Option.some(Number.parseInt(word.replaceAll("_", ""), 8))
}
