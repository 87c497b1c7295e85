/** Makes `src/runner/generated/*.ts` of programs that are not bundled with ours, so that every form of the package has them. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const runner = join(import.meta.dirname, "..", "src", "runner")

/** What is embedded: the name of the module, and the program. */
export const programs = {
  pythonHost: "python/host.py",
  commandSupervisor: "command/supervisor.cjs"
} as const

/** The module's text for the program's. */
export const embedded = (name: keyof typeof programs): string => {
  const text = readFileSync(join(runner, programs[name]), "utf8")
  return `/** ${name}: the text of \`${programs[name]}\`; made by \`node scripts/embed-python-host.ts\`, not by hand. */
export const ${name} = ${JSON.stringify(text)}
`
}

/** Where the module lies. */
export const moduleOf = (name: keyof typeof programs): string => join(runner, "generated", `${name}.ts`)

if (import.meta.main) {
  for (const name of ["pythonHost", "commandSupervisor"] as const)
    writeFileSync(moduleOf(name), embedded(name))
}
