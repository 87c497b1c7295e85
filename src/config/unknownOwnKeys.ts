/** unknownOwnKeys: keys of our own section that do not exist; a typing error there would otherwise be silent. */
import type * as Context from "effect/Context"
import type { AirflowConfig } from "./AirflowConfig.ts"
import type { Mistake } from "./ConfigInvalid.ts"
import { didYouMean } from "./didYouMean.ts"
import { allSettings, ownSection } from "./settings.ts"

const ownSettings = allSettings.filter(({ section }) => section === ownSection)
const workerKeys = ownSettings.map(({ key }) => key)
/** Where a secret may come from instead. */
const pointers = ownSettings
  .filter(({ secret }) => secret)
  .flatMap(({ key }) => [`${key}_cmd`, `${key}_secret`])

/** One mistake for each, from the file and from the environment, also a team's. */
export const unknownOwnKeys = (
  config: Context.Service.Shape<typeof AirflowConfig>,
  ownKeys: ReadonlyArray<string> = workerKeys,
  own: string = ownSection
): ReadonlyArray<Mistake> => {
  const ownVariable = new RegExp(`^AIRFLOW__(?:.+___)?${own.toUpperCase()}__(.+)$`)
  const unknown = (key: string, written: string, where: string): ReadonlyArray<Mistake> => {
    if (ownKeys.includes(key) || (own === ownSection && pointers.includes(key))) return []
    const near = didYouMean(key, ownKeys)
    const advice = near === undefined ? `there are ${ownKeys.join(", ")}` : `did you mean ${near}?`
    return [{ key: `[${own}] ${written}`, where, read: "a key that does not exist", allowed: advice }]
  }
  const inFile = [...config.file.sections].flatMap(([section, options]) =>
    section === own || section.endsWith(`=${own}`)
      ? [...options].flatMap(([key, { line }]) => unknown(key, key, `${config.path}, line ${line}`))
      : []
  )
  const inEnvironment = Object.keys(config.env).flatMap((name) => {
    const key = ownVariable.exec(name)?.[1]
    // A variable's name is in capitals, or it is not the one that is looked up.
    return key === undefined ? [] : unknown(key === key.toUpperCase() ? key.toLowerCase() : key, key, name)
  })
  return [...inFile, ...inEnvironment]
}
