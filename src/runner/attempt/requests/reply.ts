/** reply: what the answers to a task's requests are made of. */
import type * as Effect from "effect/Effect"
import * as Json from "../../../protocol/Json.ts"
import type { ErrorResponse, ErrorType, TaskAnswer, TaskRequest } from "../../../protocol/TaskComms.ts"
import type { ExecutionError } from "../ExecutionError.ts"
import type { Answer } from "../executionAnswer.ts"
import type { Sources } from "../TaskRequests.ts"
import type { XComBackendFailed } from "../XComBackend.ts"

/** The two places of an answer. */
export interface Reply {
  /** What was asked for, or that it is not there; null where there is nothing to say. */
  readonly body: TaskAnswer
  /** The request failed. */
  readonly error: ErrorResponse | null
}

/** A request by its type. */
export type Requested<Type extends TaskRequest["type"]> = Extract<TaskRequest, { readonly type: Type }>

/** One function a type: the body of the answer. */
export type Replies<Types extends TaskRequest["type"]> = {
  readonly [Type in Types]: (
    request: Requested<Type>,
    sources: Sources
  ) => Effect.Effect<unknown, ExecutionError | XComBackendFailed>
}

/** The answer itself is read: it is bounded, and its digits are kept. */
export const responseMode = "response-only"

/** What a type of Airflow's promises, with the fields given. */
export const result = <const Type extends string>(type: Type, fields: object) => ({ ...fields, type })

/** "Not there", "not allowed": in the place of what was asked for. */
export const refusedAs = (
  error: ErrorType,
  detail: Readonly<Record<string, unknown>> | null
): ErrorResponse => ({
  type: "ErrorResponse",
  error,
  detail
})

/** `OKResponse` */
export const ok = { type: "OKResponse", ok: true } as const

/** The JSON of an answer with every digit; no body at all is Python's None. */
export const json = ({ body }: Answer): unknown => (body === "" ? null : Json.parse(body))

const wrong = (what: string): never => {
  throw new TypeError(`expected ${what}`)
}

/** An object that has these keys. */
export const object = (answer: Answer, keys: ReadonlyArray<string>): Readonly<Record<string, unknown>> => {
  const value = json(answer)
  const is = typeof value === "object" && value !== null && !Array.isArray(value)
  return is && keys.every((key) => Object.hasOwn(value, key))
    ? (value as Readonly<Record<string, unknown>>)
    : wrong(`an object with ${keys.join(", ")}`)
}

/** An object as it came, as an answer of this type. */
export const answered =
  (type: string, keys: ReadonlyArray<string>) =>
  (answer: Answer): Readonly<Record<string, unknown>> =>
    result(type, object(answer, keys))

/** An array as it came. */
export const array = (answer: Answer): ReadonlyArray<unknown> => {
  const value = json(answer)
  return Array.isArray(value) ? value : wrong("an array")
}

/** A whole number. */
export const int = (answer: Answer): number => {
  const value = json(answer)
  return typeof value === "number" && Number.isSafeInteger(value) ? value : wrong("a whole number")
}

/** An object or null. */
export const objectOrNull = (answer: Answer, keys: ReadonlyArray<string>) =>
  json(answer) === null ? null : object(answer, keys)

/** Whatever it says, as long as it is the site's and no gateway's page. */
export const noted = (answer: Answer): null => {
  json(answer)
  return null
}

/** Without what is null or undefined, as Airflow's client leaves it out. */
export const given = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)) as {
    [Key in keyof T]?: Exclude<T[Key], null | undefined>
  }

/** A map index is sent where the task instance is mapped. */
export const mapped = (index: number | null | undefined): { readonly map_index?: number } =>
  index === null || index === undefined || index < 0 ? {} : { map_index: index }
