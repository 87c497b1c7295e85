/** connections: the site's connections, after what the secrets backends have; the log never shows their secrets. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ConnectionFields } from "../SecretsBackends.ts"
import { answered, type Replies, refusedAs, responseMode, result } from "./reply.ts"

/** By its type (Airflow 3.3.2, `execution_time/request_handlers.py` and `api/client.py`). */
export const connections: Replies<"GetConnection"> = {
  GetConnection: Effect.fnUntraced(function* ({ conn_id }, sources) {
    const { client, masker, say, secrets } = sources
    const own = yield* secrets.connection(conn_id).pipe(
      Effect.catchTag("SecretsBackendFailed", (error) =>
        error.denied
          ? Effect.fail(error)
          : Effect.as(
              say("warning", `a secrets backend failed: ${error.reason}`),
              Option.none<ConnectionFields>()
            )
      ),
      Effect.result
    )
    if (own._tag === "Failure") return refusedAs("PERMISSION_DENIED", { conn_id })
    if (Option.isSome(own.success)) {
      masker.addConnection(own.success.value)
      return result("ConnectionResult", own.success.value)
    }
    return yield* client
      .ask({
        operation: "GetConnection",
        send: (calls) => calls.connections.get({ params: { connection_id: conn_id }, responseMode }),
        read: answered("ConnectionResult", ["conn_id", "conn_type"])
      })
      .pipe(
        Effect.tap((found) =>
          Effect.sync(() =>
            masker.addConnection({
              password: typeof found["password"] === "string" ? found["password"] : null,
              extra: typeof found["extra"] === "string" ? found["extra"] : null
            })
          )
        ),
        Effect.catchTag("ExecutionRefused", (error) => {
          if (error.status === 404) return Effect.succeed(refusedAs("CONNECTION_NOT_FOUND", { conn_id }))
          return error.status === 401 || error.status === 403
            ? Effect.succeed(refusedAs("PERMISSION_DENIED", { conn_id, status_code: error.status }))
            : Effect.fail(error)
        })
      )
  })
}
