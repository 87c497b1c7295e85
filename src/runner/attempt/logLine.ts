/** logLine: one line of a task's log as Airflow writes it: JSON, `timestamp`, `level` and `event` first, bounded, masked. */
import { stringify } from "../../protocol/Json.ts"
import type { LogLevel } from "../../protocol/TaskComms.ts"
import { boundedErrorDetail } from "./boundedErrorDetail.ts"
import type { SecretsMasker } from "./SecretsMasker.ts"

/** What a line says; `fields` keep their order. */
export interface LogLine {
  /** ISO 8601; anything else gives way to `now`. */
  readonly timestamp: unknown
  readonly level: LogLevel
  readonly event: unknown
  readonly fields: Readonly<Record<string, unknown>>
}

/** A line has one screen's worth of a huge text, and what a page can still show of all its fields. */
const mostOfEvent = 262_144
const limits = { text: 65_536, all: 262_144, values: 5_000, depth: 20 }

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

const isTime = (value: unknown): value is string =>
  typeof value === "string" && time.test(value) && !Number.isNaN(Date.parse(value))

/** What may be no key of a line twice, or would be taken for an error by the site's page. */
const ownKeys = new Set(["timestamp", "level", "event", "error_detail"])

/**
 * The line with its line end. `exception` becomes `error_detail` (as in `process_log_messages_from_subprocess`); where it has
 * not that form, which the site's page cannot bear, it stays under its own name. Only the time and the level are written
 * unmasked: both are of a closed form.
 */
export const logLine = (
  { event, fields, level, timestamp }: LogLine,
  { masker, now }: { readonly masker: SecretsMasker; readonly now: string }
): string => {
  const { error_detail, exception, ...others } = fields
  const error = exception || error_detail
  const detail = boundedErrorDetail(error, masker)
  const text =
    typeof event === "string" ? event : event === undefined || event === null ? "" : stringify(event)
  const rest = masker.redact(
    Object.fromEntries(Object.entries(others).filter(([key]) => !ownKeys.has(key))),
    limits
  )
  const unread = detail === undefined && error ? { exception: masker.redact(error, limits) } : {}
  const line = {
    timestamp: isTime(timestamp) ? timestamp : now,
    level,
    event: masker.redactText(text ?? "", mostOfEvent),
    ...(rest as object),
    ...unread,
    ...(detail === undefined ? {} : { error_detail: detail })
  }
  return `${stringify(line)}\n`
}
