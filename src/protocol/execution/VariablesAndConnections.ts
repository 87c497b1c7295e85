/** VariablesAndConnections: what a site keeps for all of its tasks. */
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import * as Schema from "effect/Schema"
import { NotFound } from "../EdgeApi.ts"
import { ExecutionToken, ExecutionVersion } from "./ExecutionToken.ts"
import { Key, maybe, TaskUnprocessable } from "./parts.ts"
import { Connection, Variable } from "./RunContext.ts"

const aVariable = "/variables/:variable_key" as const
const params = { variable_key: Key }
const errors = [NotFound, TaskUnprocessable] as const
const Limit = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))
const Offset = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** `VariablePostBody` */
export const VariableBody = Schema.Struct({
  val: Schema.NullOr(Schema.String),
  description: maybe(Schema.String)
})
export type VariableBody = typeof VariableBody.Type

/** `VariableKeysResponse` */
export const VariableKeys = Schema.Struct({ keys: Schema.Array(Schema.String), total_entries: Schema.Int })
export type VariableKeys = typeof VariableKeys.Type

/** `variables/…`. A key may have slashes, and `keys` is none. */
export class VariablesGroup extends HttpApiGroup.make("variables")
  .add(
    HttpApiEndpoint.get("keys", "/variables/keys", {
      query: {
        prefix: Schema.optionalKey(Schema.String),
        limit: Schema.optionalKey(Limit),
        offset: Schema.optionalKey(Offset)
      },
      success: VariableKeys,
      error: TaskUnprocessable
    }),
    HttpApiEndpoint.get("get", aVariable, { params, success: Variable, error: errors }),
    HttpApiEndpoint.put("put", aVariable, {
      params,
      payload: VariableBody,
      success: Schema.Unknown.pipe(HttpApiSchema.status(201)),
      error: errors
    }),
    HttpApiEndpoint.delete("remove", aVariable, {
      params,
      success: HttpApiSchema.NoContent,
      error: errors
    })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}

/** `connections/…` */
export class ConnectionsGroup extends HttpApiGroup.make("connections")
  .add(
    HttpApiEndpoint.get("get", "/connections/:connection_id", {
      params: { connection_id: Key },
      success: Connection,
      error: errors
    })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}
