/** steps: runs commands one after the other, says how long each took, and counts what passed. */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
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
}

interface Result {
  readonly passed: number
  readonly failed: number
}

const run = (command: ReadonlyArray<string>): Promise<boolean> =>
  new Promise((done) => {
    const [program = "", ...args] = command
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] })
    child.once("error", (error) => {
      process.stderr.write(`${program}: ${error.message}\n`)
      done(false)
    })
    child.once("close", (code) => done(code === 0))
  })

const count = (file: string, ok: boolean): Result => {
  const report = JSON.parse(readFileSync(file, "utf8")) as Record<string, number>
  const passed = report["numPassedTests"] ?? 0
  // A test that was left out has not passed.
  const failed =
    (report["numFailedTests"] ?? 0) + (report["numPendingTests"] ?? 0) + (report["numTodoTests"] ?? 0)
  // A suite that could not be loaded, or ran nothing, has no failed test: its exit code, or its silence, tells.
  return { passed, failed: ok && passed > 0 ? failed : Math.max(1, failed) }
}

const measure = async (step: Step): Promise<Result> => {
  if (step.vitest !== true)
    return (await run(step.command)) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
  const folder = mkdtempSync(join(tmpdir(), "edge-worker-check-"))
  try {
    const file = join(folder, "report.json")
    const ok = await run([
      ...step.command,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${file}`
    ])
    return count(file, ok)
  } catch {
    return { passed: 0, failed: 1 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs every step, also after one that failed; ends the process with `N passed, N failed` and the exit code. */
export const runSteps = async (steps: ReadonlyArray<Step>): Promise<never> => {
  const lines: Array<string> = []
  let passed = 0
  let failed = 0
  for (const step of steps) {
    process.stdout.write(`\n── ${step.name}: ${step.command.join(" ")}\n`)
    const start = performance.now()
    const result = await measure(step)
    passed += result.passed
    failed += result.failed
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    lines.push(`${result.failed === 0 ? "ok    " : "FAILED"} ${step.name} (${seconds} s)`)
  }
  process.stdout.write(`\n${lines.join("\n")}\n\n${passed} passed, ${failed} failed\n`)
  process.exit(failed === 0 ? 0 : 1)
}
