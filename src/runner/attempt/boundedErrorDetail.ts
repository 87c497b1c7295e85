/** boundedErrorDetail: an error of a task in exactly the form that the site's page can show, and no larger than that. */
import type { SecretsMasker } from "./SecretsMasker.ts"

const mostStacks = 20
const mostFrames = 60
const mostNotes = 20
const deepestGroup = 3
/** Characters of a message, and of any other text. */
const longest = { value: 16_384, name: 1_024 }

/** One error, as structlog's `ExceptionDictTransformer` writes it. */
interface Stack {
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
  readonly exceptions: ReadonlyArray<ReadonlyArray<Stack>>
}

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null

const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/**
 * `undefined` where the value is no `error_detail`: the page maps over the list and over the `frames` of each, and shows
 * nothing of the whole log where one of them is no list. Every text goes through the masker.
 */
export const boundedErrorDetail = (
  value: unknown,
  masker: SecretsMasker
): ReadonlyArray<Stack> | undefined => {
  let left = mostStacks
  const text = (of: unknown, most = longest.name) =>
    typeof of === "string" ? masker.redactText(of, most) : ""
  const frame = (of: unknown) => {
    const { filename, lineno, name }: Fields = isFields(of) ? of : {}
    return { filename: text(filename), lineno: typeof lineno === "number" ? lineno : -1, name: text(name) }
  }
  const read = (of: unknown, depth: number): ReadonlyArray<Stack> | undefined => {
    const stacks = list(of).slice(0, Math.max(left, 0))
    if (stacks.length === 0) return undefined
    const found: Array<Stack> = []
    for (const stack of stacks) {
      if (!isFields(stack) || !Array.isArray(stack["frames"])) return undefined
      left -= 1
      const inner = depth < deepestGroup ? list(stack["exceptions"]).slice(0, mostStacks) : []
      found.push({
        exc_type: text(stack["exc_type"]),
        exc_value: text(stack["exc_value"], longest.value),
        exc_notes: list(stack["exc_notes"])
          .slice(0, mostNotes)
          .map((note) => text(note)),
        syntax_error: null,
        is_cause: stack["is_cause"] === true,
        frames: stack["frames"].slice(-mostFrames).map(frame),
        is_group: stack["is_group"] === true,
        exceptions: inner.map((of) => read(of, depth + 1)).filter((of) => of !== undefined)
      })
    }
    return found
  }
  return read(value, 0)
}
