/**
 * mutate: changes the worker in one place at a time, and lists the changes that no test notices in docs/mutation.md.
 *
 * `--file Slots.ts` (any number of them; all of src/worker/ without). `--own`: only the tests that bear a file's name, and those
 * of `--also Recovery` (any number); without, all of test/worker/ and test/fuzz/, and the simulation. `--survivors`:
 * tries only what survived the last time. `--page` only writes docs/mutation.md anew, after a reason was added to
 * docs/mutation.json. Files that are not named keep what an earlier run found. All changes are loaded at once and
 * switched on one by one within a test's process, so that a change costs what its tests cost; a process ends where one hangs.
 */
import { readdirSync } from "node:fs"
import { basename, join } from "node:path"
import { parseArgs } from "node:util"
import { makeChanges, root, workerFiles } from "./mutation/changes.ts"
import { type Found, readResults, writeResults } from "./mutation/page.ts"
import { endTests, type Known, type Left, tryTests } from "./mutation/trial.ts"

const { values } = parseArgs({
  options: {
    file: { type: "string", multiple: true, default: [] },
    own: { type: "boolean", default: false },
    also: { type: "string", multiple: true, default: [] },
    survivors: { type: "boolean", default: false },
    page: { type: "boolean", default: false }
  }
})
if (values.page) {
  writeResults(readResults())
  process.exit()
}
const chosen = values.file.length === 0 ? workerFiles : values.file.map((file) => basename(file))
const unknown = chosen.filter((name) => !workerFiles.includes(name))
if (unknown.length > 0) throw new Error(`no such file in src/worker/: ${unknown.join(", ")}`)

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    endTests()
    process.exit(1)
  })
}

const before = readResults()
const all = (await makeChanges()).filter(({ file }) => chosen.includes(file))
const known: Known = { noticed: new Set(), hung: new Set(), reached: new Set(), loaded: new Set() }
if (values.survivors) {
  for (const { file, id, text } of all) {
    if (before[file]?.survivors.every(({ change }) => change !== text)) known.noticed.add(id)
  }
}

const nameOf = (file: string) => basename(file, ".test.ts")
const isOwn = (test: string, file: string) =>
  nameOf(test).toLowerCase().startsWith(basename(file, ".ts").toLowerCase())
// A thousand workers for each change take too long.
const testFiles = ["test/worker", "test/fuzz"]
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
  .filter((file) => file.endsWith(".test.ts") && !nameOf(file).startsWith("HeartbeatSpread"))
const simulation = "test/simulation/simulation.test.ts"

const date = new Date().toISOString().slice(0, 10)
const foundIn = (file: string, tests: string): Found => {
  const tried = all.filter(
    (change) => change.file === file && (known.reached.has(change.id) || !known.loaded.has(change.id))
  )
  const survivors = tried.filter(({ id }) => !known.noticed.has(id))
  return {
    mutants: tried.length,
    killed: tried.length - survivors.length,
    hung:
      (values.survivors ? (before[file]?.hung ?? 0) : 0) +
      tried.filter(({ id }) => known.hung.has(id)).length,
    tests,
    date,
    survivors: survivors.map(({ id, line, text }) => ({ line, change: text, covered: known.reached.has(id) }))
  }
}

const left = () => all.filter(({ id }) => !known.noticed.has(id)).map(({ id }) => id)

const write = (tests: string) =>
  writeResults({ ...before, ...Object.fromEntries(chosen.map((file) => [file, foundIn(file, tests)])) })

/** By file of tests. */
const leftOf: Record<string, Left> = {}
const run = async (test: string, own?: ReadonlyArray<string>) => {
  const open = left().length
  if (open === 0) return
  const began = Date.now()
  leftOf[test] ??= {}
  await tryTests(test, left(), known, leftOf[test], own)
  const seconds = Math.round((Date.now() - began) / 1000)
  console.log(`${test}: ${open} changes, ${left().length} left, ${seconds} s`)
}

if (values.own) {
  const tests = testFiles.filter((test) => [...chosen, ...values.also].some((file) => isOwn(test, file)))
  for (const test of tests) {
    await run(test)
    write(tests.map(nameOf).join(", "))
  }
} else {
  // Tests of the whole worker reach everything and take longer: what the small ones and the simulation have noticed is
  // not tried in them.
  for (const test of testFiles) {
    const own = all.filter(({ file }) => isOwn(test, file)).map(({ id }) => id)
    await run(test, own)
    write("in part")
  }
  await run(simulation)
  for (const test of testFiles) {
    await run(test)
    write("in part")
  }
  write("all")
}
process.exit()
