/** AirflowConfig: one source of settings that looks in the environment and airflow.cfg in exactly Airflow's order. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { ConfigSources } from "../platform/ConfigSources.ts"
import { ConfigInvalid } from "./ConfigInvalid.ts"
import { getOption, type ParsedConfig, parse } from "./ConfigParser.ts"
import { expandEnvVar } from "./expandEnvVar.ts"
import { describe, type Lookup, LookupFailed, type Place, type Where } from "./Lookup.ts"

/** What Airflow knows of a key before anything is read. */
export interface KnownKey {
  readonly section: string
  readonly key: string
  /** May hold `{AIRFLOW_HOME}`: Airflow replaces it in its own defaults, and nowhere else. */
  readonly default?: string | undefined
  /** Only these keys may come from a command or a secrets backend. */
  readonly secret?: boolean | undefined
  /** Its former `[section] key`, still read after the present one of the same source. */
  readonly formerly?: { readonly section: string; readonly key: string } | undefined
}

/** The name of a key's variable: `AIRFLOW__SECTION__KEY`, or `AIRFLOW__TEAM___SECTION__KEY`. */
export const variableName = (section: string, key: string, team?: string) =>
  `AIRFLOW__${team ? `${team.toUpperCase()}___` : ""}${section.replaceAll(".", "_").toUpperCase()}__${key.toUpperCase()}`

/** The configuration of the Airflow whose worker this is. */
export class AirflowConfig extends Context.Service<
  AirflowConfig,
  {
    /** `$AIRFLOW_HOME`, else `~/airflow`. */
    readonly home: string
    /** `$AIRFLOW_CONFIG`, else `airflow.cfg` in `home`. */
    readonly path: string
    /** The file; empty where there is none. */
    readonly file: ParsedConfig
    readonly fileExists: boolean
    readonly env: Readonly<Record<string, string | undefined>>
    /**
     * What Airflow's `conf.get(section, key, team_name=team)` returns, and where it stands: environment, file, command,
     * secret, default. With a team the keys without one are not looked at, as in Airflow.
     */
    readonly lookup: (section: string, key: string, team?: string) => Effect.Effect<Lookup, LookupFailed>
    /** The same through Effect's `Config`: a path of two is a section and a key, a path of one a plain variable. */
    readonly provider: ConfigProvider.ConfigProvider
  }
>()("edge-worker/config/AirflowConfig") {
  /**
   * Reads the file once; fails where its syntax is wrong, with every mistake and its line.
   * `python`: the interpreter given on the command line, through which a secrets backend is asked.
   */
  static readonly layer = (
    known: ReadonlyArray<KnownKey>,
    options: { readonly python?: string | undefined } = {}
  ): Layer.Layer<AirflowConfig, ConfigInvalid, ConfigSources> =>
    Layer.effect(AirflowConfig, make(known, options.python))

  /** Makes Effect's `Config` read from here. */
  static readonly layerConfigProvider = ConfigProvider.layer(
    Effect.map(AirflowConfig, ({ provider }) => provider)
  )
}

const invalid = (key: string, where: string, allowed: string) =>
  new ConfigInvalid({ mistakes: [{ key, where, read: "a file path", allowed }] })

const make = Effect.fnUntraced(function* (known: ReadonlyArray<KnownKey>, pythonFlag: string | undefined) {
  const sources = yield* ConfigSources
  const { env } = sources
  const expand = (text: string) => expandEnvVar(text, sources)
  const pathFrom = (name: string, otherwise: string) =>
    Effect.fromResult(expand(env[name] ?? otherwise)).pipe(
      Effect.mapError((problem) => invalid(name, name, problem))
    )
  const home = yield* pathFrom("AIRFLOW_HOME", "~/airflow")
  const path = yield* pathFrom(
    "AIRFLOW_CONFIG",
    `${home}${home === "" || home.endsWith("/") ? "" : "/"}airflow.cfg`
  )
  const text = yield* Effect.mapError(sources.readFile(path), ({ problem }) =>
    invalid("airflow.cfg", path, problem)
  )
  const file = yield* Effect.fromResult(parse(text ?? "")).pipe(
    Effect.mapError(
      (mistakes) =>
        new ConfigInvalid({
          mistakes: mistakes.map(({ line, problem }) => ({
            key: "airflow.cfg",
            where: `${path}, line ${line}`,
            read: "a line",
            allowed: problem
          }))
        })
    )
  )

  const keys = new Map(known.map((key) => [`[${key.section}] ${key.key}`, key]))
  const secrets = new Set(
    known
      .filter(({ secret }) => secret)
      .flatMap(({ formerly, key, section }) =>
        [{ section, key }, ...(formerly ? [formerly] : [])].map((at) => `[${at.section}] ${at.key}`)
      )
  )
  // Found without a lookup, which may itself need it: it is never a secret.
  const namedPython =
    env[variableName("edge_worker", "python")] ?? file.sections.get("edge_worker")?.get("python")?.value
  const python = pythonFlag ?? (namedPython && Result.getOrElse(expand(namedPython), () => namedPython))

  const lookup = Effect.fnUntraced(function* (sectionInAnyCase: string, keyInAnyCase: string, team?: string) {
    const section = sectionInAnyCase.toLowerCase()
    const key = keyInAnyCase.toLowerCase()
    const name = `[${section}] ${key}`
    const here = keys.get(name)
    const notes: Array<string> = []
    const names = [{ section, key }, ...(here?.formerly ? [here.formerly] : [])]
    const isSecret = (at: { readonly section: string; readonly key: string }) =>
      secrets.has(`[${at.section}] ${at.key}`)
    const failed = (where: Where) => (problem: string) =>
      new LookupFailed({ key: name, where: describe(where), problem })
    const expanded = (value: string, where: Where) =>
      Effect.fromResult(expand(value)).pipe(
        Effect.map((value) => ({ value, where })),
        Effect.mapError(failed(where))
      )
    const command = (line: string, of: Place) =>
      sources.runCommand(line).pipe(
        Effect.map((value) => ({ value, where: { _tag: "Command" as const, of } })),
        Effect.mapError(({ problem }) => failed(of)(problem))
      )
    const secret = (path: string, of: Place) =>
      sources.resolveSecret(path, python).pipe(
        Effect.map((value) => ({ value, where: { _tag: "Secret" as const, of } })),
        Effect.mapError(({ problem }) => failed(of)(problem))
      )
    const done = (
      found: { readonly value: string; readonly where: Where },
      at: (typeof names)[number]
    ): Lookup => {
      if (at !== names[0])
        notes.push(`[${at.section}] ${at.key} is the former name of ${name}: please rename it`)
      return { found, notes }
    }
    const fromFile = (at: { readonly section: string; readonly key: string }) =>
      Result.match(getOption(file, at.section, at.key), {
        onSuccess: (option) =>
          Effect.succeed(
            option && {
              value: option.value,
              place: { _tag: "File" as const, path, ...at, line: option.line }
            }
          ),
        onFailure: ({ line, problem }) =>
          Effect.fail(
            failed({ _tag: "File", path, ...at, line })(
              // What it takes for a reference may be a part of the secret.
              isSecret(at) ? problem.replace(/%\(.*\)s/s, "%(…)s") : problem
            )
          )
      })

    for (const at of names) {
      const variable = variableName(at.section, at.key, team)
      const value = env[variable]
      if (value !== undefined) return done(yield* expanded(value, { _tag: "Variable", name: variable }), at)
      for (const [suffix, read] of [
        ["_CMD", command],
        ["_SECRET", secret]
      ] as const) {
        const pointer = env[variable + suffix]
        if (pointer === undefined) continue
        const place: Place = { _tag: "Variable", name: variable + suffix }
        if (!isSecret(at)) {
          notes.push(
            `${place.name} is not looked at: Airflow allows it only for secrets. Set ${variable} instead`
          )
          continue
        }
        const { value, where } = yield* read(pointer, place)
        if (value !== undefined) return done({ value, where }, at)
        notes.push(
          `${place.name}: the local Airflow's secrets backend has no such value, or there is no backend`
        )
      }
    }
    for (const at of names) {
      const place = at === names[0] && team ? { section: `${team}=${section}`, key } : at
      const option = yield* fromFile(place)
      if (option !== undefined) return done(yield* expanded(option.value, option.place), at)
    }
    for (const [suffix, read] of [
      ["_cmd", command],
      ["_secret", secret]
    ] as const) {
      for (const at of team ? [] : names) {
        const key = at.key + suffix
        if (!isSecret(at)) {
          if (file.sections.get(at.section)?.has(key)) {
            notes.push(`[${at.section}] ${key} is not looked at: Airflow allows it only for secrets`)
          }
          continue
        }
        const pointer = yield* fromFile({ section: at.section, key })
        if (pointer === undefined) continue
        const { value, where } = yield* read(pointer.value, pointer.place)
        if (value) return done({ value, where }, at)
        notes.push(`${describe(pointer.place)} gave nothing`)
      }
    }
    if (here?.default === undefined) return { found: undefined, notes }
    const value = here.default.replaceAll("{AIRFLOW_HOME}", home)
    return { found: yield* expanded(value, { _tag: "Default" }), notes }
  })

  const provider = ConfigProvider.make((at) => {
    const [section, key] = at
    if (section === undefined || at.length > 2) return Effect.succeed(undefined)
    if (key === undefined) {
      const value = env[String(section)]
      return Effect.succeed(value === undefined ? undefined : ConfigProvider.makeValue(value))
    }
    return lookup(String(section), String(key)).pipe(
      Effect.map(({ found }) => (found === undefined ? undefined : ConfigProvider.makeValue(found.value))),
      Effect.mapError((cause) => new ConfigProvider.SourceError({ message: cause.message, cause }))
    )
  })

  return { home, path, file, fileExists: text !== undefined, env, lookup, provider }
})
