/** SiteCredential: the token for the site's management API, given or exchanged for user and password. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { ManagementConfig } from "./ManagementConfig.ts"
import { type ManagementFailed, managementFailed } from "./ManagementError.ts"
import * as SiteAsk from "./SiteAsk.ts"

/** Where to set a credential. */
export const howToGive =
  "give a token with --token-file FILE or AIRFLOW__EDGE_WORKER__MANAGEMENT_TOKEN, or a user with --user NAME --password-file FILE"

/** The token, fetched when it is first needed and kept until the site no longer takes it. */
export class SiteCredential extends Context.Service<
  SiteCredential,
  {
    readonly token: Effect.Effect<Redacted.Redacted, ManagementFailed>
    /** A fresh token in place of one that was refused; `none` where there is only that one. */
    readonly renewed: Effect.Effect<Option.Option<Redacted.Redacted>, ManagementFailed>
    /** The user in whose name the site notes changes, where we know it. */
    readonly user: string | undefined
  }
>()("edge-worker/management/SiteCredential") {
  static readonly layer: Layer.Layer<SiteCredential, never, ManagementConfig | HttpClient.HttpClient> =
    Layer.effect(
      SiteCredential,
      Effect.gen(function* () {
        const { credential, url } = yield* ManagementConfig
        const http = yield* HttpClient.HttpClient
        if (credential._tag === "Token") {
          return { token: Effect.succeed(credential.token), renewed: Effect.succeedNone, user: undefined }
        }
        const kept = yield* Ref.make<Option.Option<Redacted.Redacted>>(Option.none())
        const at = new URL("auth/token", url)
        // Airflow 3.3.2: POST in every auth manager; GET where simple_auth_manager_all_admins is set.
        const request =
          credential._tag === "Password"
            ? HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(at), {
                username: credential.user,
                password: Redacted.value(credential.password)
              })
            : HttpClientRequest.get(at)
        const fresh = SiteAsk.ask(at, http.execute(request)).pipe(
          Effect.provideService(HttpClient.HttpClient, http),
          Effect.flatMap((answer) => tokenOf(answer, at, credential._tag === "Password")),
          Effect.tap((token) => Ref.set(kept, Option.some(token)))
        )
        return {
          token: Effect.flatMap(Ref.get(kept), Option.match({ onNone: () => fresh, onSome: Effect.succeed })),
          renewed: Effect.asSome(fresh),
          user: credential._tag === "Password" ? credential.user : undefined
        }
      })
    )
}

const decodeToken = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ access_token: Schema.NonEmptyString }))
)

const tokenOf = (
  answer: SiteAsk.Answer,
  at: URL,
  withPassword: boolean
): Effect.Effect<Redacted.Redacted, ManagementFailed> => {
  const { body, status } = answer
  if (status >= 200 && status < 300) {
    return Option.match(decodeToken(body), {
      onNone: () =>
        Effect.fail(
          managementFailed(
            "unreachable",
            `${SiteAsk.shown(at)} answers, but not with a token: is ${SiteAsk.setting} the site's?`
          )
        ),
      onSome: ({ access_token }) => Effect.succeed(Redacted.make(access_token, { label: "token" }))
    })
  }
  const says = SiteAsk.detail(answer)
  const words = says === undefined ? "" : `; the site says: ${says}`
  if (withPassword && status !== 404 && status !== 405 && status >= 400 && status < 500) {
    return Effect.fail(
      managementFailed("credentials", `the site refuses this user and password (HTTP ${status})${words}`)
    )
  }
  // A site that wants a password has no GET there, or forbids it.
  if (!withPassword && status >= 400 && status < 500) {
    return Effect.fail(managementFailed("credentials", `the site wants a credential: ${howToGive}`))
  }
  return Effect.fail(SiteAsk.unexpected(answer, at))
}
