/** siteFlags: how a management command opens the site: its credential flags, and the site as a layer. */
import { readFileSync } from "node:fs"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { AirflowConfig } from "../../config/AirflowConfig.ts"
import { allSettings } from "../../config/settings.ts"
import { CentralClient } from "../../management/CentralClient.ts"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { type GivenCredential, ManagementConfig } from "../../management/ManagementConfig.ts"
import { SiteCredential } from "../../management/SiteCredential.ts"
import { ConfigSources } from "../../platform/ConfigSources.ts"
import * as HttpTransport from "../../platform/HttpTransport.ts"
import { failed, UsageError } from "../CommandFailed.ts"

/** Secrets come from files, stdin, variables and airflow.cfg; a command line is seen by everyone on the machine. */
export const siteFlags = {
  tokenFile: Flag.String("token-file").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("File with the site's token, - for stdin; default [edge_worker] management_token"),
    Flag.optional
  ),
  user: Flag.String("user").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("User of the site; default [edge_worker] management_user"),
    Flag.optional
  ),
  passwordFile: Flag.String("password-file").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("File with its password, - for stdin; default [edge_worker] management_password"),
    Flag.optional
  )
}

/** The values of `siteFlags`. */
export interface SiteFlags {
  readonly tokenFile: Option.Option<string>
  readonly user: Option.Option<string>
  readonly passwordFile: Option.Option<string>
}

/** The text of a file without its line end; what is wrong with it never has a part of it. */
const secretIn = (flag: string, file: string) =>
  Effect.gen(function* () {
    if (file === "-" && process.stdin.isTTY === true) {
      return yield* failed("usage", `${flag} -: stdin is a terminal, where it would be seen; pipe it in`)
    }
    const text = yield* Effect.try({
      try: () => readFileSync(file === "-" ? 0 : file, "utf8"),
      catch: (error) =>
        failed(
          "usage",
          `${flag} ${file} cannot be read (${error instanceof Error && "code" in error ? String(error.code) : "unknown"})`
        )
    })
    const secret = text.replace(/\r?\n$/, "")
    if (secret.trim() === "") return yield* failed("usage", `${flag} ${file} is empty`)
    return secret
  })

const given = Effect.fnUntraced(function* (command: string, { passwordFile, tokenFile, user }: SiteFlags) {
  if (Option.isSome(tokenFile) && (Option.isSome(user) || Option.isSome(passwordFile))) {
    return yield* new UsageError({
      command: `edge-worker ${command}`,
      problems: ["--token-file needs no --user and no --password-file: give one or the other"]
    })
  }
  const token = Option.isSome(tokenFile)
    ? (yield* secretIn("--token-file", tokenFile.value)).trim()
    : undefined
  // A line end or a blank inside would break the header, and an error might then show it.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    return yield* failed("usage", "--token-file has something else in it than one token")
  }
  const password = Option.isSome(passwordFile)
    ? yield* secretIn("--password-file", passwordFile.value)
    : undefined
  return {
    token: token === undefined ? undefined : Redacted.make(token, { label: "token" }),
    user: Option.getOrUndefined(user),
    password: password === undefined ? undefined : Redacted.make(password, { label: "password" })
  } satisfies GivenCredential
})

const transport = Layer.unwrap(
  Effect.map(ManagementConfig, (settings) => HttpTransport.layerOf({ ...settings, apiUrl: settings.url }))
)

const site = (credential: GivenCredential) =>
  Layer.merge(ManagementClient.layer, CentralClient.layer).pipe(
    Layer.provideMerge(SiteCredential.layer),
    Layer.provide(transport),
    Layer.provideMerge(ManagementConfig.layer(credential)),
    Layer.provide(AirflowConfig.layer(allSettings)),
    Layer.provide(ConfigSources.layer)
  )

/** Carries out what a management command does, on the site that flags and configuration name. */
export const onSite =
  (command: string, flags: SiteFlags) =>
  <A, E>(effect: Effect.Effect<A, E, ManagementClient | CentralClient | SiteCredential>) =>
    Effect.gen(function* () {
      const credential = yield* given(command, flags)
      return yield* Effect.gen(function* () {
        const { warnings } = yield* ManagementConfig
        for (const warning of warnings) yield* Effect.logWarning(warning)
        return yield* effect
      }).pipe(Effect.provide(site(credential)))
    })
