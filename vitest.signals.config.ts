/** The suite of `npm run test:signals`: every signal in every state of a worker, with real processes. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/signals/**/*.test.ts"],
    reporters: ["default", "./scripts/closingLine.ts"],
    allowOnly: false,
    maxConcurrency: 6
  }
})
