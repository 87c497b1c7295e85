/** The suite of `npm run test:browser`: the central's pages in a real Chromium (EDGE_WORKER_TEST_CHROMIUM, else /usr/bin/chromium). */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    reporters: ["default", "./scripts/closingLine.ts"],
    allowOnly: false,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
