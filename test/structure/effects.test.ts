/** The check for floating effects, as `npm test` runs it, finds one. */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { root } from "./sources.ts"

// in node_modules: effect must be found from there, and no other check must see the file
const cache = join(root, "node_modules", ".cache")
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, "floating-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const check = (line: string) => {
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../../../tsconfig.json", include: [], files: ["a.ts"] })
  )
  writeFileSync(join(folder, "a.ts"), `import * as Effect from "effect/Effect"\n${line}\nexport {}\n`)
  const args = ["diagnostics", "--project", join(folder, "tsconfig.json"), "--severity", "error"]
  const ended = spawnSync(join(root, "node_modules/.bin/effect-tsgo"), args, { encoding: "utf8" })
  return { status: ended.status, output: ended.stdout + ended.stderr }
}

it("an effect that nobody runs is an error", { timeout: 60_000 }, () => {
  const floating = check('Effect.log("never seen")')
  expect(floating.output).toContain("floatingEffect")
  expect(floating.output).toContain("Checked 1 files")
  expect(floating.status).not.toBe(0)
  const used = check('export const used = Effect.log("seen")')
  expect(used.output).toContain("Checked 1 files")
  expect(used.status).toBe(0)
})
