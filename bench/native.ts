/**
 * native: what a task in TypeScript costs, in a process of its own and in the worker's, beside a worker that runs nothing.
 *
 * On one site, in turns, each round another one first: 200 empty tasks of the Dag `native_many` on 8 slots. The null worker
 * makes only the requests that no worker can avoid, so its rate is what the site bears: with and without the one for the
 * task's log, which takes more of the site than any other. And once 800 tasks at a central of our own, where no worker waits
 * for the site. `--quick` is one round of two runs, without the Python worker, and writes nothing; otherwise the figures go to
 * bench/native.md. `--rounds 3`.
 */
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { down, find, up } from "../scripts/airflow/site.ts"
import { buildFile } from "../test/airflow/native/executable.ts"
import { contenders as known } from "./contender.ts"
import { busy } from "./native/busy.ts"
import { claimToLine, manyNative, manyPython, undisturbed } from "./native/measure.ts"
import { type NativeSamples, page } from "./native/page.ts"

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, rounds: { type: "string", default: "3" } }
})
const rounds = values.quick ? 1 : Number(values.rounds)
/** Of 200 tasks each, one after the other at the same worker. */
const runs = values.quick ? 2 : 5
const say = (line: string) => process.stderr.write(`${line}\n`)

const folder = resolve(process.env["EDGE_WORKER_TEST_SITE_FOLDER"] ?? ".airflow")
const program = buildFile(join(folder, "bench-native"))
const ours = (isolation: "process" | "none") => ({
  name: `isolation ${isolation}`,
  command: () => [process.execPath, program],
  settings: { AIRFLOW__EDGE_WORKER__TASK_ISOLATION: isolation }
})
const nullWorker = (name: string, ...flags: ReadonlyArray<string>) => ({
  name,
  command: () => [process.execPath, resolve(import.meta.dirname, "native/nullWorker.ts"), ...flags]
})
const contenders = [
  nullWorker("null worker, no logs"),
  nullWorker("null worker", "--log"),
  ours("process"),
  ours("none")
]
const python = known.filter(({ name }) => name === "python")

const samples: NativeSamples = Object.fromEntries(contenders.map(({ name }) => [name, {}]))
const add = (name: string, measured: Readonly<Record<string, ReadonlyArray<number>>>) => {
  for (const [what, some] of Object.entries(measured)) {
    const all = samples[name] ?? {}
    samples[name] = { ...all, [what]: [...(all[what] ?? []), ...some] }
  }
}

// Before the site is there, which takes its part of the machine also when it has nothing to do.
for (const contender of [ours("process"), ours("none")]) {
  say(`800 tasks at once, ${contender.name}`)
  add(contender.name, await busy(join(folder, "bench"), contender))
}

const started = find(folder) === undefined
const site = await up(folder, { say, tied: started })
try {
  for (let round = 0; round < rounds; round++) {
    // A site slows down as its database grows: nobody is always the first.
    const turn = contenders.map((_, index) => contenders[(index + round) % contenders.length] ?? ours("none"))
    for (const contender of turn) {
      say(`200 tasks, ${contender.name}`)
      add(contender.name, await undisturbed(site, () => manyNative(site, contender, runs)))
    }
    for (const contender of contenders.slice(values.quick ? 3 : 2)) {
      say(`from claim to line, ${contender.name}`)
      add(contender.name, await undisturbed(site, () => claimToLine(site, contender)))
    }
    for (const contender of values.quick ? [] : python) {
      say(`empty Python tasks, ${contender.name}`)
      add(contender.name, await undisturbed(site, () => manyPython(site, contender, 50)))
    }
  }
} finally {
  if (started) await down(folder)
}

const text = page(samples, {
  cores: cpus().length,
  cpu: cpus()[0]?.model ?? "unknown CPU",
  runs,
  words: process.argv.slice(2)
})
process.stdout.write(text)
if (!values.quick) writeFileSync(join(import.meta.dirname, "native.md"), text)
