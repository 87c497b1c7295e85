/** ManagementConfig: where the site's management API is, what opens it, and how connections to it are made. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { AirflowConfig } from "../config/AirflowConfig.ts"
import { ConfigInvalid } from "../config/ConfigInvalid.ts"
import type { EdgeSettings } from "../config/EdgeConfig.ts"
import { managementSettings } from "../config/managementSettings.ts"
import { settingsReader } from "../config/SettingsReader.ts"
import { type Setting, settings } from "../config/settings.ts"
import { optional } from "../config/settingTypes.ts"
import { unknownOwnKeys } from "../config/unknownOwnKeys.ts"
import { ConfigSources } from "../platform/ConfigSources.ts"

/** What opens the management API. */
export type Credential =
  | { readonly _tag: "Token"; readonly token: Redacted.Redacted }
  | { readonly _tag: "Password"; readonly user: string; readonly password: Redacted.Redacted }
  /** For a site that lets everyone in. */
  | { readonly _tag: "None" }

/** What the command line gives; it comes before what is configured. */
export interface GivenCredential {
  readonly token?: Redacted.Redacted | undefined
  readonly user?: string | undefined
  readonly password?: Redacted.Redacted | undefined
}

type Connections = Pick<
  EdgeSettings,
  "apiSslCert" | "apiSslCaFile" | "clientSslCert" | "clientSslKey" | "clientUsePublicCerts"
>

/** The settings of the management commands. */
export interface ManagementSettings extends Connections {
  /** The site's root, with a `/` at its end: `https://site/prefix/`. */
  readonly url: URL
  readonly credential: Credential
  /** What the operator should know. Never holds a secret. */
  readonly warnings: ReadonlyArray<string>
}

/** Read from Airflow's configuration; needs no shared secret, which a machine that only manages does not have. */
export class ManagementConfig extends Context.Service<ManagementConfig, ManagementSettings>()(
  "edge-worker/management/ManagementConfig"
) {
  static readonly layer = (given: GivenCredential = {}) => Layer.effect(ManagementConfig, read(given))
}

const endOfApiUrl = /\/edge_worker\/v1\/rpcapi\/*$/
const { managementPassword, managementToken, managementUrl, managementUser } = managementSettings
const apiUrlIfSet: Setting<string | undefined> = { ...settings.apiUrl, type: optional(settings.apiUrl.type) }

/** The root as a folder, so that what stands below it can be resolved against it. */
const rootOf = (text: string): URL => {
  const url = new URL(text)
  return new URL(`${url.pathname.replace(/\/*$/, "")}/`, url)
}

const read = Effect.fnUntraced(function* (given: GivenCredential) {
  const config = yield* AirflowConfig
  const reader = settingsReader(config, yield* ConfigSources, undefined)
  const { mistakes, warnings } = reader
  const value = <A>(setting: Setting<A>) => Effect.map(reader.read(setting), Option.getOrUndefined)
  const missing = (setting: Setting<unknown>, allowed: string) =>
    mistakes.push({ key: `[${setting.section}] ${setting.key}`, where: "", read: "nothing", allowed })

  const address = yield* Effect.gen(function* () {
    const own = yield* value(managementUrl)
    if (own !== undefined || mistakes.length > 0) return own
    const apiUrl = yield* value(apiUrlIfSet)
    if (apiUrl === undefined && mistakes.length === 0) {
      missing(
        managementUrl,
        "it must be set to the site's address, as https://airflow.example.org, or [edge] api_url"
      )
    }
    if (apiUrl === undefined) return undefined
    if (!endOfApiUrl.test(apiUrl)) {
      missing(managementUrl, "it must be set because [edge] api_url does not end in /edge_worker/v1/rpcapi")
    }
    return apiUrl.replace(endOfApiUrl, "")
  })

  /** Nothing is looked up that is not needed: a lookup may run a command. */
  const credential = yield* Effect.gen(function* (): Effect.fn.Return<Credential> {
    if (given.token !== undefined) return { _tag: "Token", token: given.token }
    const byFlags = given.user !== undefined || given.password !== undefined
    const token = byFlags ? undefined : yield* value(managementToken)
    if (token !== undefined && Redacted.value(token).trim() !== "") {
      return { _tag: "Token", token: Redacted.make(Redacted.value(token).trim(), { label: "token" }) }
    }
    const user = given.user ?? (yield* value(managementUser))
    if (user === undefined) {
      if (given.password !== undefined)
        missing(managementUser, "it must be set, or --user: a password is given")
      return { _tag: "None" }
    }
    const password = given.password ?? (yield* value(managementPassword))
    if (password === undefined && mistakes.length === 0) {
      missing(managementPassword, "it must be set, or --password-file: there is a user without a password")
    }
    return password === undefined ? { _tag: "None" } : { _tag: "Password", user, password }
  })

  const connections = {
    apiSslCert: yield* value(settings.apiSslCert),
    apiSslCaFile: yield* value(settings.apiSslCaFile),
    clientSslCert: yield* value(settings.clientSslCert),
    clientSslKey: yield* value(settings.clientSslKey),
    clientUsePublicCerts: (yield* value(settings.clientUsePublicCerts)) ?? true
  }
  mistakes.push(...unknownOwnKeys(config))
  if (mistakes.length > 0 || address === undefined) return yield* new ConfigInvalid({ mistakes })
  return {
    url: rootOf(address),
    credential,
    ...connections,
    warnings: [...warnings]
  } satisfies ManagementSettings
})
