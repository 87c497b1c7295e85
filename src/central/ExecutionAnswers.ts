/** ExecutionAnswers: how the Execution API says what went wrong, in Airflow's words. */
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Conflict, Forbidden, NotFound } from "../protocol/EdgeApi.ts"
import { Gone, TaskUnprocessable } from "../protocol/execution/parts.ts"
import * as Json from "../protocol/Json.ts"
import { answered } from "./Answer.ts"
import type { RepositoryUnavailable } from "./Repository.ts"
import type { SiteFileUnusable, VariableFixed } from "./SiteValues.ts"
import type { TaskConflict, TaskUnknown, TaskUnsupported } from "./TaskRules.ts"

/** 404 of something that is not there. */
export const absent = (message: string) => new NotFound({ detail: { reason: "not_found", message } })

/** 404 of what this central does not have at all. A 501 would be asked for again, for minutes. */
export const lacking = (what: string) =>
  new NotFound({
    detail: { reason: "not_supported", message: `this central has no ${what}: it runs single jobs` }
  })

/** Clients try again; what the database says is for the log alone. */
export const unavailable = (error: RepositoryUnavailable | SiteFileUnusable) =>
  Effect.as(Effect.logError(error.message), answered(503, "the central's store does not answer"))

export const unknown = ({ detail }: TaskUnknown) => Effect.fail(new NotFound({ detail }))
export const gone = ({ detail }: TaskUnknown) => Effect.fail(new Gone({ detail }))
export const conflict = ({ detail }: TaskConflict) => Effect.fail(new Conflict({ detail }))
export const unsupported = ({ message }: TaskUnsupported) =>
  Effect.fail(new TaskUnprocessable({ detail: { reason: "not_supported", message } }))

/** 403: whoever writes does not run, or not any more. */
export const denied = (error: TaskUnknown | TaskConflict | VariableFixed) =>
  Effect.fail(new Forbidden({ detail: { reason: "access_denied", message: error.message } }))

/** JSON as it is. */
export const json = (text: string, status = 200): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(text, { status, contentType: "application/json" })

export const exactJson = (value: unknown): HttpServerResponse.HttpServerResponse =>
  json(Json.stringify(value) ?? "null")
