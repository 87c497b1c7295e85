/** What `npm run mutate` found, as docs/mutation.json and as a page for people. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root, workerFiles } from "./changes.ts"

export interface Survivor {
  readonly line: number
  readonly change: string
  /** False where no test runs the line at all. */
  readonly covered: boolean
  /** Why it may survive, in a person's words; absent where nobody has looked. Kept from run to run by the change's text. */
  readonly why?: string
}

export interface Found {
  /** Changes that were tried. */
  readonly mutants: number
  readonly killed: number
  /** Those of them that made a test hang. */
  readonly hung: number
  /** The files of tests that were run, without their ending; `all`: all of the worker's, and the simulation. */
  readonly tests: string
  readonly date: string
  readonly survivors: ReadonlyArray<Survivor>
}

export type Results = Readonly<Record<string, Found>>

const resultsFile = join(root, "docs/mutation.json")

/** What earlier runs have found of files that still exist. */
export const readResults = (): Results => {
  const all: Results = existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, "utf8")) : {}
  return Object.fromEntries(Object.entries(all).filter(([name]) => workerFiles.includes(name)))
}

const code = (text: string) => `\`\`${text.replaceAll("|", "\\|").replaceAll("``", "` `")} \`\``

const page = (results: Results) => {
  const known = Object.entries(results).sort(([a], [b]) => (a < b ? -1 : 1))
  const missing = workerFiles.filter((name) => results[name] === undefined)
  const sum = (value: (found: Found) => number) => known.reduce((all, [, found]) => all + value(found), 0)
  const unexplained = ({ survivors }: Found) => survivors.filter(({ why }) => why === undefined).length
  return `# Changes of the worker that no test notices

Made by \`npm run mutate\` (a file: \`npm run mutate -- --own --file Journal.ts\`): it changes \`src/worker/\` in one place at a
time (a condition, an operator, a block, a call of a chain, …; no texts, and nothing that runs only when the file is loaded) and
runs the tests that reach the place: all of \`test/worker/\` and \`test/fuzz/\` and forty simulated histories, or only those that
are named. A change that turns no test red survives: a test is missing ("hole"), or the change makes no difference to anybody, and
the last column says why. A test that takes ten times as long as without the change, and 2.5 s more, hangs: it has noticed too.

| file | changes | noticed | by a hang | survivors | without a reason | tests | date |
| --- | --- | --- | --- | --- | --- | --- | --- |
${known.map(([name, found]) => `| ${name} | ${found.mutants} | ${found.killed} | ${found.hung} | ${found.survivors.length} | ${unexplained(found)} | ${found.tests} | ${found.date} |`).join("\n")}
| all | ${sum(({ mutants }) => mutants)} | ${sum(({ killed }) => killed)} | ${sum(({ hung }) => hung)} | ${sum(({ survivors }) => survivors.length)} | ${sum(unexplained)} | | |

${missing.length === 0 ? "Every file of `src/worker/` was changed." : `Not run yet: ${missing.join(", ")}.`}

## Survivors

${known
  .filter(([, { survivors }]) => survivors.length > 0)
  .map(
    ([name, { survivors }]) =>
      `### ${name}\n\n| line | change | why it may survive |\n| --- | --- | --- |\n${survivors
        .map(
          ({ change, covered, line, why }) =>
            `| ${line} | ${code(change)}${covered ? "" : " (no test runs it)"} | ${why ?? ""} |`
        )
        .join("\n")}`
  )
  .join("\n\n")}
`
}

/** Writes both, with the reasons that were known before. */
export const writeResults = (results: Results) => {
  const before = readResults()
  const withReasons = Object.fromEntries(
    Object.entries(results).map(([name, found]) => {
      const reasons = new Map(before[name]?.survivors.map(({ change, why }) => [change, why]))
      const survivors = found.survivors.map((survivor) => {
        const why = survivor.why ?? reasons.get(survivor.change)
        return why === undefined ? survivor : { ...survivor, why }
      })
      return [name, { ...found, survivors }]
    })
  )
  writeFileSync(resultsFile, `${JSON.stringify(withReasons, null, 2)}\n`)
  writeFileSync(join(root, "docs/mutation.md"), page(withReasons))
}
