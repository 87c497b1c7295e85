/** WorkerLog: how the worker's own log lines look: for a person on a terminal, else one line an event. */
import * as Cause from "effect/Cause"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import type { LogSink } from "./LogSink.ts"

/** Python's names, as `[logging] logging_level` has them. */
const levels: Readonly<Record<string, LogLevel.LogLevel>> = {
  CRITICAL: "Fatal",
  FATAL: "Fatal",
  ERROR: "Error",
  WARNING: "Warn",
  WARN: "Warn",
  INFO: "Info",
  DEBUG: "Debug",
  NOTSET: "All"
}

/** The least level that is written: `-v` is debug, else `[logging] logging_level`, else info. */
export const levelOf = (loggingLevel: string | undefined, verbose: boolean): LogLevel.LogLevel =>
  verbose ? "Debug" : (levels[loggingLevel?.toUpperCase() ?? "INFO"] ?? "Info")

const colours: Readonly<Record<string, string>> = {
  Fatal: "31",
  Error: "31",
  Warn: "33",
  Info: "32",
  Debug: "34"
}

/** Nothing may break a line in two or steer a terminal: log lines carry words of sites and tasks. */
const oneLine = (text: string): string =>
  text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
    /[\u0000-\u001f\u007f-\u009f]/g,
    (character) =>
      character === "\n"
        ? "\\n"
        : character === "\t"
          ? "\\t"
          : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`
  )

const value = (of: unknown): string => {
  const text = typeof of === "string" ? of : (JSON.stringify(of) ?? String(of))
  return /^[^\s"=]+$/.test(text) ? oneLine(text) : JSON.stringify(oneLine(text))
}

const pairs = (fields: Iterable<readonly [string, unknown]>): string =>
  Array.from(fields, ([key, of]) => (of === undefined ? "" : ` ${key}=${value(of)}`)).join("")

/** A message is one or several values; objects among them are fields. */
const words = (message: unknown): string =>
  (Array.isArray(message) ? message : [message])
    .map((part: unknown) =>
      typeof part === "string"
        ? ` ${oneLine(part)}`
        : part instanceof Error
          ? ` ${oneLine(part.message)}`
          : typeof part === "object" && part !== null
            ? pairs(Object.entries(part))
            : ` ${String(part)}`
    )
    .join("")

/** One event as text, with its line end. `terminal`: short time, indented cause; `colour`: the level in colour. */
export const format = (style: { readonly terminal: boolean; readonly colour: boolean }) =>
  Logger.make<unknown, string>(({ cause, date, fiber, logLevel, message }) => {
    const level = logLevel.toUpperCase().padEnd(5)
    const colour = style.colour ? colours[logLevel] : undefined
    const time = style.terminal ? date.toTimeString().slice(0, 8) : date.toISOString()
    const annotations = pairs(Object.entries(fiber.getRef(References.CurrentLogAnnotations)))
    const why =
      cause.reasons.length === 0
        ? ""
        : style.terminal
          ? `\n${Cause.pretty(cause)}`.replaceAll("\n", "\n    ")
          : ` cause=${value(Cause.pretty(cause))}`
    return `${time} ${colour === undefined ? level : `\x1b[${colour}m${level}\x1b[0m`}${words(message)}${annotations}${why}\n`
  })

/** True where colours may be written to the stream. */
export const mayColour = (stream: { readonly isTTY?: boolean }): boolean =>
  stream.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb"

/** Replaces the loggers: everything goes to `sink`. */
export const layer = (options: {
  readonly sink: LogSink
  readonly level: LogLevel.LogLevel
  readonly terminal: boolean
  readonly colour: boolean
}): Layer.Layer<never> =>
  Layer.merge(
    Logger.layer([Logger.map(format(options), (line) => options.sink.write(line))]),
    Layer.succeed(References.MinimumLogLevel, options.level)
  )
