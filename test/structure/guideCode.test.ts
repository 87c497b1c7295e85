/** The TypeScript of the guides stands in examples/, where the compiler reads it and the package's test runs it. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { root } from "./sources.ts"

const read = (folder: string, ending: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => ({ name, text: readFileSync(join(root, folder, name), "utf8") }))

const examples = read("examples", ".ts").map(({ text }) => text)
const blocksOf = (text: string) =>
  [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((found) => found[1] ?? "")

/** The blocks that are in no example as they stand. */
const strangers = (text: string) =>
  blocksOf(text).filter((block) => !examples.some((code) => code.includes(block)))

describe("the code of a guide", () => {
  it("stands in an example", () => {
    const guides = read("docs/guides", ".md")
    expect(guides.flatMap(({ text }) => blocksOf(text)).length).toBeGreaterThan(5)
    expect(guides.flatMap(({ name, text }) => strangers(text).map((block) => `${name}: ${block}`))).toEqual(
      []
    )
  })

  it("that stands in none is found", () => {
    expect(strangers("```ts\nconst nowhere = 1\n```\n")).toHaveLength(1)
  })
})
