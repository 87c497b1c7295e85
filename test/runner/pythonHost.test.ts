/** The embedded Python host is the one that stands in python/host.py. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { embedded } from "../../scripts/embed-python-host.ts"

const runner = join(import.meta.dirname, "..", "..", "src", "runner")

it("generated/pythonHost.ts is current (make it with `node scripts/embed-python-host.ts`)", () => {
  const python = readFileSync(join(runner, "python", "host.py"), "utf8")
  assert.strictEqual(readFileSync(join(runner, "generated", "pythonHost.ts"), "utf8"), embedded(python))
})
