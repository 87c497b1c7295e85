/** namespaceLevels: `[logging] namespace_levels`, the levels of single loggers, read as Airflow reads them. */
import * as Option from "effect/Option"
import type { SettingType } from "./settingTypes.ts"

/** Levels by the beginning of a logger's name, as numbers of Python's; what could not be read is left out and in `wrong`. */
export interface NamespaceLevels {
  readonly levels: ReadonlyMap<string, number>
  readonly wrong: ReadonlyArray<string>
}

/** structlog's `NAME_TO_LEVEL` with what Airflow adds to it. */
const numbers: Readonly<Record<string, number>> = {
  critical: 50,
  fatal: 50,
  exception: 40,
  error: 40,
  warn: 30,
  warning: 30,
  info: 20,
  debug: 10,
  notset: 0
}

/** The number of a level's name in small letters. */
export const levelNumber = (name: string): number | undefined =>
  Object.hasOwn(numbers, name) ? numbers[name] : undefined

/** `parse_namespace_log_levels` of Airflow 3.3.2's `sdk/_shared/logging/structlog.py`. */
export const parseNamespaceLevels = (text: string): NamespaceLevels => {
  const levels = new Map<string, number>()
  const wrong: Array<string> = []
  for (const entry of text.split(/[\s,]+/).filter((entry) => entry !== "")) {
    const [, logger = "", word = ""] = /^([^=]*)=(.*)$/.exec(entry) ?? []
    const level = levelNumber(word.toLowerCase())
    if (logger === "" || level === undefined) wrong.push(entry)
    else levels.set(logger, level)
  }
  return { levels, wrong }
}

/** The setting's type. */
export const namespaceLevels: SettingType<NamespaceLevels> = {
  words: "pairs as in my.logger=DEBUG other=ERROR, with blanks or commas between; or not set",
  decode: (text) => Option.some(parseNamespaceLevels(text ?? ""))
}
