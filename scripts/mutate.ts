/**
 * mutate: changes the worker in one place at a time, and lists the changes that no test notices in docs/mutation.md.
 *
 * `--file Slots.ts` (any number of them; all of src/worker/ without), `--concurrency 2`. Files that are not named keep what an
 * earlier run found of them, in docs/mutation.json.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { parseArgs } from "node:util"

interface Place {
  readonly line: number
  readonly column: number
}

/** Stryker's report, as far as it is read here. */
interface Report {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly source: string
        readonly mutants: ReadonlyArray<{
          readonly status: string
          readonly replacement?: string
          readonly location: { readonly start: Place; readonly end: Place }
        }>
      }
    >
  >
}

interface Survivor {
  readonly line: number
  readonly change: string
  /** False where no test runs the line at all. */
  readonly covered: boolean
}

interface Found {
  readonly mutants: number
  readonly killed: number
  readonly survivors: ReadonlyArray<Survivor>
}

const root = join(import.meta.dirname, "..")
const resultsFile = join(root, "docs/mutation.json")
const report = join(root, "node_modules/.stryker-report.json")
const workerFiles = readdirSync(join(root, "src/worker")).filter((name) => name.endsWith(".ts"))

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

const foundIn = ({ mutants, source }: Report["files"][string]): Found => {
  const tried = mutants.filter(({ status }) =>
    ["Killed", "Timeout", "Survived", "NoCoverage"].includes(status)
  )
  const survivors = tried
    .filter(({ status }) => status === "Survived" || status === "NoCoverage")
    .map(({ location: { end, start }, replacement = "", status }) => ({
      line: start.line,
      change: `${short(between(source, start, end))} → ${short(replacement)}`,
      covered: status === "Survived"
    }))
    .sort((a, b) => a.line - b.line)
  return { mutants: tried.length, killed: tried.length - survivors.length, survivors }
}

const page = (results: Readonly<Record<string, Found>>) => {
  const known = Object.entries(results).sort(([a], [b]) => (a < b ? -1 : 1))
  const missing = workerFiles.filter((name) => results[name] === undefined)
  const code = (text: string) => `\`\`${text.replaceAll("|", "\\|").replaceAll("``", "` `")} \`\``
  const sum = (value: (found: Found) => number) => known.reduce((all, [, found]) => all + value(found), 0)
  return `# Changes of the worker that no test notices

Made by \`npm run mutate\`: Stryker changes \`src/worker/\` in one place at a time (a condition, an operator, a block, a call of
a chain, …; no texts) and runs the tests of \`test/worker/\` that reach the place, and forty simulated histories. A change
that turns no test red survives: a test is missing, or the change makes no difference to anybody.

| file | changes | noticed | survivors |
| --- | --- | --- | --- |
${known.map(([name, { killed, mutants, survivors }]) => `| ${name} | ${mutants} | ${killed} | ${survivors.length} |`).join("\n")}
| all | ${sum(({ mutants }) => mutants)} | ${sum(({ killed }) => killed)} | ${sum(({ survivors }) => survivors.length)} |

${missing.length === 0 ? "Every file of `src/worker/` was changed." : `Not run yet: ${missing.join(", ")}.`}

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
    concurrency: { type: "string", default: "2" }
  }
})
const chosen = values.file.map((file) => basename(file))
const unknown = chosen.filter((name) => !workerFiles.includes(name))
if (unknown.length > 0) throw new Error(`no such file in src/worker/: ${unknown.join(", ")}`)
const mutate =
  chosen.length === 0 ? "src/worker/**/*.ts" : chosen.map((name) => `src/worker/${name}`).join(",")

rmSync(report, { force: true })
const { status } = spawnSync(
  join(root, "node_modules/.bin/stryker"),
  ["run", "--mutate", mutate, "--concurrency", values.concurrency],
  { cwd: root, stdio: "inherit" }
)
if (status !== 0 || !existsSync(report)) throw new Error(`stryker ended with ${status}`)

const before = existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, "utf8")) : {}
const { files } = JSON.parse(readFileSync(report, "utf8")) as Report
const results: Record<string, Found> = Object.fromEntries(
  Object.entries<Found>(before).filter(([name]) => workerFiles.includes(name))
)
for (const [path, file] of Object.entries(files)) results[basename(path)] = foundIn(file)
writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`)
writeFileSync(join(root, "docs/mutation.md"), page(results))
