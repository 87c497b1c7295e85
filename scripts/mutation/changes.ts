/** The changes: Stryker's instrumenter writes every change of src/worker/ into a copy of its files, each behind a switch. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"

export const root = join(import.meta.dirname, "../..")
/** What one run leaves behind: the copies, what the tests are to do, and what they say. */
export const folder = join(root, "node_modules/.mutation")
export const copiesFile = join(folder, "copies.json")
export const orderFile = join(folder, "order.json")
export const wordsFile = join(folder, "words.jsonl")

/** Lines and columns count from 0. */
interface Place {
  readonly line: number
  readonly column: number
}

/** One change, off until a test switches it on. */
export interface Change {
  readonly id: string
  /** Of src/worker/. */
  readonly file: string
  /** Counts from 1. */
  readonly line: number
  /** What stands there, and what the change puts there. */
  readonly text: string
}

/** What the driver asks of one file of tests. */
export interface Order {
  /** The changes to try. */
  readonly changes: ReadonlyArray<string>
  /** By test: the changes that it reaches, where an earlier process has found that out; then it only tries those. */
  readonly left: Readonly<Record<string, ReadonlyArray<string>>>
  /** All that a test may try that reaches the whole worker; absent where it may try all. */
  readonly own?: ReadonlyArray<string> | undefined
  /** How many changes may be noticed before the test is run as it is, to see that it is still green then. */
  readonly trust: number
}

/** What the tests say, a line each, as it happens. */
export type Word =
  /** What runs only when the files are loaded: it is not tried. */
  | { readonly _tag: "loads"; readonly changes: ReadonlyArray<string> }
  | { readonly _tag: "reaches"; readonly test: string; readonly changes: ReadonlyArray<string> }
  | {
      readonly _tag: "tries"
      readonly test: string
      readonly change: string
      /** Milliseconds after which it hangs. */
      readonly limit: number
    }
  | { readonly _tag: "lived"; readonly test: string; readonly change: string }
  /** `isOver`: it does not run on, now that the change is switched off. */
  | { readonly _tag: "hung"; readonly test: string; readonly change: string; readonly isOver: boolean }
  | { readonly _tag: "noticed"; readonly changes: ReadonlyArray<string> }
  /** One of these has spoilt what the tests of this process share; where it is the first of the process, it was noticed. */
  | { readonly _tag: "spoilt"; readonly changes: ReadonlyArray<string>; readonly isFirst: boolean }
  | { readonly _tag: "red"; readonly test: string; readonly error: string }
  | { readonly _tag: "slow"; readonly test: string; readonly changes: number }

// --- Stryker's instrumenter, which `npm ci` does not install

const tool = "@stryker-mutator/instrumenter"
const version = "10.1.1"
const prefix = join(root, "node_modules/.mutate")

const install = () => {
  const file = join(prefix, "node_modules", tool, "package.json")
  if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).version === version) return
  mkdirSync(prefix, { recursive: true })
  writeFileSync(join(prefix, "package.json"), '{ "private": true }\n')
  const options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund"]
  const { status } = spawnSync("npm", ["install", "--prefix", prefix, ...options, `${tool}@${version}`], {
    stdio: "inherit"
  })
  if (status !== 0) throw new Error(`npm install ended with ${status}`)
}

interface Mutant {
  readonly id: string
  /** "Ignored" where it is of a kind that was left out. */
  readonly status?: string
  readonly fileName: string
  readonly replacement: string
  readonly location: { readonly start: Place; readonly end: Place }
}
interface Instrumenter {
  readonly instrument: (
    files: ReadonlyArray<{ readonly name: string; readonly content: string; readonly mutate: true }>,
    options: {
      readonly plugins: null
      readonly ignorers: ReadonlyArray<never>
      readonly excludedMutations: ReadonlyArray<string>
    }
  ) => Promise<{
    readonly files: ReadonlyArray<{ readonly name: string; readonly content: string }>
    readonly mutants: ReadonlyArray<Mutant>
  }>
}

/** What stands between two places of a text. */
const between = (source: string, { end, start }: Mutant["location"]) => {
  const lines = source.split("\n").slice(start.line, end.line + 1)
  const last = lines.length - 1
  lines[last] = lines[last]?.slice(0, end.column) ?? ""
  lines[0] = lines[0]?.slice(start.column) ?? ""
  return lines.join("\n")
}

const short = (code: string) => {
  const line = code.replace(/\s+/g, " ")
  return line.length <= 90 ? line : `${line.slice(0, 60)} … ${line.slice(-25)}`
}

/** The files of src/worker/. */
export const workerFiles = readdirSync(join(root, "src/worker")).filter((name) => name.endsWith(".ts"))

/** Writes the copies, and says what can be changed. Texts stay: a changed one of the wire or the journal does not compile. */
export const makeChanges = async (): Promise<ReadonlyArray<Change>> => {
  install()
  const load = createRequire(join(prefix, "package.json"))
  const { Instrumenter } = await import(load.resolve(tool))
  const quiet = { debug: () => {}, info: () => {}, isDebugEnabled: () => false }
  const instrumenter: Instrumenter = new Instrumenter(quiet)
  const files = workerFiles.map((file) => {
    const name = join(root, "src/worker", file)
    return { name, content: readFileSync(name, "utf8"), mutate: true as const }
  })
  const done = await instrumenter.instrument(files, {
    plugins: null,
    ignorers: [],
    excludedMutations: ["StringLiteral"]
  })
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    copiesFile,
    JSON.stringify(Object.fromEntries(done.files.map(({ content, name }) => [name, content])))
  )
  const sources = new Map(files.map(({ content, name }) => [name, content]))
  return done.mutants
    .filter(({ status }) => status !== "Ignored")
    .map(({ fileName, id, location, replacement }) => ({
      id,
      file: fileName.slice(join(root, "src/worker/").length),
      line: location.start.line + 1,
      text: `${short(between(sources.get(fileName) ?? "", location))} → ${short(replacement)}`
    }))
}
