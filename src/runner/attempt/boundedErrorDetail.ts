/** boundedErrorDetail: an error of a task in exactly the form that the site's page can show, and no larger than that. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { SecretsMasker } from "./SecretsMasker.ts"

const Text = Schema.optionalKey(Schema.NullOr(Schema.String))

const Frame = Schema.Struct({
  filename: Text,
  lineno: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  name: Text
})

/** `Stack` of structlog's tracebacks. The page maps over `frames` and stops working where that is no list. */
const Stack = Schema.Struct({
  exc_type: Text,
  exc_value: Text,
  exc_notes: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))),
  is_cause: Schema.optionalKey(Schema.Boolean),
  frames: Schema.Array(Frame),
  is_group: Schema.optionalKey(Schema.Boolean),
  exceptions: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Unknown)))
})

const decode = Schema.decodeUnknownOption(Schema.NonEmptyArray(Stack))

const mostStacks = 20
const mostFrames = 60
const mostNotes = 20
const deepestGroup = 3
const longest = { value: 16_384, name: 1_024 }

interface Written {
  readonly exc_type: string
  readonly exc_value: string
  readonly exc_notes: ReadonlyArray<string>
  readonly syntax_error: null
  readonly is_cause: boolean
  readonly frames: ReadonlyArray<{
    readonly filename: string
    readonly lineno: number
    readonly name: string
  }>
  readonly is_group: boolean
  readonly exceptions: ReadonlyArray<ReadonlyArray<Written>>
}

/** `undefined` where the value is no `error_detail`. Every text goes through the masker. */
export const boundedErrorDetail = (
  value: unknown,
  masker: SecretsMasker
): ReadonlyArray<Written> | undefined => {
  let left = mostStacks
  const short = (text: string | null | undefined) => masker.redactText(text ?? "", longest.name)
  const read = (of: unknown, depth: number): ReadonlyArray<Written> | undefined => {
    const stacks = Option.getOrUndefined(decode(of))
    return stacks?.slice(0, Math.max(left, 0)).map((stack) => {
      left -= 1
      const group = depth < deepestGroup ? (stack.exceptions ?? []) : []
      return {
        exc_type: short(stack.exc_type),
        exc_value: masker.redactText(stack.exc_value ?? "", longest.value),
        exc_notes: (stack.exc_notes ?? []).slice(0, mostNotes).map(short),
        syntax_error: null,
        is_cause: stack.is_cause ?? false,
        frames: stack.frames.slice(-mostFrames).map(({ filename, lineno, name }) => ({
          filename: short(filename),
          lineno: lineno ?? -1,
          name: short(name)
        })),
        is_group: stack.is_group ?? false,
        exceptions: group.map((inner) => read(inner, depth + 1) ?? []).filter((inner) => inner.length > 0)
      }
    })
  }
  return read(value, 0)
}
