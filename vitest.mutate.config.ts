/** The tests that `npm run mutate` runs against each change of the worker; few seeds, as each change runs them anew. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: process.env["MUTATE_TESTS"]?.split(",") ?? [
      "test/worker/**/*.test.ts",
      "test/simulation/simulation.test.ts"
    ],
    // A thousand workers for each change take too long, and time out on a busy machine.
    exclude: ["test/worker/HeartbeatSpread.test.ts"],
    env: { SIMULATION_SEEDS: "40" },
    // A busy machine must not look like a test that noticed.
    testTimeout: 120_000,
    // Without isolation Stryker sees which code a test runs only in the first files.
    isolate: true
  }
})
