/** plainApi: an API in whose description each body of exact JSON is told by its shape instead of as a text. */
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

interface FromText {
  readonly from: Schema.Top
  readonly to: Schema.Top
}

/** What the text says; everything else as it is. */
const plain = (schema: Schema.Top): Schema.Top =>
  "from" in schema && "to" in schema && SchemaAST.isString((schema as FromText).from.ast)
    ? plain((schema as FromText).to)
    : schema

/** The same API without its middlewares; only good for its description. */
export const plainApi = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>
) => {
  let copy = HttpApi.make("plain")
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, group, successes }) => {
      const payload = [...endpoint.payload.values()].flatMap(({ schemas }) => schemas.map(plain))
      const success = [...successes].flatMap(([status, schemas]) =>
        schemas.map((schema) => {
          const told = plain(schema)
          return told === schema ? schema : HttpApiSchema.status(status)(told)
        })
      )
      const options = {
        params: endpoint.params,
        query: endpoint.query,
        ...(payload.length === 0 ? {} : { payload }),
        success,
        error: [...endpoint.error]
      }
      const one = HttpApiEndpoint.make(endpoint.method)(
        endpoint.identifier,
        endpoint.path as `/${string}`,
        options as never
      )
      // One group an endpoint: what matters is the description.
      copy = copy.add(HttpApiGroup.make(`${group.identifier}.${endpoint.identifier}`).add(one)) as never
    }
  })
  return copy
}
