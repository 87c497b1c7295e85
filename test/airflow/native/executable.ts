/** executable: the suite's task program as one file, or one executable, by the example that users are shown. */
import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join, resolve } from "node:path"

const build = (folder: string, ...flags: ReadonlyArray<string>): string => {
  mkdirSync(folder, { recursive: true })
  const script = resolve(import.meta.dirname, "../../../examples/buildTasks.ts")
  const program = resolve(import.meta.dirname, "program.ts")
  execFileSync(process.execPath, [script, program, ...flags], { cwd: folder, stdio: "inherit" })
  return join(folder, "out-tasks")
}

/** One file for Node, below `folder`. */
export const buildFile = (folder: string): string => join(build(folder), "program.cjs")

/** Where `buildExecutable` puts it. */
export const executableIn = (folder: string): string => join(folder, "out-tasks", "program")

/** One executable without anything around it, below `folder`. */
export const buildExecutable = (folder: string) => build(folder, "--executable")
