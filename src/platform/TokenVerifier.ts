/** TokenVerifier: checks the token of a worker's request, as Airflow 3.3.2's `JWTValidator` does. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { JOSENotSupported, JWKSMultipleMatchingKeys, JWKSNoMatchingKey, JWTInvalid } from "jose/errors"
import { createRemoteJWKSet } from "jose/jwks/remote"
import { type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from "jose/jwt/verify"
import { CentralConfig, type CentralSettings, type OidcSettings } from "../config/CentralConfig.ts"

/** Not to be trusted. `reason` is for the central's own log: it would tell an attacker what to change. */
export class TokenRefused extends Schema.TaggedError<TokenRefused>()("TokenRefused", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** The provider's keys cannot be had: nobody knows whether the token is good. */
export class KeysUnavailable extends Schema.TaggedError<KeysUnavailable>()("KeysUnavailable", {
  reason: Schema.String
}) {
  override get message() {
    return `the keys of [edge] trusted_jwks_url: ${this.reason}`
  }
}

/** What a good token says. */
export type TokenClaims = Readonly<Record<string, unknown>>

/** Knows which tokens are good. */
export class TokenVerifier extends Context.Service<
  TokenVerifier,
  {
    /** `method` is the path of the request as `protocol/Token` writes it; a provider's tokens do not name it. */
    readonly verify: (
      token: Redacted.Redacted,
      method: string,
      nowMillis: number
    ) => Effect.Effect<TokenClaims, TokenRefused | KeysUnavailable>
  }
>()("edge-worker/platform/TokenVerifier") {
  /** The shared secret, or the identity provider where one is configured. */
  static readonly layer = Layer.effect(
    TokenVerifier,
    Effect.map(CentralConfig, (settings) =>
      settings.oidc === undefined ? bySecret(settings) : byProvider(settings.oidc)
    )
  )
}

const refused = (cause: unknown) =>
  new TokenRefused({ reason: cause instanceof Error ? cause.message : "the token cannot be read" })

/** PyJWT refuses a token that was issued in the future; jose looks at `iat` only for its age. */
const issuedBy = (claims: TokenClaims, nowMillis: number, leeway: number) => {
  const { iat } = claims
  return typeof iat === "number" && iat <= Math.floor(nowMillis / 1000) + leeway
    ? Effect.succeed(claims)
    : Effect.fail(new TokenRefused({ reason: "the token was issued in the future" }))
}

const bySecret = ({ jwtAlgorithms, jwtIssuers, jwtLeeway, jwtSecret }: CentralSettings) => {
  const key = new TextEncoder().encode(Redacted.value(jwtSecret))
  const leeway = Duration.toSeconds(jwtLeeway)
  const options: JWTVerifyOptions = {
    algorithms: [...jwtAlgorithms],
    audience: "api",
    requiredClaims: ["exp", "iat", "nbf"],
    clockTolerance: leeway,
    ...(jwtIssuers.length > 0 ? { issuer: [...jwtIssuers] } : {})
  }
  return TokenVerifier.of({
    verify: Effect.fnUntraced(function* (token, method, nowMillis) {
      const { payload } = yield* Effect.tryPromise({
        try: () => jwtVerify(Redacted.value(token), key, { ...options, currentDate: new Date(nowMillis) }),
        catch: refused
      })
      const claims = yield* issuedBy(payload, nowMillis, leeway)
      if (claims["method"] !== method) {
        return yield* new TokenRefused({ reason: "the token is for another method than the one called" })
      }
      return claims
    })
  })
}

/** Fetched when they are needed, and anew when a token names another one. */
const providerKeys = (url: string): JWTVerifyGetKey => {
  const keys = createRemoteJWKSet(new URL(url))
  return async (header, token) => {
    // Airflow's own rule; without a name jose would take any key that fits.
    if (header.kid === undefined) throw new JWTInvalid("the token names no key")
    try {
      return await keys(header, token)
    } catch (error) {
      const ofToken =
        error instanceof JWKSNoMatchingKey ||
        error instanceof JWKSMultipleMatchingKeys ||
        error instanceof JOSENotSupported
      throw ofToken ? error : new KeysUnavailable({ reason: String(error) })
    }
  }
}

const byProvider = ({ algorithms, audience, issuer, jwksUrl, leeway }: OidcSettings) => {
  const keys = providerKeys(jwksUrl)
  const tolerance = Duration.toSeconds(leeway)
  const options: JWTVerifyOptions = {
    algorithms: [...algorithms],
    requiredClaims: ["exp", "iat"],
    clockTolerance: tolerance,
    ...(audience === undefined ? {} : { audience }),
    ...(issuer === undefined ? {} : { issuer })
  }
  return TokenVerifier.of({
    verify: Effect.fnUntraced(function* (token, _method, nowMillis) {
      const { payload } = yield* Effect.tryPromise({
        try: () => jwtVerify(Redacted.value(token), keys, { ...options, currentDate: new Date(nowMillis) }),
        catch: (cause) => (cause instanceof KeysUnavailable ? cause : refused(cause))
      })
      if (audience === undefined && payload.aud !== undefined)
        return yield* new TokenRefused({
          reason: "the token names an audience, and [edge] jwt_audience is not set"
        })
      return yield* issuedBy(payload, nowMillis, tolerance)
    })
  })
}
