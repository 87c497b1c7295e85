/** variables: the site's variables, after what the secrets backends have. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { answered, given, noted, ok, type Replies, refusedAs, responseMode, result } from "./reply.ts"

/** Each by its type (Airflow 3.3.2, `execution_time/request_handlers.py` and `api/client.py`). */
export const variables: Replies<"GetVariable" | "GetVariableKeys" | "PutVariable" | "DeleteVariable"> = {
  GetVariable: Effect.fnUntraced(function* ({ key }, { client, masker, say, secrets }) {
    const own = yield* secrets.variable(key).pipe(
      Effect.catchTag("SecretsBackendFailed", (error) =>
        error.denied
          ? Effect.fail(error)
          : Effect.as(say("warning", `a secrets backend failed: ${error.reason}`), Option.none<string>())
      ),
      Effect.result
    )
    if (own._tag === "Failure") return refusedAs("PERMISSION_DENIED", { key })
    if (Option.isSome(own.success)) {
      const value = own.success.value
      masker.addVariable(key, value)
      return result("VariableResult", { key, value })
    }
    return yield* client
      .ask({
        operation: "GetVariable",
        send: (calls) => calls.variables.get({ params: { variable_key: key }, responseMode }),
        read: answered("VariableResult", ["key", "value"])
      })
      .pipe(
        Effect.tap(({ value }) =>
          Effect.sync(() => {
            if (typeof value === "string") masker.addVariable(key, value)
          })
        ),
        Effect.catchTag("ExecutionRefused", (error) => {
          if (error.status === 404) return Effect.succeed(refusedAs("VARIABLE_NOT_FOUND", { key }))
          return error.status === 401 || error.status === 403
            ? Effect.succeed(refusedAs("PERMISSION_DENIED", { key, status_code: error.status }))
            : Effect.fail(error)
        })
      )
  }),
  GetVariableKeys: ({ limit, offset, prefix }, { client }) =>
    client.ask({
      operation: "GetVariableKeys",
      send: (calls) => calls.variables.keys({ query: given({ prefix, limit, offset }), responseMode }),
      read: answered("VariableKeysResult", ["keys", "total_entries"])
    }),
  PutVariable: ({ description, key, value }, { client }) =>
    client.ask({
      operation: "PutVariable",
      send: (calls) =>
        calls.variables.put({
          params: { variable_key: key },
          payload: { val: value, description },
          responseMode
        }),
      read: noted
    }),
  DeleteVariable: ({ key }, { client }) =>
    Effect.as(
      client.ask({
        operation: "DeleteVariable",
        send: (calls) => calls.variables.remove({ params: { variable_key: key }, responseMode }),
        read: noted
      }),
      ok
    )
}
