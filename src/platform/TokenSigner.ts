/** TokenSigner: signs a fresh token for each request to the site with `[api_auth] jwt_secret`. */

import { createHmac, createSecretKey, randomUUID } from "node:crypto"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
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
   *
   * Signed here and not by `jose`, which verifies: its way through WebCrypto and the thread pool was a tenth of what a task
   * without Python costs (bench/native.ts), as each request has a token of its own.
   */
  static readonly layer = Layer.effect(
    TokenSigner,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const lifeSeconds = Duration.toSeconds(config.jwtLeeway)
      const key = createSecretKey(Buffer.from(Redacted.value(config.jwtSecret), "utf8"))
      const digest = config.jwtAlgorithm.replace("HS", "sha")
      const header = base64url({ alg: config.jwtAlgorithm, typ: "JWT" })
      return {
        sign: (method: string, nowMillis: number) =>
          Effect.sync(() => {
            const id = randomUUID().replaceAll("-", "")
            const payload = claims({ id, method, nowMillis, lifeSeconds, issuer: config.jwtIssuer })
            const signed = `${header}.${base64url(payload)}`
            const signature = createHmac(digest, key).update(signed).digest("base64url")
            return Redacted.make(`${signed}.${signature}`, { label: "jwt" })
          })
      }
    })
  )
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value), "utf8").toString("base64url")
