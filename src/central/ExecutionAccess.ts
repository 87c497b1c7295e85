/** ExecutionAccess: which task speaks, whether it may speak so, and its next token before the present one ends. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { type TaskTokenClaims, TaskTokens } from "../platform/TaskTokens.ts"
import { Forbidden } from "../protocol/EdgeApi.ts"
import {
  ExecutionToken,
  ExecutionVersion,
  executionApiVersion,
  refreshedToken,
  TokenTask
} from "../protocol/execution/ExecutionToken.ts"
import { Unauthorized } from "../protocol/ManagementApi.ts"

/** Whether a token ends soon: in a fifth of its life, or in 30 s (Airflow 3.3.2, `JWTReissueMiddleware`). */
export const endsSoon = ({ exp, iat }: Pick<TaskTokenClaims, "exp" | "iat">, nowMillis: number): boolean =>
  exp - nowMillis / 1000 <= Math.max((exp - iat) * 0.2, 30)

/** The answer, with the token that the task is to use from now on. */
export const withToken = (response: HttpServerResponse.HttpServerResponse, token: Redacted.Redacted) =>
  HttpServerResponse.setHeader(response, refreshedToken, Redacted.value(token))

/** The check of the tasks' tokens. */
const token = Layer.effect(
  ExecutionToken,
  Effect.map(TaskTokens, ({ issue, verify }) =>
    ExecutionToken.of({
      token: Effect.fnUntraced(function* (next, { credential }) {
        if (Redacted.value(credential) === "")
          return yield* new Unauthorized({ detail: "Missing auth token" })
        const now = yield* Clock.currentTimeMillis
        const claims = yield* verify(credential, now).pipe(
          Effect.catchTag("TokenRefused", ({ reason }) =>
            Effect.andThen(
              Effect.logWarning(`refused a task's token: ${reason}`),
              Effect.fail(new Forbidden({ detail: "Invalid auth token" }))
            )
          )
        )
        const id = claims.sub.toLowerCase()
        const response = yield* Effect.provideService(next, TokenTask, { id, scope: claims.scope })
        return claims.scope === "execution" && endsSoon(claims, now)
          ? withToken(response, yield* issue(id, "execution"))
          : response
      })
    })
  )
)

/** Whatever version is asked for, this one is spoken: newer ones only add to it. */
const version = Layer.succeed(ExecutionVersion, (next) =>
  Effect.map(next, HttpServerResponse.setHeader("airflow-api-version", executionApiVersion))
)

export const layer = Layer.merge(token, version)

const wrongScope = new Forbidden({
  detail: "Token type not allowed: the token of a workload is good for run alone"
})

/** Who speaks, with a token for all that a task does. */
export const caller = Effect.flatMap(TokenTask, ({ id, scope }) =>
  scope === "execution" ? Effect.succeed(id) : Effect.fail(wrongScope)
)

const notOwn = new Forbidden({ detail: "Token subject does not match task instance ID" })

/** Only about oneself; `run` alone takes the token of a workload too. */
export const own = Effect.fnUntraced(function* (id: string, scope?: "any") {
  const task = scope === "any" ? (yield* TokenTask).id : yield* caller
  return task === id.toLowerCase() ? task : yield* notOwn
})
