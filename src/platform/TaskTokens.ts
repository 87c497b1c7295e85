/** TaskTokens: makes and checks the tokens that a task of the embedded central has for the Execution API. */

import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { SignJWT } from "jose/jwt/sign"
import { jwtVerify } from "jose/jwt/verify"
import { TokenRefused } from "./TokenVerifier.ts"

/** What the tokens are made of. */
export interface TaskTokenOptions {
  readonly secret: Redacted.Redacted
  /** Airflow's own: `[scheduler] task_queued_timeout`, 600 s. */
  readonly life: Duration.Duration
  readonly issuer?: string | undefined
  /** `[api_auth] jwt_leeway`, 10 s. */
  readonly leeway?: Duration.Duration
  /** Default `HS512`. */
  readonly algorithm?: string | undefined
}

/** `workload`: good for one `PATCH …/run`; `execution`: for all that a task does from then on. */
export type TaskTokenScope = "workload" | "execution"

/** What a good token says. */
export interface TaskTokenClaims {
  /** The task instance. */
  readonly sub: string
  readonly scope: TaskTokenScope
  /** Seconds since the epoch. */
  readonly iat: number
  readonly exp: number
}

const Claims = Schema.Struct({
  sub: Schema.String,
  scope: Schema.Literals(["workload", "execution"]),
  iat: Schema.Finite,
  exp: Schema.Finite
})

const audience = "urn:airflow.apache.org:task"

/** Makes and checks the tasks' credentials. */
export class TaskTokens extends Context.Service<
  TaskTokens,
  {
    /** A token for this task instance, good from now on. */
    readonly issue: (taskInstanceId: string, scope: TaskTokenScope) => Effect.Effect<Redacted.Redacted>
    readonly verify: (
      token: Redacted.Redacted,
      nowMillis: number
    ) => Effect.Effect<TaskTokenClaims, TokenRefused>
  }
>()("edge-worker/platform/TaskTokens") {
  /** HMAC over the UTF-8 bytes of the secret (Airflow 3.3.2, `JWTGenerator`, `executors/workloads/base.py`). */
  static readonly layer = ({ algorithm = "HS512", issuer, leeway, life, secret }: TaskTokenOptions) =>
    Layer.sync(TaskTokens, () => {
      const key = new TextEncoder().encode(Redacted.value(secret))
      return {
        issue: Effect.fnUntraced(function* (taskInstanceId: string, scope: TaskTokenScope) {
          const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
          const claims = {
            sub: taskInstanceId,
            scope,
            jti: randomUUID().replaceAll("-", ""),
            ...(issuer ? { iss: issuer } : {}),
            aud: audience,
            nbf: now,
            iat: now,
            exp: now + Math.floor(Duration.toSeconds(life))
          }
          const token = yield* Effect.promise(() =>
            new SignJWT(claims).setProtectedHeader({ alg: algorithm, typ: "JWT" }).sign(key)
          )
          return Redacted.make(token, { label: "task token" })
        }),
        verify: (token: Redacted.Redacted, nowMillis: number) =>
          Effect.tryPromise({
            try: () =>
              jwtVerify(Redacted.value(token), key, {
                algorithms: [algorithm],
                audience,
                requiredClaims: ["exp", "iat", "nbf", "sub"],
                clockTolerance: leeway === undefined ? 10 : Duration.toSeconds(leeway),
                currentDate: new Date(nowMillis),
                ...(issuer ? { issuer } : {})
              }),
            catch: (cause) =>
              new TokenRefused({ reason: cause instanceof Error ? cause.message : "it cannot be read" })
          }).pipe(
            Effect.flatMap(({ payload }) => Schema.decodeUnknownEffect(Claims)(payload)),
            Effect.catchTag("SchemaError", ({ message }) =>
              Effect.fail(new TokenRefused({ reason: message }))
            )
          )
      }
    })
}
