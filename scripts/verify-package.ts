/** verify-package: the packed package in an empty project: the bin runs, the library types and runs, the examples too. */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"

const root = join(import.meta.dirname, "..")
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly version: string
  readonly devDependencies: Record<string, string>
}
const project = mkdtempSync(join(tmpdir(), "edge-worker-package-"))
const env: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"] ?? ""}`
}
// npm passes its own settings on; the project must not see ours
for (const name of Object.keys(env)) if (name.startsWith("npm_")) delete env[name]

const run = (folder: string, program: string, ...args: ReadonlyArray<string>): string => {
  process.stdout.write(`$ ${program} ${args.join(" ")}\n`)
  return execFileSync(program, args, {
    cwd: folder,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"]
  })
}

const expect = (what: string, seen: string, wanted: string) => {
  if (!seen.includes(wanted)) throw new Error(`${what}: expected ${JSON.stringify(wanted)} in:\n${seen}`)
  process.stdout.write(`ok ${what}\n`)
}

const version = (name: string) => `${name}@${manifest.devDependencies[name] ?? "latest"}`

try {
  const [packed] = JSON.parse(
    run(root, "npm", "pack", "--json", "--pack-destination", project)
  ) as ReadonlyArray<{
    readonly filename: string
    readonly size: number
  }>
  if (packed === undefined) throw new Error("npm pack packed nothing")
  process.stdout.write(`packed ${packed.filename}, ${Math.round(packed.size / 1024)} KB\n`)
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "empty", private: true, type: "module" })
  )
  run(project, "npm", "install", `./${packed.filename}`, version("effect"), version("@effect/platform-node"))
  run(project, "npm", "install", "-D", version("typescript"), version("@types/node"))

  expect("the bin says its version", run(project, "npx", "edge-worker", "--version"), manifest.version)
  expect("the bin explains itself", run(project, "npx", "edge-worker", "worker", "--help"), "--concurrency")

  mkdirSync(join(project, "examples"))
  cpSync(join(root, "examples"), join(project, "examples"), { recursive: true })
  const compilerOptions = {
    target: "ES2024",
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    types: ["node"]
  }
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["examples"] }))
  run(project, "npx", "tsc")
  process.stdout.write("ok the examples compile against the package\n")
  expect("an example runs", run(project, "node", "examples/tryInMemory.ts"), "the site says offline")
} finally {
  rmSync(project, { recursive: true, force: true })
}
