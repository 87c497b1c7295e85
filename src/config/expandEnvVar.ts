/** expandEnvVar: `$NAME`, `${NAME}` and a leading `~` in a value, as Airflow replaces them. */
import * as Result from "effect/Result"

/** What a value may refer to. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The home folder of a user of this machine, of our own without a name; `undefined` where there is no such user. */
  readonly homeFolder: (user?: string) => string | undefined
}

const variable = /\$([A-Za-z0-9_]+|\{[^}]*\})/g
const mostRounds = 100
const mostCharacters = 1_000_000

/** Python's `os.path.expanduser` on a POSIX system. */
const expandUser = (text: string, { env, homeFolder }: Surroundings): string => {
  if (!text.startsWith("~")) return text
  const slash = text.indexOf("/", 1)
  const end = slash < 0 ? text.length : slash
  const home = end === 1 ? (env["HOME"] ?? homeFolder()) : homeFolder(text.slice(1, end))
  return home === undefined ? text : home.replace(/\/+$/, "") + text.slice(end) || "/"
}

/**
 * Replaces variables and home folders again and again until nothing changes; a name that is not set stays as it is.
 * Fails with the reason where a variable contains itself. (`expand_env_var` in Airflow 3.3.2's
 * `airflow/_shared/configuration/parser.py`, which would not return there.)
 */
export const expandEnvVar = (value: string, surroundings: Surroundings): Result.Result<string, string> => {
  let text = value
  for (let round = 0; round < mostRounds && text.length < mostCharacters; round++) {
    const next = expandUser(
      text.replace(variable, (all, name: string) => {
        const key = name.startsWith("{") ? name.slice(1, -1) : name
        return surroundings.env[key] ?? all
      }),
      surroundings
    )
    if (next === text) return Result.succeed(text)
    text = next
  }
  return Result.fail("its $VARIABLES never come to an end: one of them contains itself")
}
