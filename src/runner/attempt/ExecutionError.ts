/** ExecutionError: what a request to the Execution API can fail with. */
import * as Schema from "effect/Schema"

/** The site has answered, in its own words, that it does not do this. The same request has no use. */
export class ExecutionRefused extends Schema.TaggedError<ExecutionRefused>()("ExecutionRefused", {
  /** "run", "heartbeat", "GetXCom", … */
  operation: Schema.String,
  /** 4xx; null where the request could not even be written. */
  status: Schema.NullOr(Schema.Int),
  /** For a person; bounded, without a token. */
  reason: Schema.String,
  /** The JSON of the answer: `{"detail": …}`. */
  body: Schema.Unknown
}) {
  override get message() {
    return `${this.operation}: ${this.reason}`
  }
}

/** There was no answer of the site's: an outage, however it looks. The same request may be taken later. */
export class ExecutionUnavailable extends Schema.TaggedError<ExecutionUnavailable>()("ExecutionUnavailable", {
  operation: Schema.String,
  /** Where there was an answer. */
  status: Schema.NullOr(Schema.Int),
  /** What was seen and the likely cause, for a person. */
  reason: Schema.String,
  /** The JSON of the answer where there was one; else null. */
  body: Schema.Unknown
}) {
  override get message() {
    return `${this.operation}: ${this.reason}`
  }
}

/** Whatever a request can fail with. */
export type ExecutionError = ExecutionRefused | ExecutionUnavailable

/** A key of an object that came from the site; undefined where it is none or has none. */
export const field = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined

/** A text in the answer's `detail`, such as `reason` or `previous_state`. */
export const detailOf = ({ body }: ExecutionError, key: string): string | undefined => {
  const value = field(field(body, "detail"), key)
  return typeof value === "string" ? value : undefined
}
