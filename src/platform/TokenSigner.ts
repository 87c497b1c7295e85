/** TokenSigner: signs a fresh token for each request to the site with `[api_auth] jwt_secret`. */

import { randomUUID } from "node:crypto"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SignJWT } from "jose/jwt/sign"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { claims } from "../protocol/Token.ts"

/** Makes the worker's credentials. */
export class TokenSigner extends Context.Service<
  TokenSigner,
  {
    /**
     * A token for one request whose `method` claim is `method` (see `protocol/Token`), valid from `nowMillis` on:
     * the site's time, as the site is who looks at it.
     */
    readonly sign: (method: string, nowMillis: number) => Effect.Effect<Redacted.Redacted>
  }
>()("edge-worker/platform/TokenSigner") {
  /**
   * HMAC over the UTF-8 bytes of the secret, whatever its length, as PyJWT does (Airflow 3.3.2, `JWTGenerator`).
   * The token lives `[api_auth] jwt_leeway`.
   */
  static readonly layer = Layer.effect(
    TokenSigner,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const lifeSeconds = Duration.toSeconds(config.jwtLeeway)
      const key = new TextEncoder().encode(Redacted.value(config.jwtSecret))
      return {
        sign: Effect.fnUntraced(function* (method: string, nowMillis: number) {
          const id = randomUUID().replaceAll("-", "")
          const payload = claims({ id, method, nowMillis, lifeSeconds, issuer: config.jwtIssuer })
          const token = yield* Effect.promise(() =>
            new SignJWT({ ...payload }).setProtectedHeader({ alg: config.jwtAlgorithm, typ: "JWT" }).sign(key)
          )
          return Redacted.make(token, { label: "jwt" })
        })
      }
    })
  )
}
