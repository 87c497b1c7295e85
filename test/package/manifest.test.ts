/** package.json: versions are exact, and everything the package promises to ship exists in the clone. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { version } from "../../src/cli/version.ts"
import { root } from "../structure/sources.ts"

const manifest: {
  readonly version: string
  readonly dependencies: Record<string, string>
  readonly devDependencies: Record<string, string>
  readonly peerDependencies: Record<string, string>
  readonly exports: Record<string, string | { readonly default: string }>
} = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

describe("package.json", () => {
  it("has the version that the command prints", () => {
    expect(version).toBe(manifest.version)
  })

  it("pins every dependency, and what users bring to the same minor", () => {
    const own = { ...manifest.dependencies, ...manifest.devDependencies }
    expect(Object.entries(own).filter(([, range]) => !/^\d+\.\d+\.\d+$/.test(range))).toEqual([])
    for (const [name, range] of Object.entries(manifest.peerDependencies))
      expect(range, name).toBe(`~${manifest.devDependencies[name]}`)
  })

  it("exports what has a source", () => {
    const entries = Object.values(manifest.exports).flatMap((each) =>
      typeof each === "string" ? [] : [each.default]
    )
    const sources = entries.map((path) => path.replace("./dist/", "src/").replace(/\.js$/, ".ts"))
    expect(sources).toHaveLength(5)
    expect(sources.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})
