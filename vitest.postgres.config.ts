/** The suite of `npm run test:postgres`: the central's repository on a real PostgreSQL, which it starts itself. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/postgres/**/*.test.ts"],
    globalSetup: ["test/postgres/globalSetup.ts"],
    reporters: ["default", "./scripts/closingLine.ts"],
    allowOnly: false,
    testTimeout: 60_000
  }
})
