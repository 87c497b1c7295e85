/** TaskRequestFailed and NotFound: what a task's request can come to besides an answer. */
import * as Data from "effect/Data"
import type { ErrorType } from "../protocol/TaskComms.ts"

const inside = (detail: Readonly<Record<string, unknown>>) =>
  typeof detail["detail"] === "object" && detail["detail"] !== null
    ? (detail["detail"] as Readonly<Record<string, unknown>>)
    : undefined

const reason = (detail: Readonly<Record<string, unknown>>): string | undefined => {
  const inner = inside(detail)
  if (inner !== undefined) return reason(inner)
  return typeof detail["reason"] === "string" ? detail["reason"] : undefined
}

/** FastAPI's `detail` is a text, or an object with a `message`; the attempt adds `status_code` (`comms.ErrorResponse`). */
const text = (detail: Readonly<Record<string, unknown>>): string => {
  const { message, reason, detail: inner } = detail
  const object = inside(detail)
  if (object !== undefined) return text(object)
  const said = [reason, message, inner].filter((part) => typeof part === "string")
  return said.length === 0 && Object.keys(detail).length > 0 ? JSON.stringify(detail) : said.join(": ")
}

/** The site refused, or could not be asked. */
export class TaskRequestFailed extends Data.TaggedError("TaskRequestFailed")<{
  /** The request's type: `PutVariable`, … */
  readonly request: string
  readonly error: ErrorType
  /** What the site or the attempt said of it. */
  readonly detail: Readonly<Record<string, unknown>>
}> {
  /** The reason that the site named, as one word: `unmappable_return_value_length`, … */
  get refusedFor(): string | undefined {
    return reason(this.detail)
  }
  override get message() {
    const said = text(this.detail)
    return `${this.request} failed: ${this.error}${said === "" ? "" : `: ${said}`}`
  }
}

/** It is not there. */
export class NotFound extends Data.TaggedError("NotFound")<{
  /** `variable "x"`, `XCom "return_value" of the task seed`, … */
  readonly what: string
}> {
  override get message() {
    return `there is no ${this.what}`
  }
}

/** What came is not what the schema describes. */
export class UnexpectedValue extends Data.TaggedError("UnexpectedValue")<{
  readonly what: string
  readonly problem: string
}> {
  override get message() {
    return `${this.what} is not what was expected: ${this.problem}`
  }
}

/** Whatever a task's request can fail with. */
export type RequestError = TaskRequestFailed | NotFound | UnexpectedValue
