/** readCentralSettings: all of a central's settings at once, with the checks that need more than one of them. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { ConfigSources } from "../platform/ConfigSources.ts"
import { SecretFile } from "../platform/SecretFile.ts"
import { exposure, isLoopback, trustedPeers } from "../platform/TrustedPeers.ts"
import { AirflowConfig } from "./AirflowConfig.ts"
import type { CentralSettings, OidcSettings } from "./CentralConfig.ts"
import { ConfigInvalid, type Mistake } from "./ConfigInvalid.ts"
import { centralSection, centralSettings } from "./centralSettings.ts"
import { settingsReader } from "./SettingsReader.ts"
import type { Setting } from "./settings.ts"
import { unknownOwnKeys } from "./unknownOwnKeys.ts"
import { weakness } from "./weakSecret.ts"

/** What comes before the configured values. */
export interface CentralCommandLine {
  readonly stateFolder?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly databaseUrl?: Redacted.Redacted | undefined
  readonly allowRawWorkloads?: boolean | undefined
}

type Settings = typeof centralSettings
type Values = { readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer A> ? A : never }

const ownKeys = Object.values(centralSettings)
  .filter(({ section }) => section === centralSection)
  .map(({ key }) => key)

const isComplete = (values: Partial<Values>): values is Values =>
  Object.keys(centralSettings).every((name) => name in values)

const nothing = (key: string, allowed: string): Mistake => ({ key, where: "", read: "nothing", allowed })

/** The algorithms that a public key can check: a shared one would let whoever knows the public key sign. */
const asymmetric = /^(?:RS|PS|ES)(?:256|384|512)$|^EdDSA$|^Ed25519$/

const networkChecks = (
  { host, tlsCert, trustedProxy }: Partial<Values>,
  commandLine: CentralCommandLine
): ReadonlyArray<Mistake> => {
  const mistakes: Array<Mistake> = []
  const where = commandLine.host === undefined ? "" : "--host"
  const at = commandLine.host ?? host
  if (at !== undefined && trustedProxy !== undefined) {
    const problem = exposure({ host: at, tlsCert, trustedProxy })
    if (problem !== undefined)
      mistakes.push({ key: `[${centralSection}] host`, where, read: JSON.stringify(at), allowed: problem })
  }
  const peers = trustedPeers(trustedProxy ?? [])
  if ("wrong" in peers) {
    const read = JSON.stringify(peers.wrong.join(", "))
    const allowed = "it must be an address, or a network as in 10.0.0.0/8"
    mistakes.push({ key: `[${centralSection}] trusted_proxy`, where: "", read, allowed })
  }
  return mistakes
}

const crossChecks = (values: Partial<Values>): ReadonlyArray<Mistake> => {
  const mistakes: Array<Mistake> = []
  const { jwtSecret, oidcAlgorithms = [], oidcVerifier, trustedJwksUrl } = values
  if ("tlsCert" in values && "tlsKey" in values && !values.tlsCert !== !values.tlsKey) {
    const [set, unset] = values.tlsCert ? ["cert", "key"] : ["key", "cert"]
    const name = `[${centralSection}] tls_`
    mistakes.push(nothing(`${name}${unset}`, `it must be set because ${name}${set} is`))
  }
  if (jwtSecret !== undefined && trustedJwksUrl === undefined) {
    const text = Redacted.value(jwtSecret)
    const problem = weakness(text)
    if (problem !== undefined) {
      const read = `(secret, ${text.length} characters)`
      const allowed = `${problem}: anybody could sign requests. Without it a good one is made`
      mistakes.push({ key: "[api_auth] jwt_secret", where: "", read, allowed })
    }
  }
  if (trustedJwksUrl === undefined) return mistakes
  const keys = new URL(trustedJwksUrl)
  if (keys.protocol === "http:" && !isLoopback(keys.hostname.replace(/^\[|\]$/g, ""))) {
    mistakes.push({
      key: "[edge] trusted_jwks_url",
      where: "",
      read: JSON.stringify(trustedJwksUrl),
      allowed:
        "it must begin with https: whoever can change what comes over a network in the clear would be every worker"
    })
  }
  if (oidcVerifier !== undefined) {
    mistakes.push({
      key: "[edge] jwt_verifier",
      where: "",
      read: JSON.stringify(oidcVerifier),
      allowed: `a Python function cannot be asked here: say who may be which worker with [${centralSection}] worker_rules`
    })
  }
  if ("oidcIssuer" in values && values.oidcIssuer === undefined && values.workerRules?.length === 0) {
    mistakes.push(
      nothing(
        "[edge] jwt_issuer",
        `it or [${centralSection}] worker_rules must be set because [edge] trusted_jwks_url is, otherwise any token signed by the JWKS is accepted`
      )
    )
  }
  const shared = oidcAlgorithms.filter((name) => !asymmetric.test(name))
  if ("oidcAlgorithms" in values && (oidcAlgorithms.length === 0 || shared.length > 0)) {
    mistakes.push({
      key: "[edge] jwt_algorithm",
      where: "",
      read: JSON.stringify(oidcAlgorithms.join(",")),
      allowed:
        "it must name algorithms with a public key, as RS256, PS512, ES384 or EdDSA, separated by commas"
    })
  }
  return mistakes
}

const oidcOf = (values: Values): OidcSettings | undefined =>
  values.trustedJwksUrl === undefined
    ? undefined
    : {
        jwksUrl: values.trustedJwksUrl,
        issuer: values.oidcIssuer,
        audience: values.oidcAudience,
        algorithms: values.oidcAlgorithms,
        leeway: values.oidcLeeway,
        rules: values.workerRules
      }

/** The settings, or every mistake in one `ConfigInvalid`. Only then is a secret made, so that a mistake leaves nothing. */
export const readCentralSettings = Effect.fn("CentralConfig.read")(function* (
  commandLine: CentralCommandLine
) {
  const config = yield* AirflowConfig
  const sources = yield* ConfigSources
  const { mistakes, read, warnings } = settingsReader(config, sources, undefined)
  const entries: Array<[string, unknown]> = []
  for (const [name, setting] of Object.entries<Setting<unknown>>(centralSettings)) {
    const value = yield* read(setting)
    if (Option.isSome(value)) entries.push([name, value.value])
  }
  // Complete if and only if no mistake was remembered, which is looked at before the values are used.
  const values = Object.fromEntries(entries) as Partial<Values>
  mistakes.push(
    ...unknownOwnKeys(config, ownKeys, centralSection),
    ...crossChecks(values),
    ...networkChecks(values, commandLine)
  )
  if (mistakes.length > 0 || !isComplete(values)) return yield* new ConfigInvalid({ mistakes })
  const {
    oidcAlgorithms: _a,
    oidcAudience: _b,
    oidcIssuer: _c,
    oidcLeeway: _d,
    oidcVerifier: _e,
    ...rest
  } = values
  const { jwtSecret, publicUrl, trustedJwksUrl: _f, workerRules: _g, ...settings } = rest
  const home = `${config.home}${config.home.endsWith("/") ? "" : "/"}`
  const stateFolder = commandLine.stateFolder ?? settings.stateFolder ?? `${home}edge-central`
  const made =
    jwtSecret === undefined ? yield* (yield* SecretFile).readOrMake(stateFolder, "jwt-secret") : undefined
  const secret = jwtSecret ?? made?.secret ?? Redacted.make("")
  const weak = made === undefined ? undefined : weakness(Redacted.value(secret))
  if (made !== undefined && weak !== undefined) {
    const read = "a secret that cannot be used"
    const allowed = `${weak}; remove the file, and a good one is made`
    return yield* new ConfigInvalid({
      mistakes: [{ key: "the generated secret", where: made.path, read, allowed }]
    })
  }
  return {
    ...settings,
    stateFolder,
    usersFile: settings.usersFile ?? `${stateFolder}/users.json`,
    host: commandLine.host ?? settings.host,
    port: commandLine.port ?? settings.port,
    databaseUrl: commandLine.databaseUrl ?? settings.databaseUrl,
    allowRawWorkloads: commandLine.allowRawWorkloads ?? settings.allowRawWorkloads,
    publicUrl: publicUrl === undefined ? undefined : new URL(publicUrl),
    jwtSecret: secret,
    jwtSecretFile: made?.path,
    oidc: oidcOf(values),
    warnings: [...warnings]
  } satisfies CentralSettings
})
