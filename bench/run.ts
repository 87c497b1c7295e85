/**
 * run: our worker beside Airflow's own, in one run on one site. `--quick` runs each scenario once and short, so that it
 * cannot rot, and writes nothing; otherwise the figures go to bench/results.md, and each sample to
 * bench/results.json.
 */
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { join, resolve } from "node:path"
import { down, find, up } from "../scripts/airflow/site.ts"
import { contenders } from "./contender.ts"
import { type Row, table } from "./figures.ts"
import { manyTasks, peakMemory, requests, startUp, waits } from "./measure.ts"

const quick = process.argv.includes("--quick")
const tasks = quick ? 10 : 100
/** `--rounds 5`: how often start-up and tasks are measured; `--gaps 24`: how many waits. */
const number = (flag: string, otherwise: number) => {
  const at = process.argv.indexOf(flag)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const rounds = number("--rounds", 3)
const say = (line: string) => process.stderr.write(`${line}\n`)

/** Marsaglia's xorshift: the same gaps in every run. Half of them under 30 s, half beyond. */
const gaps = (count: number): ReadonlyArray<number> => {
  let state = 20261123
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  return Array.from({ length: count }, (_, at) => (at % 3 === 2 ? 30 + next() * 30 : 0.5 + next() * 29.5))
}

const folder = resolve(process.env["EDGE_WORKER_TEST_SITE_FOLDER"] ?? ".airflow")
const started = find(folder) === undefined
const site = await up(folder, { say, tied: started })

type Samples = Record<string, Array<number>>
const samples: Record<"edge-worker" | "python", Samples> = { "edge-worker": {}, python: {} }
const add = (name: "edge-worker" | "python", values: Record<string, number>) => {
  for (const [what, value] of Object.entries(values)) {
    samples[name][what] = [...(samples[name][what] ?? []), value]
  }
}

try {
  // The bytecode of both is compiled before anything counts.
  for (const contender of contenders) await startUp(site, contender)
  // One after the other, in turns, so that a machine that gets slower is not held against one of them.
  for (let round = 0; round < (quick ? 1 : rounds); round++) {
    for (const contender of contenders) {
      say(`start-up, ${contender.name}`)
      add(contender.name, await startUp(site, contender))
      say(`empty tasks, ${contender.name}`)
      add(contender.name, await manyTasks(site, contender, tasks))
      add(contender.name, await peakMemory(site, contender, tasks))
    }
  }
  // Idle workers wait on a queue of their own, so that they cannot take what the others wait for.
  say("requests of idle workers, meanwhile waits")
  const idle = Promise.all(
    contenders.map(async (contender) =>
      add(contender.name, { requests: await requests(site, contender, quick ? 5 : 300, quick ? 10 : 120) })
    )
  )
  for (const contender of contenders) {
    say(`waits, ${contender.name}`)
    const measured = await waits(
      site,
      contender,
      quick ? [0.5, 2] : gaps(number("--gaps", 12)),
      quick ? 1 : 100
    )
    for (const { gap, wait } of measured.waits)
      add(contender.name, { [gap < 30 ? "waitShort" : "waitLong"]: wait })
    add(contender.name, { idleLater: measured.idleLater })
  }
  await idle
} finally {
  if (started) await down(folder)
}

const row = (key: string, what: string, unit: string, goal?: Row["goal"]): Row => ({
  what,
  unit,
  ours: samples["edge-worker"][key] ?? [],
  python: samples.python[key] ?? [],
  ...(goal === undefined ? {} : { goal })
})
const rows = [
  row("registered", "start until the site has the worker", "s", { value: 0.5 }),
  row("firstLine", "start until the first Python task's first log line", "s"),
  row("idleBefore", "idle memory before Python tasks (PSS)", "MiB", { ratio: 0.5 }),
  row("idleAfter", "idle memory right after Python tasks (PSS)", "MiB", { ratio: 0.5 }),
  row("idleLater", "idle memory 100 s after the last task (PSS)", "MiB", { ratio: 0.5 }),
  row("waitShort", "wait of a queued task after up to 30 s without work", "s", { value: 1 }),
  row("waitLong", "wait of a queued task after 30 to 60 s without work", "s", { value: 3 }),
  row("requests", "requests per minute after five idle minutes", "", { ratio: 1 }),
  row("cpu", `CPU of ${tasks} empty Python tasks on 8 slots`, "s", { ratio: 0.6 }),
  row("peak", "peak memory of the same (PSS)", "MiB", { ratio: 0.8 }),
  row("wall", "wall time of the same", "s")
].filter((one) => one.ours.length > 0 && one.python.length > 0)

const page = `# Figures

Our worker beside \`airflow edge worker\` of edge3 5.1.0 (its default fork mode, warm bytecode), in one run on one Airflow 3.3.2
with SQLite, site and worker on the same machine: ${cpus().length} cores, ${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.versions.node}.
Medians, with the smallest and the largest in parentheses; the ratio is ours to the Python worker's.

Made by \`node bench/run.ts${process.argv
  .slice(2)
  .map((word) => ` ${word}`)
  .join(
    ""
  )}\`. Everything a worker causes is counted: its own processes, the Python host, supervisors and tasks.

${table(rows)}
`
process.stdout.write(page)
if (!quick) {
  writeFileSync(join(import.meta.dirname, "results.md"), page)
  writeFileSync(join(import.meta.dirname, "results.json"), `${JSON.stringify(samples, null, 2)}\n`)
}
