/** ConfigParser: reads the text of an `airflow.cfg` by the rules of the Python class that Airflow reads it with. */
import * as Result from "effect/Result"
import { strip, stripEnd, whitespace } from "./PythonText.ts"

/** An option as it stands in the file, before `%(x)s` is replaced. */
export interface RawOption {
  readonly value: string
  /** The line of its key, from 1. */
  readonly line: number
}

/** A file that was read. Section and option names keep their case: Airflow's parser tells `Key` from `key`. */
export interface ParsedConfig {
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, RawOption>>
  /** `[DEFAULT]`: its options are seen from every section that exists. */
  readonly defaults: ReadonlyMap<string, RawOption>
}

/** A place that does not follow the syntax. The line itself is not repeated: it may hold a secret. */
export interface SyntaxMistake {
  readonly line: number
  readonly problem: string
}

const header = /^\[([^\n]+)\]/
const notSpace = new RegExp(`[^${whitespace}]`)

/**
 * Parses a file's text; fails with every syntax mistake, in the order of the lines.
 *
 * The rules are those of `configparser.ConfigParser()` (Python 3.11) with the one change that
 * `airflow/_shared/configuration/parser.py` (Airflow 3.3.2) makes: option names keep their case. `#` and `;` begin a
 * comment only at the start of a line; a line that is indented deeper than its key goes on with the value.
 */
export const parse = (text: string): Result.Result<ParsedConfig, ReadonlyArray<SyntaxMistake>> => {
  const sections = new Map<string, Map<string, { lines: Array<string>; line: number }>>()
  const defaults = new Map<string, { lines: Array<string>; line: number }>()
  const mistakes: Array<SyntaxMistake> = []
  let section: { readonly name: string; readonly options: typeof defaults } | undefined
  let current: { lines: Array<string>; line: number } | undefined
  let indent = 0

  for (const [index, row] of text.split(/\r\n|\r|\n/).entries()) {
    const line = index + 1
    const value = strip(row)
    if (value.startsWith("#") || value.startsWith(";")) continue
    if (value === "") {
      current?.lines.push("")
      continue
    }
    const rowIndent = row.search(notSpace)
    if (current !== undefined && rowIndent > indent) {
      current.lines.push(value)
      continue
    }
    indent = rowIndent
    const name = header.exec(value)?.[1]
    if (name !== undefined) {
      if (sections.has(name)) mistakes.push({ line, problem: `section [${name}] appears a second time` })
      const options = sections.get(name) ?? (name === "DEFAULT" ? defaults : new Map())
      if (options !== defaults) sections.set(name, options)
      section = { name, options }
      current = undefined
      continue
    }
    if (section === undefined) {
      mistakes.push({ line, problem: "a [section] line must come before the first key" })
      // One mistake is enough for all that stands before the first section.
      section = { name: "", options: new Map() }
      continue
    }
    const delimiter = value.search(/[=:]/)
    if (delimiter < 0) {
      mistakes.push({
        line,
        problem: "neither a [section], nor a key = value, nor an indented line that goes on"
      })
      continue
    }
    const key = stripEnd(value.slice(0, delimiter))
    if (key === "") mistakes.push({ line, problem: "there is no key before the = or :" })
    const before = section.options.get(key)
    if (before !== undefined) {
      mistakes.push({ line, problem: `[${section.name}] ${key} is already set in line ${before.line}` })
    }
    current = { lines: [strip(value.slice(delimiter + 1))], line }
    section.options.set(key, current)
  }

  if (mistakes.length > 0) return Result.fail(mistakes)
  const joined = (options: typeof defaults): ReadonlyMap<string, RawOption> =>
    new Map([...options].map(([key, { line, lines }]) => [key, { value: stripEnd(lines.join("\n")), line }]))
  return Result.succeed({
    sections: new Map([...sections].map(([name, options]) => [name, joined(options)])),
    defaults: joined(defaults)
  })
}

const reference = /^%\(([^)]+)\)s/
const deepest = 10

/**
 * An option's value with `%%` and `%(x)s` replaced, `undefined` where it is not set; fails with what is wrong with a `%`.
 * `x` is looked for in the same section, then in `[DEFAULT]`.
 */
export const getOption = (
  config: ParsedConfig,
  section: string,
  key: string
): Result.Result<RawOption | undefined, SyntaxMistake> => {
  const own = section === "DEFAULT" ? undefined : config.sections.get(section)
  if (own === undefined && section !== "DEFAULT") return Result.succeed(undefined)
  const at = (name: string) => own?.get(name) ?? config.defaults.get(name)
  const found = at(key)
  if (found === undefined) return Result.succeed(undefined)
  let problem: string | undefined
  const expand = (text: string, depth: number): string => {
    if (depth > deepest) {
      problem ??= `its %(…)s go deeper than ${deepest} levels`
      return ""
    }
    let out = ""
    let rest = text
    while (rest !== "" && problem === undefined) {
      const percent = rest.indexOf("%")
      if (percent < 0) return out + rest
      out += rest.slice(0, percent)
      rest = rest.slice(percent)
      if (rest[1] === "%") {
        out += "%"
        rest = rest.slice(2)
        continue
      }
      const name = reference.exec(rest)
      if (name?.[1] === undefined) {
        problem ??= "a % must be written as %%, or begin a reference like %(key)s"
        return ""
      }
      const value = at(name[1])?.value
      if (value === undefined) {
        problem ??= `%(${name[1]})s names a key that is neither in [${section}] nor in [DEFAULT]`
        return ""
      }
      out += value.includes("%") ? expand(value, depth + 1) : value
      rest = rest.slice(name[0].length)
    }
    return out
  }
  const value = expand(found.value, 1)
  return problem === undefined
    ? Result.succeed({ value, line: found.line })
    : Result.fail({ line: found.line, problem })
}
