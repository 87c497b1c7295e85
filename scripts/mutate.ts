/**
 * mutate: changes the worker in one place at a time, and lists the changes that no test notices in docs/mutation.md.
 *
 * `--file Slots.ts` (any number of them, one after the other; all of src/worker/ without). `--own`: only the tests that bear the
 * file's name, and those of `--also Recovery` (any number), which is ten times as fast and leaves survivors that others would
 * notice. What was found is written every half minute, and kept when it is stopped (Ctrl-C). Files that are not named keep what an earlier run found of them, in
 * docs/mutation.json. Stryker is installed beside the project's packages when it is missing.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { parseArgs } from "node:util"

interface Place {
  readonly line: number
  readonly column: number
}

/** Stryker's word on one change. */
interface Mutant {
  readonly status: string
  readonly replacement?: string
  readonly location: { readonly start: Place; readonly end: Place }
}

interface Survivor {
  readonly line: number
  readonly change: string
  /** False where no test runs the line at all. */
  readonly covered: boolean
}

interface Found {
  /** Changes that were tried. */
  readonly mutants: number
  readonly killed: number
  /** Changes that were not tried yet: the run was stopped. */
  readonly left: number
  /** The files of tests that were run, without their ending; `all`: all of the worker's. */
  readonly tests: string
  readonly survivors: ReadonlyArray<Survivor>
}

const root = join(import.meta.dirname, "..")
const resultsFile = join(root, "docs/mutation.json")
const events = join(root, "node_modules/.stryker-events")
const workerFiles = readdirSync(join(root, "src/worker")).filter((name) => name.endsWith(".ts"))

// --- Stryker, which `npm ci` does not install: a dotted folder is none of npm's packages, and finds ours above it.

const tools = { "@stryker-mutator/core": "10.1.1", "@stryker-mutator/vitest-runner": "10.1.1" }
const prefix = join(root, "node_modules/.mutate")

const isInstalled = ([name, version]: readonly [string, string]): boolean => {
  const file = join(prefix, "node_modules", name, "package.json")
  return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).version === version
}

const install = () => {
  if (Object.entries(tools).every(isInstalled)) return
  mkdirSync(prefix, { recursive: true })
  writeFileSync(join(prefix, "package.json"), '{ "private": true }\n')
  const packages = Object.entries(tools).map(([name, version]) => `${name}@${version}`)
  // Its peer vitest is ours, not another one beside it.
  const options = ["--no-save", "--no-package-lock", "--legacy-peer-deps", "--no-audit", "--no-fund"]
  const { status } = spawnSync("npm", ["install", "--prefix", prefix, ...options, ...packages], {
    stdio: "inherit"
  })
  if (status !== 0) throw new Error(`npm install ended with ${status}`)
}

// --- what was found

/** As the files are now: Stryker changes copies of them, and somebody may work on these meanwhile. */
const sources = new Map(
  workerFiles.map((name) => [name, readFileSync(join(root, "src/worker", name), "utf8")])
)

/** What stands between two places of a text; lines and columns count from 1. */
const between = (source: string, start: Place, end: Place) => {
  const lines = source.split("\n").slice(start.line - 1, end.line)
  const last = lines.length - 1
  lines[last] = lines[last]?.slice(0, end.column - 1) ?? ""
  lines[0] = lines[0]?.slice(start.column - 1) ?? ""
  return lines.join("\n")
}

const short = (code: string) => {
  const line = code.replace(/\s+/g, " ")
  return line.length <= 90 ? line : `${line.slice(0, 60)} … ${line.slice(-25)}`
}

const foundIn = (name: string, mutants: ReadonlyArray<Mutant>, planned: number, tests: string): Found => {
  const tried = mutants.filter(({ status }) =>
    ["Killed", "Timeout", "Survived", "NoCoverage"].includes(status)
  )
  const survivors = tried
    .filter(({ status }) => status === "Survived" || status === "NoCoverage")
    .map(({ location: { end, start }, replacement = "", status }) => ({
      line: start.line,
      change: `${short(between(sources.get(name) ?? "", start, end))} → ${short(replacement)}`,
      covered: status === "Survived"
    }))
    .sort((a, b) => a.line - b.line)
  return {
    mutants: tried.length,
    killed: tried.length - survivors.length,
    left: planned - mutants.length,
    tests,
    survivors
  }
}

const page = (results: Readonly<Record<string, Found>>) => {
  const known = Object.entries(results).sort(([a], [b]) => (a < b ? -1 : 1))
  const missing = workerFiles.filter((name) => results[name] === undefined)
  const parts = known
    .filter(([, { left }]) => left > 0)
    .map(([name, { left }]) => `${name} (${left} changes)`)
  const notRun = [
    ...(missing.length === 0 ? [] : [`Not run yet: ${missing.join(", ")}.`]),
    ...(parts.length === 0 ? [] : [`Run in part, with so many left: ${parts.join(", ")}.`])
  ]
  const code = (text: string) => `\`\`${text.replaceAll("|", "\\|").replaceAll("``", "` `")} \`\``
  const sum = (value: (found: Found) => number) => known.reduce((all, [, found]) => all + value(found), 0)
  return `# Changes of the worker that no test notices

Made by \`npm run mutate\`: Stryker changes \`src/worker/\` in one place at a time (a condition, an operator, a block, a call of
a chain, …; no texts, and nothing that runs only when the file is loaded) and runs the tests that reach the place: all of
\`test/worker/\` and forty simulated histories, or only those of the files that are named. A change that turns no test red
survives: a test is missing, one of another file would notice, or the change makes no difference to anybody.

| file | changes | noticed | survivors | tests |
| --- | --- | --- | --- | --- |
${known.map(([name, { killed, mutants, survivors, tests }]) => `| ${name} | ${mutants} | ${killed} | ${survivors.length} | ${tests} |`).join("\n")}
| all | ${sum(({ mutants }) => mutants)} | ${sum(({ killed }) => killed)} | ${sum(({ survivors }) => survivors.length)} | |

${notRun.length === 0 ? "Every file of `src/worker/` was changed." : notRun.join("\n\n")}

## Survivors

${known
  .filter(([, { survivors }]) => survivors.length > 0)
  .map(
    ([name, { survivors }]) =>
      `### ${name}\n\n| line | change |\n| --- | --- |\n${survivors
        .map(
          ({ change, covered, line }) => `| ${line} | ${code(change)}${covered ? "" : " (no test runs it)"} |`
        )
        .join("\n")}`
  )
  .join("\n\n")}
`
}

const { values } = parseArgs({
  options: {
    file: { type: "string", multiple: true, default: [] },
    own: { type: "boolean", default: false },
    also: { type: "string", multiple: true, default: [] },
    concurrency: { type: "string", default: "1" }
  }
})
const chosen = values.file.length === 0 ? workerFiles : values.file.map((file) => basename(file))
const unknown = chosen.filter((name) => !workerFiles.includes(name))
if (unknown.length > 0) throw new Error(`no such file in src/worker/: ${unknown.join(", ")}`)

const known: Readonly<Record<string, Found>> = existsSync(resultsFile)
  ? JSON.parse(readFileSync(resultsFile, "utf8"))
  : {}
const results = Object.fromEntries(Object.entries(known).filter(([name]) => workerFiles.includes(name)))

const read = (event: string) => {
  try {
    return JSON.parse(readFileSync(join(events, event), "utf8"))
  } catch {
    // It is just being written.
    return undefined
  }
}

/** Writes down what is known of a file so far, by the events that Stryker leaves. */
const keep = (name: string, tests: string) => {
  const found = existsSync(events) ? readdirSync(events) : []
  const ready = found.find((event) => event.includes("onMutationTestingPlanReady"))
  const plan = ready === undefined ? undefined : read(ready)
  if (plan === undefined) return
  const tested: ReadonlyArray<Mutant> = found
    .filter((event) => event.includes("onMutantTested"))
    .map(read)
    .filter((event) => event !== undefined)
  results[name] = foundIn(name, tested, plan.mutantPlans.length, tests)
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(join(root, "docs/mutation.md"), page(results))
}

/** The files of tests whose names begin with one of these. */
const testsOf = (names: ReadonlyArray<string>) =>
  readdirSync(join(root, "test/worker"))
    .filter((test) => test.endsWith(".test.ts") && names.some((name) => test.startsWith(name)))
    .map((test) => test.slice(0, -".test.ts".length))

let child: ChildProcess | undefined
let isStopped = false
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isStopped = true
    // With the process that runs the tests: Stryker leaves it behind where a change has made a loop without an end.
    if (child?.pid !== undefined) process.kill(-child.pid, "SIGTERM")
  })
}

/** How Stryker ended on one file. */
const mutate = async (name: string): Promise<number | NodeJS.Signals | null> => {
  const own = values.own ? testsOf([basename(name, ".ts"), ...values.also]) : []
  const tests = own.length > 0 ? own.join(", ") : "all"
  rmSync(events, { recursive: true, force: true })
  const stryker = join(prefix, "node_modules/@stryker-mutator/core/bin/stryker.js")
  const args = [stryker, "run", "--mutate", `src/worker/${name}`, "--concurrency", values.concurrency]
  const env = {
    ...process.env,
    ...(own.length > 0 ? { MUTATE_TESTS: own.map((test) => `test/worker/${test}.test.ts`).join(",") } : {})
  }
  const running = spawn(process.execPath, args, { cwd: root, env, stdio: "inherit", detached: true })
  child = running
  const often = setInterval(() => keep(name, tests), 30_000)
  const [code, signal] = await once(running, "exit")
  clearInterval(often)
  keep(name, tests)
  return code ?? signal
}

install()
for (const name of chosen) {
  if (isStopped) break
  const ended = await mutate(name)
  if (ended === 0) continue
  console.error(`${name}: stryker ended with ${ended}; what it had found is in docs/mutation.md`)
  process.exitCode = 1
}
