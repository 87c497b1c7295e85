/** Makes `src/runner/generated/*.ts` of programs that are not bundled with ours, so that every form of the package has them. */
import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const runner = join(import.meta.dirname, "..", "src", "runner")

/** What is embedded: the name of the module, and the program. */
export const programs = {
  pythonHost: "python/host.py",
  commandSupervisor: "command/supervisor.cjs"
} as const

/** `from edge_host_x import …`: a part of the program, as Python finds it beside the program's own file. */
const part = /^from (edge_host_\w+) import .*\n/gm

/** A part without what only a file of its own begins with. */
const body = (text: string) => text.replace(/^"""[\s\S]*?"""\n/, "").replace(/^from __future__ .*\n/m, "")

/**
 * One file of a program and its parts, each in the place where it is first imported: a host that is one file starts as
 * fast as before, and is there whole or not at all.
 */
const whole = (file: string): string => {
  const had = new Set<string>()
  const inline = (text: string): string =>
    text.replace(part, (_, name: string) => {
      if (had.has(name)) return ""
      had.add(name)
      return inline(body(readFileSync(join(dirname(file), `${name}.py`), "utf8")))
    })
  return inline(readFileSync(file, "utf8"))
}

/** The module's text for the program's. */
export const embedded = (name: keyof typeof programs): string => {
  const text = whole(join(runner, programs[name]))
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
