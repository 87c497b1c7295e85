/** The size and shape of modules: small files that say what they are for. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { repositoryFiles, root, type Source, sources } from "./sources.ts"

const all = sources()
const own = all.filter((source) => !source.generated)
const named = (list: ReadonlyArray<Source>) => list.map((source) => source.path)

/** The first paragraph of the comment that a file begins with. */
const header = (text: string): string =>
  (/^\/\*\*([\s\S]*?)(?:\*\/|\n \*\n)/.exec(text)?.[1] ?? "").replace(/\s+\*?\s*/g, " ").trim()

const saysWhatItIs = (text: string): boolean => header(text).length >= 20 && /[.!?]$/.test(header(text))

describe("a module", () => {
  it("has at most 400 lines", () => {
    expect(named(own.filter((source) => source.lines > 400))).toEqual([])
  })

  it("in another language has as few", () => {
    const others = repositoryFiles().filter((path) => /^src\/.*\.(?:py|cjs)$/.test(path))
    expect(others.length).toBeGreaterThan(2)
    const lines = (path: string) => readFileSync(join(root, path), "utf8").trimEnd().split("\n").length
    expect(others.filter((path) => lines(path) > 400)).toEqual([])
  })

  it("has 80 lines or fewer in the median", () => {
    const lines = own.map((source) => source.lines).sort((a, b) => a - b)
    expect(lines.length).toBeGreaterThan(10)
    expect(lines[Math.floor(lines.length / 2)]).toBeLessThanOrEqual(80)
  })

  it("begins with a sentence on what it is for", () => {
    expect(named(all.filter((source) => !saysWhatItIs(source.text)))).toEqual([])
    expect(saysWhatItIs("import x\n")).toBe(false)
    expect(saysWhatItIs("/** Slots */\n")).toBe(false)
  })

  it("exports at most one service", () => {
    const services = (source: Source) =>
      source.code.match(/export class \w+ extends Context\.Service\b/g)?.length ?? 0
    expect(own.some((source) => services(source) === 1)).toBe(true)
    expect(named(own.filter((source) => services(source) > 1))).toEqual([])
  })

  it("is finished: it bears no mark of unfinished work", () => {
    const marks = /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/
    expect(named(own.filter((source) => marks.test(source.text)))).toEqual([])
  })
})

describe("a test", () => {
  // The suite of test/airflow/ also runs with the Python worker, which cannot do all that ours must: `runIf(ours)`.
  it("is neither skipped nor the only one", () => {
    const off = /\b(?:it|test|describe|suite)(?:\.\w+)*\.(?:skip|only|todo|skipIf|runIf(?!\(ours\))|fails)\b/
    const tests = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" }).filter((path) =>
      path.endsWith(".test.ts")
    )
    expect(tests.length).toBeGreaterThan(5)
    expect(tests.filter((path) => off.test(readFileSync(join(root, "test", path), "utf8")))).toEqual([])
    expect(off.test(`${"it"}.skip("x")`)).toBe(true)
  })
})

describe("a folder", () => {
  it("is named for what it is about", () => {
    const vague = /(?:^|\/)(?:utils?|common|shared|helpers?|misc|lib)(?:\/|\.ts$)/i
    expect(repositoryFiles().filter((path) => vague.test(path))).toEqual([])
  })
})
