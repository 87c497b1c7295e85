/** `npm test`: format, lint, types, floating effects, generated files and the unit tests; no Python, database or network. */
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { runSteps } from "./steps.ts"

const root = join(import.meta.dirname, "..")

/** Each writes a file that is committed, and with `--check` says whether that is current. */
const generators = readdirSync(join(root, "scripts")).filter((name) => /^generate-.*\.ts$/.test(name))

if (Number(process.versions.node.split(".")[0]) < 24 || !existsSync(join(root, "node_modules/.bin/vitest"))) {
  console.error(
    `npm test runs on the Node 24 of node_modules, but this is Node ${process.versions.node}: run \`npm ci\` with install scripts.`
  )
  process.exit(1)
}

await runSteps(
  [
    { name: "format, lint", command: ["biome", "check", "--error-on-warnings"] },
    { name: "types", command: ["tsc"] },
    {
      name: "effects",
      command: ["effect-tsgo", "diagnostics", "--project", "tsconfig.json", "--severity", "error"],
      // Without its plugin entry in tsconfig.json the checker looks at no file and is content.
      problem: (output) =>
        Number(/Checked (\d+) files/.exec(output)?.[1] ?? 0) > 0 ? undefined : "effect-tsgo checked no file"
    },
    ...generators.map((name) => ({
      name: name.slice(0, -3),
      command: [process.execPath, join("scripts", name), "--check"]
    })),
    { name: "tests", command: ["vitest", "run"], vitest: true }
  ],
  { quiet: true }
)
