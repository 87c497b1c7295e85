/** stackFrames: where an error came from, as Airflow's task logs have it: the outermost call first, the failing line last. */

/** One call, as in `frames` of `error_detail`. */
export interface ErrorFrame {
  readonly filename: string
  readonly lineno: number
  readonly name: string
}

/** Beyond it the middle is left out, as in structlog's `ExceptionDictTransformer`. */
const mostFrames = 50
/** A stack is written by whoever threw: of a longer one only the beginning is read. */
const longestStack = 100_000

/** `at name (file:line:column)`, or `at file:line:column` */
const withName = /^ {4}at (?:async )?(.*?) \((.+):(\d+):\d+\)$/
const withoutName = /^ {4}at (?:async )?(.+):(\d+):\d+$/

/** What runs a program says nothing about it: Node's own files, natives, and what drives Effects. */
const machinery = /^(?:node:|internal\/|native$|<anonymous>$)|\/node_modules\/(?:effect|@effect\/[^/]+)\//

const pathOf = (location: string): string => {
  if (!location.startsWith("file://")) return location
  const path = URL.parse(location)?.pathname ?? location
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const frameOf = (line: string): ErrorFrame | undefined => {
  const named = withName.exec(line)
  const [, name, location, lineno] = named ?? ["", "<module>", ...(withoutName.exec(line)?.slice(1) ?? [])]
  if (location === undefined || machinery.test(location)) return undefined
  return { filename: pathOf(location), lineno: Number(lineno), name: name ?? "" }
}

const shortened = (frames: ReadonlyArray<ErrorFrame>): ReadonlyArray<ErrorFrame> => {
  if (frames.length <= mostFrames) return frames
  const half = mostFrames / 2
  const skipped = { filename: "", lineno: -1, name: `Skipped frames: ${frames.length - mostFrames}` }
  return [...frames.slice(0, half), skipped, ...frames.slice(-half)]
}

/** The calls in V8's `stack`; `head` is what it begins with (name and message), which may look like calls itself. */
export const stackFrames = (stack: string, head: string): ReadonlyArray<ErrorFrame> => {
  const calls = stack.startsWith(head) ? stack.slice(head.length) : stack
  const frames = calls
    .slice(0, longestStack)
    .split("\n")
    .map(frameOf)
    .filter((frame) => frame !== undefined)
  return shortened(frames.reverse())
}
