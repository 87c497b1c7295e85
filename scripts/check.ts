/** check: what `npm test` runs: needs no Python, no database and no network. */
import { runSteps } from "./steps.ts"

await runSteps([
  { name: "format and lint", command: ["biome", "check"] },
  { name: "settings page", command: ["node", "scripts/generate-config-docs.ts", "--check"] },
  { name: "types", command: ["tsc"] },
  {
    name: "floating effects",
    command: [
      "effect-tsgo",
      "diagnostics",
      "--project",
      "tsconfig.json",
      "--severity",
      "error",
      "--format",
      "text"
    ]
  },
  { name: "tests", command: ["vitest", "run"], vitest: true }
])
