/** errorDetail: what went wrong in a task, as the `error_detail` that Airflow's page shows below a line of a task's log. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Option from "effect/Option"
import { logValue } from "./logValue.ts"
import { type ErrorFrame, stackFrames } from "./stackFrames.ts"

/** One error, as structlog's `ExceptionDictTransformer` writes it for Airflow 3.3.2 (`sdk/_shared/logging/structlog.py`). */
export interface ErrorStack {
  readonly exc_type: string
  readonly exc_value: string
  /** Of a tagged error: its further fields, a line each. */
  readonly exc_notes: ReadonlyArray<string>
  readonly syntax_error: null
  /** It is what caused the one before it. */
  readonly is_cause: boolean
  readonly frames: ReadonlyArray<ErrorFrame>
  /** It stands for several, which `exceptions` has. */
  readonly is_group: boolean
  readonly exceptions: ReadonlyArray<ErrorDetail>
}

/** An error, then what caused it, then what caused that. */
export type ErrorDetail = ReadonlyArray<ErrorStack>

/** Characters of a message: twice what the log shows, where the worker hides secrets that the log's own cut divides. */
const longestText = 32_768
/** Causes of an error, errors of a group, groups in groups: what a page can still show. */
const mostCauses = 10
const mostErrors = 20
const deepestGroup = 3
/** The fields of every error, which are told elsewhere. */
const usual = new Set(["message", "stack", "cause", "errors", "name", "_tag"])

/** Reads what may be a getter that throws, or a proxy. */
const field = (of: object, key: PropertyKey): unknown => {
  try {
    return Reflect.get(of, key)
  } catch {
    return undefined
  }
}

const cut = (text: string): string =>
  text.length <= longestText
    ? text
    : `${text.slice(0, longestText).toWellFormed()}… (${text.length} characters)`

const textOf = (value: unknown): string => {
  if (typeof value === "string") return cut(value)
  const shown = logValue(value)
  return cut(typeof shown === "string" ? shown : (JSON.stringify(shown) ?? ""))
}

/** The name that tells most: of a tagged error its tag, of a class that has not set its name the class's. */
const typeOf = (error: Error): string => {
  const tag = field(error, "_tag")
  if (typeof tag === "string" && tag !== "") return cut(tag)
  const name = field(error, "name")
  if (typeof name === "string" && name !== "" && name !== "Error") return cut(name)
  const made = field(error, "constructor")
  return typeof made === "function" && typeof made.name === "string" && made.name !== ""
    ? cut(made.name)
    : "Error"
}

const ownFields = (error: Error): ReadonlyArray<readonly [string, unknown]> =>
  Object.keys(error)
    .filter((key) => !usual.has(key))
    .slice(0, mostErrors)
    .map((key) => [key, field(error, key)])

interface Described {
  readonly stack: ErrorStack
  readonly cause: unknown
}

const plain = (exc_type: string, exc_value: string): ErrorStack => ({
  exc_type,
  exc_value,
  exc_notes: [],
  syntax_error: null,
  is_cause: false,
  frames: [],
  is_group: false,
  exceptions: []
})

/** Airflow's page shows the group alone, so its text names what is in it. */
const group = (of: ErrorStack, errors: ReadonlyArray<unknown>, depth: number): ErrorStack => {
  const exceptions =
    depth < deepestGroup ? errors.slice(0, mostErrors).map((error) => detail(error, depth + 1)) : []
  const names = exceptions
    .map(([first]) => (first === undefined ? "" : `${first.exc_type}: ${first.exc_value}`.slice(0, 300)))
    .join("; ")
  const text = `${of.exc_value}${of.exc_value === "" ? "" : " "}(${errors.length} errors${names === "" ? "" : `: ${names}`})`
  return { ...of, exc_value: cut(text), is_group: true, exceptions }
}

const describeError = (error: Error, depth: number): Described => {
  const exc_type = typeOf(error)
  const message = textOf(field(error, "message") ?? "")
  const fields = ownFields(error)
  // A tagged error often says everything in its fields and nothing in its message.
  const exc_value = message === "" && fields.length > 0 ? textOf(Object.fromEntries(fields)) : message
  const stack = field(error, "stack")
  const head = ["name", "message"].map((key) => logValue(field(error, key))).join(": ")
  const described: ErrorStack = {
    ...plain(exc_type, exc_value),
    exc_notes: message === "" ? [] : fields.map(([key, value]) => `${key}: ${textOf(value)}`),
    frames: typeof stack === "string" ? stackFrames(stack, head) : []
  }
  const errors = field(error, "errors")
  return {
    stack: Array.isArray(errors) && errors.length > 0 ? group(described, errors, depth) : described,
    cause: field(error, "cause")
  }
}

/** The names of the Effects that a failure came through, which its own stack does not know. */
const effectFrames = (reason: Cause.Reason<unknown>): ReadonlyArray<ErrorFrame> => {
  const frames: Array<ErrorFrame> = []
  let frame = Option.getOrUndefined(Context.getOption(Cause.reasonAnnotations(reason), Cause.StackTrace))
  for (; frame !== undefined && frames.length < mostErrors; frame = frame.parent) {
    const { name } = frame
    const [found] = stackFrames(`    ${(frame.stack() ?? "").trim()}`, "")
    if (found !== undefined) frames.unshift({ ...found, name })
  }
  return frames
}

const ofReason = (reason: Cause.Reason<unknown>, depth: number): ErrorDetail => {
  if (reason._tag === "Interrupt") return [plain("Interrupted", "it was asked to end")]
  const [first, ...causes] = detail(reason._tag === "Fail" ? reason.error : reason.defect, depth)
  return first === undefined
    ? []
    : [{ ...first, frames: [...effectFrames(reason), ...first.frames] }, ...causes]
}

const ofCause = (cause: Cause.Cause<unknown>, depth: number): ErrorDetail => {
  const failed = cause.reasons.filter((reason) => reason._tag !== "Interrupt")
  const [only, ...others] = failed.length > 0 ? failed : cause.reasons.slice(0, 1)
  if (only === undefined) return [plain("Cause", "nothing went wrong")]
  if (others.length === 0) return ofReason(only, depth)
  const several = plain("Cause", "several things went wrong")
  return [
    group(
      several,
      failed.map((reason) => Cause.fromReasons([reason])),
      depth
    )
  ]
}

const detail = (error: unknown, depth: number): ErrorDetail => {
  const found: Array<ErrorStack> = []
  const seen = new Set<unknown>()
  let next: unknown = error
  while (next !== undefined && next !== null && found.length < mostCauses && !seen.has(next)) {
    seen.add(next)
    const is_cause = found.length > 0
    if (Cause.isCause(next)) {
      found.push(...ofCause(next, depth).map((stack, at) => (at === 0 ? { ...stack, is_cause } : stack)))
      break
    }
    if (!(next instanceof Error)) {
      found.push({ ...plain(typeof next === "object" ? "Thrown" : typeof next, textOf(next)), is_cause })
      break
    }
    const { cause, stack } = describeError(next, depth)
    found.push({ ...stack, is_cause })
    next = cause
  }
  return found
}

/**
 * The whole of an error: its causes, its group, its frames without those of Node and Effect. Takes what was thrown or
 * failed with, whatever that is, or an Effect's `Cause`. Never throws; an error without end is cut.
 */
export const errorDetail = (error: unknown): ErrorDetail => {
  try {
    const found = detail(error, 0)
    return found.length > 0 ? found : [plain(error === null ? "null" : typeof error, String(error))]
  } catch {
    // a proxy that throws whatever it is asked
    return [plain("Thrown", "(cannot be shown)")]
  }
}
