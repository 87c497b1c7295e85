/** steps: runs commands one after the other, says how long each took, and counts what passed. */
import { spawn } from "node:child_process"
import { delimiter, join } from "node:path"

const root = join(import.meta.dirname, "..")
const env = {
  ...process.env,
  PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"] ?? ""}`
}

/** A command; one that runs vitest is counted by its tests, any other as one. */
export interface Step {
  readonly name: string
  readonly command: ReadonlyArray<string>
  readonly vitest?: boolean
  /** What is wrong although it ended with 0. */
  readonly problem?: (output: string) => string | undefined
}

interface Result {
  readonly passed: number
  readonly failed: number
  readonly output: string
  readonly problem?: string | undefined
}

const run = (command: ReadonlyArray<string>, quiet: boolean) =>
  new Promise<{ readonly ok: boolean; readonly output: string }>((done) => {
    const [program = "", ...args] = command
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] })
    const chunks: Array<Buffer> = []
    const output = () => Buffer.concat(chunks).toString("utf8")
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        chunks.push(chunk)
        if (!quiet) process.stdout.write(chunk)
      })
    }
    child.once("error", (error) => done({ ok: false, output: `${program}: ${error.message}\n` }))
    child.once("close", (code) => done({ ok: code === 0, output: output() }))
  })

/** By the line that `closingLine.ts` writes at the end: without it nobody knows what was run. */
const count = (output: string, ok: boolean): Omit<Result, "output"> => {
  const closing = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/m.exec(output)
  if (closing === null) return { passed: 0, failed: 1, problem: "the tests ended without their closing line" }
  const [passed = 0, failed = 0, skipped = 0] = closing.slice(1).map((number) => Number(number ?? 0))
  // A test that was left out has not passed.
  if (skipped > 0) return { passed, failed: failed + skipped, problem: `${skipped} tests were skipped` }
  if (passed === 0) return { passed, failed: Math.max(1, failed), problem: "no test was run" }
  return { passed, failed: ok ? failed : Math.max(1, failed) }
}

const measure = async (step: Step, quiet: boolean): Promise<Result> => {
  const { ok, output } = await run(step.command, quiet)
  if (step.vitest === true) return { ...count(output, ok), output }
  const problem = ok ? step.problem?.(output) : undefined
  const good = ok && problem === undefined
  return { passed: good ? 1 : 0, failed: good ? 0 : 1, problem, output }
}

/**
 * Runs every step, also after one that failed; ends the process with `N passed, N failed` and the exit code. `quiet`: what a
 * step says is shown only where it fails.
 */
export const runSteps = async (
  steps: ReadonlyArray<Step>,
  { quiet = false }: { readonly quiet?: boolean } = {}
): Promise<never> => {
  const lines: Array<string> = []
  let passed = 0
  let failed = 0
  for (const step of steps) {
    if (!quiet) process.stdout.write(`\n── ${step.name}: ${step.command.join(" ")}\n`)
    const start = performance.now()
    const result = await measure(step, quiet)
    passed += result.passed
    failed += result.failed
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    if (result.failed > 0) {
      process.stdout.write(`${quiet ? `${result.output.trimEnd()}\n` : ""}${result.problem ?? ""}\n`)
    }
    const tests = step.vitest === true ? ` (${result.passed} tests)` : ""
    const line = `${result.failed === 0 ? "ok  " : "FAIL"} ${step.name.padEnd(22)} ${seconds} s${tests}`
    if (quiet) process.stdout.write(`${line}\n`)
    else lines.push(line)
  }
  if (!quiet) process.stdout.write(`\n${lines.join("\n")}\n\n`)
  // A pipe has not taken all yet, and loses at the exit what it has not.
  await new Promise((done) => process.stdout.write(`${passed} passed, ${failed} failed\n`, done))
  process.exit(failed === 0 ? 0 : 1)
}
