/** RequestRefused: a request that does not fit its declaration, as FastAPI answers it. */
import type { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import * as SchemaIssue from "effect/SchemaIssue"
import { Unprocessable } from "../protocol/EdgeApi.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const where = { Params: "path", Headers: "header", Query: "query", Payload: "body" } as const

const nameOf = (part: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof part === "object" ? part.key : part
  return typeof key === "symbol" ? String(key) : key
}

/** `undefined` where our own answer is what does not fit: that is no mistake of the request. */
export const unprocessable = ({ cause, kind }: HttpApiSchemaError): Unprocessable | undefined => {
  if (kind === "Body" || kind === "ResponseHeaders") return undefined
  const detail = format(cause.issue).issues.map(({ message, path = [] }) => ({
    loc: [where[kind], ...path.map(nameOf)],
    msg: message,
    type: "value_error"
  }))
  return new Unprocessable({ detail })
}
