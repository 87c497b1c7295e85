/** logLevels: which lines of a task's log are written, by the level of their logger. */
import { levelNumber } from "../../config/namespaceLevels.ts"
import type { LogLevel } from "../../protocol/TaskComms.ts"

/** The word that is written for a number of Python's. */
const words = new Map<number, LogLevel>([
  [50, "critical"],
  [40, "error"],
  [30, "warning"],
  [20, "info"],
  [10, "debug"]
])

/** The word that is written for a line's level; undefined: the line is not written. */
export type LevelFilter = (level: string, logger: string) => LogLevel | undefined

/**
 * As Airflow 3.3.2 (`make_filtering_logger` in `sdk/_shared/logging/structlog.py`): the level of the nearest namespace that
 * a logger's name begins with, else the general one. A line of an unknown level is not written.
 */
export const levelFilter = (loggingLevel: string, namespaces: ReadonlyMap<string, number>): LevelFilter => {
  const general = levelNumber(loggingLevel.toLowerCase()) ?? 20
  const leastOf = (logger: string): number => {
    for (let name = logger; name !== ""; name = name.slice(0, Math.max(0, name.lastIndexOf(".")))) {
      const level = namespaces.get(name)
      if (level !== undefined) return level
    }
    return general
  }
  return (level, logger) => {
    const number = levelNumber(level)
    return number !== undefined && number >= leastOf(logger) ? words.get(number) : undefined
  }
}
