/** Which names a worker can have. */
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { nameProblem, WorkerName } from "../../src/protocol/WorkerName.ts"

describe("a worker's name", () => {
  it.each(["edge-1", "ü 中 😀", "a%20b", "a?b#c\\d", "😀".repeat(64), "..."])("%j is good", (name) => {
    expect(nameProblem(name)).toBeUndefined()
    expect(Schema.is(WorkerName)(name)).toBe(true)
  })

  it.each([
    ["", "is empty"],
    ["a/b", "must not contain '/'"],
    [".", "must not be '.'"],
    ["..", "must not be '..'"],
    ["x".repeat(65), "has 65 characters"],
    ["a\nb", "control characters"],
    ["a\ud800", "not valid Unicode"]
  ])("%j is refused", (name, problem) => {
    expect(nameProblem(name)).toContain(problem)
    expect(() => Schema.decodeSync(WorkerName)(name)).toThrow(problem)
  })
})
