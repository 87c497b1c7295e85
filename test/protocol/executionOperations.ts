/** executionOperations: the operations of the Execution API that concern a worker, and its fixture of them. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import type { Operations } from "./openApiFacts.ts"

export const executionFixture = join(import.meta.dirname, "fixtures", "execution-api-2026-06-30.json")

const Document = Schema.fromJsonString(
  Schema.Struct({ paths: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Unknown)) })
)

/** Tests of connections never reach an edge worker; `ping` is `health` for machines. */
const left = /^\/(?:connection-tests\/|health\/ping$)/

/** Of a published document. */
export const executionOperations = (document: string): Operations =>
  Object.entries(Schema.decodeUnknownSync(Document)(document).paths)
    .filter(([path]) => !left.test(path))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => [method, path] as const))

/** The committed document, as text. */
export const executionDocument = (): string => readFileSync(executionFixture, "utf8")
