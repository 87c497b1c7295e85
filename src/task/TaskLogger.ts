/** TaskLogger: what a task logs through Effect, as lines of its log at the site. */
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import type { LogEvent, LogLevel as SiteLevel } from "../protocol/TaskComms.ts"
import { errorDetail } from "./errorDetail.ts"
import { logValue } from "./logValue.ts"

const levels: Readonly<Record<LogLevel.LogLevel, SiteLevel>> = {
  All: "debug",
  Trace: "debug",
  Debug: "debug",
  Info: "info",
  Warn: "warning",
  Error: "error",
  Fatal: "critical",
  None: "info"
}

/** What a line is made of; a key of that name gets another one. */
const ownKeys = new Set(["timestamp", "level", "event", "error_detail"])

/** Characters of the words: twice what the log shows, where the worker hides secrets that the log's own cut divides. */
const longest = 524_288

const isFields = (part: unknown): part is Readonly<Record<string, unknown>> => {
  if (typeof part !== "object" || part === null) return false
  const prototype: unknown = Object.getPrototypeOf(part)
  return prototype === Object.prototype || prototype === null
}

/**
 * A logger that gives each line to `say`, at once. Texts of a message make its words, plain objects in it, annotations and
 * spans (`12ms`) keys of their own; an annotation `logger` names the logger, by which `[logging] namespace_levels`
 * filters. An error, in the message or as the cause, becomes `error_detail`. Nothing that is logged makes it throw.
 */
export const taskLogger = (say: (event: LogEvent) => void): Logger.Logger<unknown, void> =>
  Logger.make(({ cause, date, fiber, logLevel, message }) => {
    const words: Array<string> = []
    const fields = new Map<string, unknown>()
    const add = (key: string, value: unknown) => {
      const shown = logValue(value)
      if (shown !== undefined) fields.set(ownKeys.has(key) ? `${key}_` : key, shown)
    }
    for (const [label, since] of fiber.getRef(References.CurrentLogSpans))
      add(label, `${date.getTime() - since}ms`)
    for (const [key, value] of Object.entries(fiber.getRef(References.CurrentLogAnnotations))) add(key, value)
    let error: unknown
    for (const part of Array.isArray(message) ? message : [message]) {
      if (part instanceof Error) {
        error ??= part
        words.push(part.message)
      } else if (isFields(part)) for (const [key, value] of Object.entries(part)) add(key, value)
      else {
        const shown = typeof part === "string" ? part : logValue(part)
        words.push(typeof shown === "string" ? shown : (JSON.stringify(shown) ?? "undefined"))
      }
    }
    if (cause.reasons.length > 0) error = cause
    const { logger, ...others } = Object.fromEntries(fields)
    say({
      timestamp: date.toISOString(),
      level: levels[logLevel],
      event: words.join(" ").slice(0, longest),
      ...(logger === undefined ? {} : typeof logger === "string" ? { logger } : { logger_: logger }),
      ...others,
      ...(error === undefined ? {} : { error_detail: errorDetail(error) })
    })
  })
