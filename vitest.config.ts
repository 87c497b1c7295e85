/** The suite of `npm test`: no Python, no database, no network. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/airflow/**", "test/signals/**", "test/browser/**", "test/postgres/**"],
    reporters: ["default", "./scripts/closingLine.ts"],
    allowOnly: false,
    testTimeout: 20_000
  }
})
