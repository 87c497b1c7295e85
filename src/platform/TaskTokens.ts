/** TaskTokens: makes the token that a task of the embedded central identifies itself with at the Execution API. */

import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SignJWT } from "jose/jwt/sign"

/** What the tokens are made of. */
export interface TaskTokenOptions {
  readonly secret: Redacted.Redacted
  /** Airflow's own: `[scheduler] task_queued_timeout`, 600 s. */
  readonly life: Duration.Duration
  readonly issuer?: string | undefined
}

/** Makes the tasks' credentials. */
export class TaskTokens extends Context.Service<
  TaskTokens,
  {
    /** A token of Airflow's scope `workload`: good for one `PATCH …/run` of this task instance, from now on. */
    readonly issue: (taskInstanceId: string) => Effect.Effect<Redacted.Redacted>
  }
>()("edge-worker/platform/TaskTokens") {
  /** HS512 over the UTF-8 bytes of the secret (Airflow 3.3.2, `JWTGenerator`, `executors/workloads/base.py`). */
  static readonly layer = ({ issuer, life, secret }: TaskTokenOptions) =>
    Layer.sync(TaskTokens, () => {
      const key = new TextEncoder().encode(Redacted.value(secret))
      return {
        issue: Effect.fnUntraced(function* (taskInstanceId: string) {
          const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
          const claims = {
            sub: taskInstanceId,
            scope: "workload",
            jti: randomUUID().replaceAll("-", ""),
            ...(issuer ? { iss: issuer } : {}),
            aud: "urn:airflow.apache.org:task",
            nbf: now,
            iat: now,
            exp: now + Math.floor(Duration.toSeconds(life))
          }
          const token = yield* Effect.promise(() =>
            new SignJWT(claims).setProtectedHeader({ alg: "HS512", typ: "JWT" }).sign(key)
          )
          return Redacted.make(token, { label: "task token" })
        })
      }
    })
}
