/** How `npm run mutate` runs a file of tests: with the copies of the worker that have the changes in them. */
import { readFileSync } from "node:fs"
import { defineConfig } from "vitest/config"
import { copiesFile } from "./scripts/mutation/changes.ts"

const copies = new Map<string, string>(Object.entries(JSON.parse(readFileSync(copiesFile, "utf8"))))

export default defineConfig({
  plugins: [{ name: "copies", enforce: "pre", load: (id) => copies.get(id) }],
  test: {
    include: ["test/worker/*.test.ts", "test/fuzz/*.test.ts", "test/simulation/simulation.test.ts"],
    env: { SIMULATION_SEEDS: "40", EDGE_WORKER_FUZZ_SHRINK: "no" },
    runner: "./scripts/mutation/runner.ts",
    // The runner has limits of its own, and goes through many changes in one test.
    testTimeout: 10 * 3_600_000,
    // It goes by the files on disk, and would bring back the copies of an earlier run, whose changes have other numbers.
    fsModuleCache: false,
    reporters: ["dot"],
    maxWorkers: 1
  }
})
