/** TaskLogLine: what a line of a task's log has beside its text, for a person: its fields, and the error in it. */

type Fields = Readonly<Record<string, unknown>>

/** What is told elsewhere, or the same in every line of a log. */
const usual = new Set([
  ...["timestamp", "time", "level", "event", "logger", "filename", "lineno", "func_name", "loc"],
  ...["ti_id", "dag_id", "run_id", "task_id", "try_number", "map_index", "exception", "error_detail"]
])

/** How much of it a person reads: characters of a field, errors, places of an error. */
const longest = 2_000
const mostErrors = 20
const mostFrames = 10

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const cut = (text: string): string =>
  text.length <= longest ? text : `${text.slice(0, longest).toWellFormed()}…`

const jsonOf = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? ""
  } catch {
    return "(nested too deep to be shown)"
  }
}

const plain = (value: unknown): string => cut(typeof value === "string" ? value : jsonOf(value))

/** So that one sees where it ends. */
const quoted = (value: unknown): string =>
  typeof value === "string" && /^[^\s"=]+$/.test(value) ? cut(value) : cut(jsonOf(value))

const place = (frame: unknown): string =>
  isFields(frame)
    ? `  at ${plain(frame["name"])} (${plain(frame["filename"])}:${plain(frame["lineno"])})`
    : `  at ${plain(frame)}`

/** One error as structlog's `ExceptionDictTransformer` writes it; the place where it happened is the last of its frames. */
const errorLines = (error: Fields, depth: number): ReadonlyArray<string> => {
  const frames = listOf(error["frames"]).toReversed()
  const more = frames.length - mostFrames
  return [
    `${error["is_cause"] === true ? "caused by " : ""}${plain(error["exc_type"])}: ${plain(error["exc_value"])}`,
    ...listOf(error["exc_notes"]).map((note) => `  ${plain(note)}`),
    ...frames.slice(0, mostFrames).map(place),
    ...(more > 0 ? [`  … ${more} more`] : []),
    ...(depth < 3 ? listOf(error["exceptions"]).flatMap((one) => errorsOf(one, depth + 1)) : [])
  ].map((line) => `  ${line}`)
}

const errorsOf = (detail: unknown, depth: number): ReadonlyArray<string> =>
  listOf(detail)
    .filter(isFields)
    .slice(0, mostErrors)
    .flatMap((error) => errorLines(error, depth))

/** The rest of a line, to be put behind its text: ` name=value …`, then each error on lines of its own. */
export const besides = (line: Fields): string => {
  const fields = Object.entries(line)
    .filter(([name, value]) => !usual.has(name) && value !== null && value !== undefined)
    .map(([name, value]) => ` ${cut(name)}=${quoted(value)}`)
  const error = line["exception"] ?? line["error_detail"]
  const errors =
    error === undefined || error === null
      ? []
      : Array.isArray(error) && error.some(isFields)
        ? errorsOf(error, 1)
        : plain(error).split("\n")
  return [fields.join(""), ...errors].join("\n")
}
