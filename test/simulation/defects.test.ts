/** Each planted defect turns a seed red. */
import { assert, describe, it } from "@effect/vitest"
import { defects } from "./defects.ts"
import { simulate } from "./simulate.ts"

/** A defect that these do not find is one that the simulation does not look for. */
const seeds = 1_000

describe("simulation finds", () => {
  it.each(defects)("$name", { timeout: 180_000 }, (defect) => {
    for (let seed = 0; seed < seeds; seed++) {
      if (simulate(seed, defect).violations.length > 0) return
    }
    assert.fail(`no seed of ${seeds} found: ${defect.name}`)
  })
})
