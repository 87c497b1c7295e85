/** `npm test`: format, lint, types, floating effects, generated files and the unit tests; no Python, database or network. */
import { spawn } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { dirname, join } from "node:path"

const root = dirname(import.meta.dirname)
const bin = (name: string) => join(root, "node_modules/.bin", name)

interface Ended {
  readonly code: number
  readonly output: string
}

interface Step {
  readonly name: string
  readonly command: ReadonlyArray<string>
  /** How many tests it stands for, or what is wrong although it ended with 0. */
  readonly read: (ended: Ended) => {
    readonly passed: number
    readonly failed: number
    readonly problem?: string
  }
}

const run = ([command = "", ...args]: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
    const chunks: Array<Buffer> = []
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk))
    child.on("error", fail)
    child.on("close", (code) => done({ code: code ?? 1, output: Buffer.concat(chunks).toString("utf8") }))
  })

const byExitCode: Step["read"] = ({ code }) =>
  code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }

/** Without its plugin entry in tsconfig.json the checker looks at no file and is content. */
const effects: Step["read"] = (ended) => {
  const checked = Number(/Checked (\d+) files/.exec(ended.output)?.[1] ?? 0)
  if (checked > 0) return byExitCode(ended)
  return { passed: 0, failed: 1, problem: "effect-tsgo checked no file" }
}

const tests: Step["read"] = (ended) => {
  const closing = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/m.exec(ended.output)
  if (closing === null) return { passed: 0, failed: 1, problem: "the tests ended without their closing line" }
  const [passed, failed, skipped] = closing.slice(1).map((n) => Number(n ?? 0))
  if (skipped)
    return { passed: passed ?? 0, failed: (failed ?? 0) + skipped, problem: `${skipped} tests were skipped` }
  if (!passed) return { passed: 0, failed: 1, problem: "no test was run" }
  return { passed, failed: ended.code === 0 ? 0 : Math.max(1, failed ?? 0) }
}

/** Each writes a file that is committed, and with `--check` says whether that is current. */
const generators = readdirSync(join(root, "scripts")).filter((name) => /^generate-.*\.ts$/.test(name))

const steps: ReadonlyArray<Step> = [
  { name: "format, lint", command: [bin("biome"), "check", "--error-on-warnings"], read: byExitCode },
  { name: "types", command: [bin("tsc")], read: byExitCode },
  {
    name: "effects",
    command: [bin("effect-tsgo"), "diagnostics", "--project", "tsconfig.json", "--severity", "error"],
    read: effects
  },
  ...generators.map((name) => ({
    name: name.slice(0, -3),
    command: [process.execPath, join("scripts", name), "--check"],
    read: byExitCode
  })),
  { name: "tests", command: [bin("vitest"), "run"], read: tests }
]

if (Number(process.versions.node.split(".")[0]) < 24 || !existsSync(bin("vitest"))) {
  console.error(
    `npm test runs on the Node 24 of node_modules, but this is Node ${process.versions.node}: run \`npm ci\` with install scripts.`
  )
  process.exit(1)
}

let passed = 0
let failed = 0
for (const step of steps) {
  const start = performance.now()
  const ended = await run(step.command)
  const result = step.read(ended)
  passed += result.passed
  failed += result.failed
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  if (result.failed > 0) console.log(`${ended.output.trimEnd()}\n${result.problem ?? ""}`)
  const count = step.read === tests ? ` (${result.passed} tests)` : ""
  console.log(`${result.failed === 0 ? "ok  " : "FAIL"} ${step.name.padEnd(22)} ${seconds} s${count}`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
