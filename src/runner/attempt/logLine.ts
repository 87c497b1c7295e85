/** logLine: one line of a task's log as Airflow writes it: JSON, `timestamp`, `level` and `event` first, bounded, masked. */
import { stringify } from "../../protocol/Json.ts"
import type { LogLevel } from "../../protocol/TaskComms.ts"
import { boundedErrorDetail } from "./boundedErrorDetail.ts"
import type { SecretsMasker } from "./SecretsMasker.ts"

/** What a line says. */
export interface LogLine {
  /** ISO 8601; anything else gives way to `now`. */
  readonly timestamp?: unknown
  readonly level: LogLevel
  readonly event: unknown
  /** Characters of the event, where it is less than of any. */
  readonly most?: number
  /** What names the try; a key of `more` goes before one of these. */
  readonly names?: Readonly<Record<string, unknown>>
  /** The further keys, in their order; those of the line's own are not looked at. */
  readonly more: Readonly<Record<string, unknown>>
}

/** A line has one screen's worth of a huge text, and what a page can still show of all its fields. */
const mostOfEvent = 262_144
const mostFields = 500
const limits = { text: 65_536, all: 262_144, values: 5_000, depth: 20 }

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

const isTime = (value: unknown): value is string =>
  typeof value === "string" && time.test(value) && !Number.isNaN(Date.parse(value))

/** Bounded before it is written as JSON, which what is nested without end cannot be. */
const textOf = (event: unknown, masker: SecretsMasker): string => {
  if (event === undefined || event === null) return ""
  return typeof event === "string" ? event : (stringify(masker.redact(event, limits)) ?? "")
}

const ownKeys = new Set(["timestamp", "level", "event", "error_detail", "exception"])

/** A hostile line may have a million keys: they are counted and not copied. */
const fieldsOf = ({ more, names }: LogLine): Readonly<Record<string, unknown>> => {
  const keys = Object.keys(more)
  const found = keys
    .slice(0, mostFields)
    .filter((key) => !ownKeys.has(key))
    .map((key) => [key, more[key]] as const)
  if (keys.length > mostFields) found.push(["…", `${keys.length - mostFields} more`])
  return { ...names, ...Object.fromEntries(found) }
}

/**
 * The line with its line end. `exception` becomes `error_detail` (as in `process_log_messages_from_subprocess`); where it has
 * not that form, which the site's page cannot bear, it stays under its own name. Only the time and the level are written
 * unmasked: both are of a closed form.
 */
export const logLine = (
  line: LogLine,
  { masker, now }: { readonly masker: SecretsMasker; readonly now: string }
): string => {
  const error = line.more["exception"] || line.more["error_detail"]
  const detail = boundedErrorDetail(error, masker)
  const fields = masker.redact(fieldsOf(line), limits)
  const unread = detail === undefined && error ? { exception: masker.redact(error, limits) } : {}
  const written = {
    timestamp: isTime(line.timestamp) ? line.timestamp : now,
    level: line.level,
    event: masker.redactText(textOf(line.event, masker), line.most ?? mostOfEvent),
    ...(fields as object),
    ...unread,
    ...(detail === undefined ? {} : { error_detail: detail })
  }
  return `${stringify(written)}\n`
}
