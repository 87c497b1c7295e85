/** Makes `src/runner/generated/pythonHost.ts` of `src/runner/python/host.py`, so that every form of the package has it. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const runner = join(import.meta.dirname, "..", "src", "runner")

/** The module's text for the Python source. */
export const embedded = (python: string): string =>
  `/** pythonHost: the text of \`python/host.py\`; made by \`node scripts/embed-python-host.ts\`, not by hand. */
export const pythonHost = ${JSON.stringify(python)}
`

if (import.meta.main) {
  const python = readFileSync(join(runner, "python", "host.py"), "utf8")
  writeFileSync(join(runner, "generated", "pythonHost.ts"), embedded(python))
}
