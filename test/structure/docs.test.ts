/** What is committed names no machine but its reader's, and its documents lead somewhere. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { repositoryFiles, root } from "./sources.ts"

const files = repositoryFiles().filter((path) => existsSync(join(root, path)))
const text = (path: string) => readFileSync(join(root, path), "utf8")
const texts = files
  .filter((path) => !/\.(png|woff2|ico|gz|zip)$/.test(path))
  .map((path) => ({ path, text: text(path) }))

/** Folders that exist on the machines where this was written, and hosts that packages come from. */
const machinePath = /(?:^|[^A-Za-z0-9_.\-/])\/(?:work|farm|root|tmp\/site)\/[a-z.]/
const registry =
  /\b(?:registry\.(?:npmjs\.org|yarnpkg\.com)|(?:files\.)?python[h]osted\.org|pypi\.(?:org|python\.org))/

const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-")

const anchors = (markdown: string) =>
  new Set([...markdown.matchAll(/^#{1,6}\s+(.*)$/gm)].map((found) => anchor(found[1] ?? "")))

/** The links of a document that lead to no file or heading. */
const brokenLinks = (path: string, markdown: string): ReadonlyArray<string> => {
  const prose = markdown.replace(/```[\s\S]*?```|`[^`\n]*`/g, "")
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((found) => found[1] ?? "")
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [file = "", heading] = link.split("#")
      const target = file === "" ? path : join(dirname(path), decodeURIComponent(file))
      if (!existsSync(join(root, target))) return true
      return heading !== undefined && target.endsWith(".md") && !anchors(text(target)).has(heading)
    })
    .map((link) => `${path}: ${link}`)
}

describe("a committed file", () => {
  it("names no path of the machine where it was written", () => {
    expect(texts.length).toBeGreaterThan(50)
    const lines = texts.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, at) => (machinePath.test(line) ? [`${path}:${at + 1}`] : []))
    )
    expect(lines.filter((where) => !where.startsWith("test/structure/docs.test.ts"))).toEqual([])
    expect(machinePath.test(`see ${"/work"}/main`)).toBe(true)
    expect(machinePath.test("https://example.org/work/x")).toBe(false)
  })

  it("names no package registry", () => {
    const found = texts.filter(
      ({ path, text }) => path !== "test/structure/docs.test.ts" && registry.test(text)
    )
    expect(found.map(({ path }) => path)).toEqual([])
  })
})

describe("a document", () => {
  it("links to what exists", () => {
    const documents = texts.filter(({ path }) => path.endsWith(".md"))
    expect(documents.length).toBeGreaterThan(0)
    expect(documents.flatMap(({ path, text }) => brokenLinks(path, text))).toEqual([])
  })

  it("with a broken link is found", () => {
    expect(
      brokenLinks("README.md", "[a](docs/missing.md) [b](#no-such-heading) [c](https://example.org)")
    ).toHaveLength(2)
  })
})

describe("package-lock.json", () => {
  const lock: {
    readonly packages: Readonly<
      Record<string, { readonly resolved?: string; readonly optionalDependencies?: Record<string, string> }>
    >
  } = JSON.parse(text("package-lock.json"))

  it("records no download address", () => {
    expect(Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined)).toEqual([])
  })

  it("has an entry for the binaries of every platform: without one `npm ci` refuses the file", () => {
    const wanted = Object.values(lock.packages).flatMap((entry) =>
      Object.keys(entry.optionalDependencies ?? {})
    )
    expect(wanted.length).toBeGreaterThan(10)
    expect(wanted.filter((name) => lock.packages[`node_modules/${name}`] === undefined)).toEqual([])
  })
})
