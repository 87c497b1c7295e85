/** The real worker through seeded histories of faults; a failing one prints its events and how to replay it. */
import { assert, describe, it } from "@effect/vitest"
import { Matrix } from "./matrix.ts"
import { format, simulate } from "./simulate.ts"

/** Fewer where another tool runs these again and again. */
const seeds = Number(process.env["SIMULATION_SEEDS"] ?? 1200)

describe("simulation", () => {
  it(`${seeds} histories: nothing lost, doubled, reported wrongly or left behind`, {
    timeout: 180_000
  }, () => {
    const matrix = new Matrix()
    for (let seed = 0; seed < seeds; seed++) {
      const result = simulate(seed)
      matrix.add(result.matrix)
      if (result.violations.length > 0) {
        assert.fail(`${format(result)}\nnpm run simulate -- --from ${seed} --seeds 1 replays it`)
      }
    }
    if (seeds >= 1200) {
      assert.deepStrictEqual(matrix.below(5), [], "a fault that no longer reaches its step")
    }
  })

  it("the same seed gives the same history", () => {
    for (const seed of [3, 17, 99]) assert.deepStrictEqual(simulate(seed).history, simulate(seed).history)
  })
})
