/** The table "who may import whom" holds, and the tests that guard it can fail. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { importProblems, layerProblems, platformServices } from "./importRules.ts"
import { describeSource, root, sources } from "./sources.ts"

const all = sources()

/** The files behind package.json's `exports`: what a user imports has to stand in one place. */
const entries = [
  ...readFileSync(join(root, "package.json"), "utf8").matchAll(/"default": "\.\/dist\/(.*)\.js"/g)
].map((found) => `${found[1]}.ts`)

describe("imports", () => {
  it("are those that the table allows", () => {
    expect(all.length).toBeGreaterThan(10)
    expect(all.flatMap(importProblems)).toEqual([])
  })

  it("of the machine's layers happen in cli/ and testing/ only", () => {
    const services = platformServices(all)
    expect(services.size).toBeGreaterThan(0)
    expect(all.flatMap((source) => layerProblems(source, services))).toEqual([])
  })

  it("go through no barrel but the package's entries", () => {
    expect(entries).toContain("index.ts")
    const barrels = all
      .filter((source) => !entries.includes(source.path))
      .filter((source) => /^export\s+(type\s+)?(\*|\{[^}]*\})\s+(as\s+\w+\s+)?from\s/m.test(source.code))
    expect(barrels.map((source) => source.path)).toEqual([])
  })

  it("of index.ts give at most 20 names", () => {
    const code = all.find((source) => source.path === "index.ts")?.code ?? ""
    const names = [...code.matchAll(/export\s+(?:type\s+)?\{([^}]*)\}/g)]
      .flatMap((found) => (found[1] ?? "").split(","))
      .filter((name) => name.trim() !== "")
    expect(names.length).toBeGreaterThan(0)
    expect(names.length).toBeLessThanOrEqual(20)
    expect(code).not.toMatch(/export\s+\*/)
  })
})

describe("the rules themselves", () => {
  const problems = (path: string, text: string) => importProblems(describeSource(path, text)).length

  it.each([
    ["worker/A.ts", 'import { X } from "../central/X.ts"'],
    ["central/A.ts", 'import type { X } from "../worker/X.ts"'],
    ["protocol/A.ts", 'import * as Fs from "node:fs"'],
    ["protocol/A.ts", 'import {\n  a,\n  b\n} from "../config/B.ts"'],
    ["protocol/A.ts", 'export * from "msgpackr"'],
    ["task/A.ts", 'import type { X } from "../runner/X.ts"'],
    ["task/A.ts", 'import * as Fs from "node:fs"'],
    ["runner/A.ts", 'const x = await import("node:fs")'],
    ["runner/A.ts", 'export { x } from "../worker/X.ts"'],
    ["worker/A.ts", 'import * as N from "@effect/platform-node/NodeServices"'],
    ["worker/A.ts", 'import { Effect } from "effect"'],
    ["worker/A.ts", 'import "../cli/main.ts"'],
    ["worker/A.ts", 'import { X } from "./B"'],
    ["shared/A.ts", ""]
  ])("refuse, in %s, %s", (path, text) => expect(problems(path, text)).toBeGreaterThan(0))

  it.each([
    ["worker/A.ts", 'import { X } from "../runner/X.ts"\nimport * as Effect from "effect/Effect"'],
    ["platform/A.ts", 'import { readFileSync } from "node:fs"'],
    ["worker/A.ts", '// import { X } from "../central/X.ts"\nconst s = "import x from node"'],
    ["runner/A.ts", 'import { X } from "../task/X.ts"'],
    ["protocol/A.ts", 'import { HttpApi } from "effect/http-api"']
  ])("accept, in %s, %s", (path, text) => expect(problems(path, text)).toBe(0))

  it("see a layer of the platform", () => {
    const services = new Set(["FileTail"])
    const built = (path: string, text: string) => layerProblems(describeSource(path, text), services).length
    expect(built("worker/A.ts", "Layer.provide(FileTail.layer)")).toBe(1)
    expect(built("worker/A.ts", 'import { layerHttp } from "../platform/Http.ts"')).toBe(1)
    expect(built("worker/A.ts", "yield* FileTail")).toBe(0)
    expect(built("cli/A.ts", "Layer.provide(FileTail.layer)")).toBe(0)
  })
})
