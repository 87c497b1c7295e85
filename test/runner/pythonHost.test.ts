/** The embedded programs are those that stand beside the runners. */
import { readFileSync } from "node:fs"
import { assert, it } from "@effect/vitest"
import { embedded, moduleOf } from "../../scripts/embed-python-host.ts"

for (const name of ["pythonHost", "commandSupervisor"] as const) {
  it(`generated/${name}.ts is current (make it with \`node scripts/embed-python-host.ts\`)`, () => {
    assert.strictEqual(readFileSync(moduleOf(name), "utf8"), embedded(name))
  })
}
