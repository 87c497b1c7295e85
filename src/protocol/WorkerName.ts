/** WorkerName: which names a worker can have on the wire. */
import * as Schema from "effect/Schema"

/** What is wrong with a worker's name and what to do, or `undefined` where it is good. */
export const nameProblem = (name: string): string | undefined => {
  if (name === "") return "the worker's name is empty: give one with -H"
  if ([...name].length > 64) {
    return `the worker's name has ${[...name].length} characters, the site keeps at most 64: give a shorter one with -H`
  }
  if (name.includes("/"))
    return "the worker's name must not contain '/': it stands in the path of each request"
  if (name === "." || name === "..")
    return `the worker's name must not be '${name}': it stands in the path of each request`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return "the worker's name must not contain control characters"
  return name.isWellFormed() ? undefined : "the worker's name is not valid Unicode"
}

/** A worker's name: one segment of a path, at most 64 characters (edge3 5.1.0, `models/edge_worker.py`). */
export const WorkerName = Schema.String.check(Schema.makeFilter((name) => nameProblem(name)))
