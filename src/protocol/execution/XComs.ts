/** XComs: what tasks leave for one another, as JSON that comes back digit by digit. */
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import * as Schema from "effect/Schema"
import { BadRequest, NotFound } from "../EdgeApi.ts"
import { AnyJson, exact } from "./ExactJson.ts"
import { ExecutionToken, ExecutionVersion } from "./ExecutionToken.ts"
import { Key, TaskUnprocessable } from "./parts.ts"

/** A key may have slashes: Airflow's own client sends them as they are, ours encodes them. */
const aKey = "/xcoms/:dag_id/:run_id/:task_id/:key" as const
const params = { dag_id: Schema.String, run_id: Schema.String, task_id: Schema.String, key: Key }
const int = Schema.optionalKey(Schema.Int)
const bool = Schema.optionalKey(Schema.Boolean)
const done = HttpApiSchema.status(201)(AnyJson)
const always = TaskUnprocessable

/** `XComResponse` */
export const XCom = Schema.Struct({ key: Schema.String, value: AnyJson })
export type XCom = typeof XCom.Type

/** `Content-Range` of a HEAD: how many mapped values there are. */
export const contentRange = (count: number): string => `map_indexes ${count}`

/** The count in such a header; undefined where it is another. */
export const countOf = (header: string): number | undefined => {
  const count = /^map_indexes (\d+)$/.exec(header)?.[1]
  return count === undefined ? undefined : Number(count)
}

/** `xcoms/…` (Airflow 3.3.2, `routes/xcoms.py`). */
export class XComsGroup extends HttpApiGroup.make("xcoms")
  .add(
    /** 404: there is none; Airflow's supervisor gives its task null then. */
    HttpApiEndpoint.get("get", aKey, {
      params,
      query: { map_index: int, include_prior_dates: bool, offset: int },
      success: exact(XCom),
      error: [NotFound, always]
    }),
    HttpApiEndpoint.post("set", aKey, {
      params,
      query: {
        map_index: int,
        /** This value is the result of the whole run. */
        dag_result: bool,
        /** How many tasks a downstream `expand` makes of it. 400: too many. */
        mapped_length: int
      },
      payload: exact(AnyJson),
      success: done,
      error: [BadRequest, NotFound, always]
    }),
    HttpApiEndpoint.delete("remove", aKey, {
      params,
      query: { map_index: int },
      success: AnyJson,
      error: [NotFound, always]
    }),
    HttpApiEndpoint.head("count", aKey, {
      params,
      query: { map_index: int },
      success: HttpApiSchema.WithHeaders(HttpApiSchema.Empty(200), { "content-range": Schema.String }),
      error: [BadRequest, NotFound, always]
    }),
    /** One of the mapped values, from the end where the offset is negative. */
    HttpApiEndpoint.get("item", `${aKey}/item/:offset`, {
      params: { ...params, offset: Schema.Int },
      success: exact(AnyJson),
      error: [NotFound, always]
    }),
    /** Python's slice of the mapped values. */
    HttpApiEndpoint.get("slice", `${aKey}/slice`, {
      params,
      query: { start: int, stop: int, step: int, include_prior_dates: bool },
      success: exact(Schema.Array(AnyJson)),
      error: [NotFound, always]
    })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}
