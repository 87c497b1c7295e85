/** logLevels: which lines of a task's log are written, by the level of their logger. */
import type { LogLevel } from "../../protocol/TaskComms.ts"

/** structlog's `NAME_TO_LEVEL` with what Airflow adds to it: the number, and the word that is written. */
const known: Readonly<Record<string, readonly [number, LogLevel]>> = {
  critical: [50, "critical"],
  fatal: [50, "critical"],
  exception: [40, "error"],
  error: [40, "error"],
  warn: [30, "warning"],
  warning: [30, "warning"],
  info: [20, "info"],
  debug: [10, "debug"]
}

/** `[logging] namespace_levels`: `a.b=DEBUG c=ERROR`, with blanks or commas between; what is no such pair is in `wrong`. */
export const namespaceLevels = (
  text: string
): { readonly levels: ReadonlyMap<string, number>; readonly wrong: ReadonlyArray<string> } => {
  const levels = new Map<string, number>()
  const wrong: Array<string> = []
  for (const entry of text.split(/[\s,]+/).filter((entry) => entry !== "")) {
    const [, logger = "", word = ""] = /^([^=]*)=(.*)$/.exec(entry) ?? []
    const level = word.toLowerCase() === "notset" ? 0 : known[word.toLowerCase()]?.[0]
    if (logger === "" || level === undefined) wrong.push(entry)
    else levels.set(logger, level)
  }
  return { levels, wrong }
}

/** The word that is written for a line's level; undefined: the line is not written. */
export type LevelFilter = (level: string, logger: string | undefined) => LogLevel | undefined

/**
 * As Airflow 3.3.2 (`make_filtering_logger` in `sdk/_shared/logging/structlog.py`): the level of the nearest namespace that
 * a logger's name begins with, else the general one. A line of an unknown level is not written.
 */
export const levelFilter = (loggingLevel: string, namespaces: ReadonlyMap<string, number>): LevelFilter => {
  const general = known[loggingLevel.toLowerCase()]?.[0] ?? 20
  const leastOf = (logger: string): number => {
    for (let name = logger; name !== ""; name = name.slice(0, Math.max(0, name.lastIndexOf(".")))) {
      const level = namespaces.get(name)
      if (level !== undefined) return level
    }
    return general
  }
  return (level, logger = "") => {
    const found = known[level.toLowerCase()]
    return found !== undefined && found[0] >= leastOf(logger) ? found[1] : undefined
  }
}
