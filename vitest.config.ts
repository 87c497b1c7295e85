/** The suite of `npm test`: no Python, no database, no network. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["airflow", "browser", "postgres", "signals", "units"].map((suite) => `test/${suite}/**`),
    reporters: ["default", "./scripts/closingLine.ts"],
    allowOnly: false,
    testTimeout: 20_000
  }
})
