/** readEdgeSettings: all settings at once, with the checks that need more than one of them. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ConfigSources } from "../platform/ConfigSources.ts"
import { AirflowConfig } from "./AirflowConfig.ts"
import { ConfigInvalid } from "./ConfigInvalid.ts"
import type { CommandLineSettings, EdgeSettings } from "./EdgeConfig.ts"
import { executionApiPatience } from "./executionApiPatience.ts"
import { settingsReader } from "./SettingsReader.ts"
import { type Setting, settings } from "./settings.ts"
import { unknownOwnKeys } from "./unknownOwnKeys.ts"

type Settings = typeof settings
type Values = { readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer A> ? A : never }

const endOfApiUrl = "edge_worker/v1/rpcapi"

/** The settings, or every mistake in one `ConfigInvalid`. */
export const readEdgeSettings = Effect.fn("EdgeConfig.read")(function* (
  team: string | undefined,
  commandLine: CommandLineSettings
) {
  const config = yield* AirflowConfig
  const sources = yield* ConfigSources
  const reader = settingsReader(config, sources, team || undefined)
  const { mistakes, warnings } = reader
  const entries: Array<[string, unknown]> = []
  for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
    const value = yield* reader.read(setting)
    if (Option.isSome(value)) entries.push([name, value.value])
  }
  // Complete if and only if no mistake was remembered, which is looked at before the values are used.
  const values = Object.fromEntries(entries) as Partial<Values>
  mistakes.push(...unknownOwnKeys(config))
  crossChecks(values, reader.mistakes, warnings)
  if (!config.fileExists && config.env["AIRFLOW_CONFIG"] !== undefined) {
    warnings.add(
      `$AIRFLOW_CONFIG names ${config.path}, which does not exist: variables and defaults are used`
    )
  }
  const secret = values.jwtSecret ?? values.internalApiSecretKey
  if (mistakes.length > 0 || secret === undefined || !isComplete(values)) {
    return yield* new ConfigInvalid({ mistakes })
  }
  const { apiUrl, internalApiSecretKey: _, airflowHome, executionApiServerUrl, workerUmask, ...rest } = values
  return {
    ...rest,
    apiUrl: new URL(apiUrl),
    executionApiUrl: executionApiServerUrl ?? apiUrl.replaceAll(endOfApiUrl, "execution"),
    jwtSecret: secret,
    concurrency: commandLine.concurrency ?? rest.concurrency,
    umask: commandLine.umask ?? workerUmask,
    daemonUmask: commandLine.umask ?? workerUmask ?? rest.daemonUmask,
    python: commandLine.python ?? rest.python,
    taskProgram: commandLine.taskProgram ?? rest.taskProgram,
    executionApiPatience: yield* executionApiPatience(config),
    airflowHome: config.env["AIRFLOW_HOME"] === undefined ? (airflowHome ?? config.home) : config.home,
    warnings: [...warnings]
  } satisfies EdgeSettings
})

const isComplete = (values: Partial<Values>): values is Values =>
  Object.keys(settings).every((name) => name in values)

const crossChecks = (
  values: Partial<Values>,
  mistakes: Array<ConfigInvalid["mistakes"][number]>,
  warnings: Set<string>
) => {
  const { apiRetryWaitMax, apiRetryWaitMin, apiUrl, namespaceLevels } = values
  for (const wrong of namespaceLevels?.wrong ?? [])
    warnings.add(
      `[logging] namespace_levels: ${JSON.stringify(wrong)} is no pair of a logger and a level and is not used`
    )
  if ("jwtSecret" in values && values.jwtSecret === undefined) {
    if (values.internalApiSecretKey !== undefined) {
      warnings.add(
        "[core] internal_api_secret_key is used as the shared secret because [api_auth] jwt_secret is not set: " +
          "Airflow 3 knows only the latter, please rename it"
      )
    } else if ("internalApiSecretKey" in values) {
      const advice =
        "it must be set to the site's secret: as AIRFLOW__API_AUTH__JWT_SECRET, …_CMD or …_SECRET, or in airflow.cfg"
      // A source that was asked and gave nothing is the likely reason.
      const reasons = [...warnings].filter((text) => /jwt_secret/i.test(text))
      mistakes.push({
        key: "[api_auth] jwt_secret",
        where: "",
        read: "nothing",
        allowed: [advice, ...reasons].join("; ")
      })
    }
  }
  if (
    "clientSslCert" in values &&
    "clientSslKey" in values &&
    !values.clientSslCert !== !values.clientSslKey
  ) {
    const [set, unset] = values.clientSslCert ? ["cert", "key"] : ["key", "cert"]
    mistakes.push({
      key: `[api] client_ssl_${unset}`,
      where: "",
      read: "nothing",
      allowed: `it must be set because [api] client_ssl_${set} is`
    })
  }
  if (apiRetryWaitMin && apiRetryWaitMax && Duration.isGreaterThan(apiRetryWaitMin, apiRetryWaitMax)) {
    mistakes.push({
      key: "AIRFLOW__EDGE__API_RETRY_WAIT_MAX",
      where: "",
      read: String(Duration.toSeconds(apiRetryWaitMax)),
      allowed: `it must be at least AIRFLOW__EDGE__API_RETRY_WAIT_MIN, which is ${Duration.toSeconds(apiRetryWaitMin)}`
    })
  }
  if (apiUrl !== undefined && !apiUrl.includes(endOfApiUrl)) {
    warnings.add(`[edge] api_url does not contain ${endOfApiUrl}, which is where a site listens for workers`)
  }
}
