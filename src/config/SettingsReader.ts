/** SettingsReader: reads settings one by one and remembers every mistake and warning on the way. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ConfigSources } from "../platform/ConfigSources.ts"
import { type AirflowConfig, variableName } from "./AirflowConfig.ts"
import type { Mistake } from "./ConfigInvalid.ts"
import { describe, type Lookup, type Where } from "./Lookup.ts"
import { ownSections, type Setting } from "./settings.ts"

const longest = 200
const nowhere: Lookup = { found: undefined, notes: [] }

/** What was read, fit for a message: a secret by its length only, an address without its password. */
const shown = (value: string | undefined, secret: boolean) => {
  if (value === undefined) return "nothing"
  if (secret) return `(secret, ${value.length} characters)`
  const safe = value.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1…@")
  return JSON.stringify(safe.length > longest ? `${safe.slice(0, longest)}…` : safe)
}

/** A reader for one worker; `mistakes` and `warnings` grow with each setting that is read. */
export const settingsReader = (
  config: Context.Service.Shape<typeof AirflowConfig>,
  sources: Context.Service.Shape<typeof ConfigSources>,
  team: string | undefined
) => {
  const mistakes: Array<Mistake> = []
  const warnings = new Set<string>()

  /** The hidden variables of edge3 are read by `os.getenv`: nothing in them is replaced. */
  const variable = (names: ReadonlyArray<string>, fallback: string | undefined): Lookup => {
    const name = names.find((name) => config.env[name] !== undefined)
    const value = name === undefined ? fallback : config.env[name]
    const where: Where = name === undefined ? { _tag: "Default" } : { _tag: "Variable", name }
    return value === undefined ? nowhere : { found: { value, where }, notes: [] }
  }

  /** With a team: its own value first, then the one without a team, where Airflow goes on to the default at once. */
  const find = Effect.fnUntraced(function* ({
    default: fallback,
    key,
    onlyVariables,
    section
  }: Setting<unknown>) {
    if (onlyVariables !== undefined) return variable(onlyVariables, fallback)
    if (team !== undefined) {
      const own = yield* config.lookup(section, key, team)
      if (own.found !== undefined && own.found.where._tag !== "Default") return own
    }
    return yield* config.lookup(section, key)
  })

  /** The value of a setting, and where it was found; `none` after a mistake, which is remembered. */
  const read = Effect.fnUntraced(function* <A>(setting: Setting<A>) {
    const { key, secret = false, section, type } = setting
    const name = `[${section}] ${key}`
    const looked = yield* Effect.catch(find(setting), ({ problem, where }) =>
      Effect.sync(() => {
        const read = secret ? "a secret that cannot be used" : "a value that cannot be used"
        mistakes.push({ key: name, where, read, allowed: problem })
        return undefined
      })
    )
    if (looked === undefined) return Option.none<A>()
    const { found, notes } = looked
    for (const note of notes) warnings.add(note)
    const where = found === undefined ? "" : describe(found.where)
    let value = found?.value
    if (value?.includes("{AIRFLOW_HOME}")) {
      // Airflow replaces it in its own defaults only; our section has no other reader, so there it means what it says.
      if (ownSections.includes(section)) value = value.replaceAll("{AIRFLOW_HOME}", config.home)
      else
        warnings.add(`${name} (${where}): Airflow does not replace {AIRFLOW_HOME} here; write $AIRFLOW_HOME`)
    }
    if (secret && found?.where._tag === "Command" && /\s$/.test(found.value)) {
      warnings.add(
        `${name} is ${where} with the line end that it printed, as in Airflow; use echo -n or printf`
      )
    }
    const mistake = (allowed: string) => {
      mistakes.push({ key: name, where, read: shown(value, secret), allowed })
      return Option.none<A>()
    }
    const decoded = type.decode(value)
    if (Option.isNone(decoded)) {
      return mistake(
        found === undefined
          ? `it must be set: in airflow.cfg or as ${variableName(section, key)}, to ${type.words}`
          : `it must be ${type.words}`
      )
    }
    if (type.namesFile && value) {
      const problem = yield* Effect.match(sources.checkReadable(value), {
        onSuccess: () => undefined,
        onFailure: ({ problem }) => problem
      })
      if (problem !== undefined) return mistake(`it must be ${type.words}: ${problem}`)
    }
    return decoded
  })

  return { read, mistakes, warnings }
}
