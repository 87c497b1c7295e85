/** page: the figures of bench/native.ts as a table with the goals beside them. */
import { median } from "../figures.ts"

/** By contender, then by what was measured. */
export type NativeSamples = Record<string, Record<string, ReadonlyArray<number>>>

const quantile = (samples: ReadonlyArray<number>, part: number) =>
  samples.toSorted((a, b) => a - b)[Math.floor((samples.length - 1) * part)] ?? Number.NaN

const spread = (samples: ReadonlyArray<number>, digits: number) => {
  const text = (n: number) => n.toFixed(digits)
  if (samples.length === 0) return "–"
  return samples.length === 1
    ? text(samples[0] ?? Number.NaN)
    : `${text(median(samples))} (${text(Math.min(...samples))}–${text(Math.max(...samples))})`
}

const met = (yes: boolean) => (yes ? "met" : "**missed**")

const goals = (samples: NativeSamples, name: string) => {
  const limit = name === "isolation process" ? 30 : name === "isolation none" ? 10 : undefined
  if (limit === undefined) return ""
  const rateOf = (one: string) => median(samples[one]?.["rate"] ?? [])
  const rate = rateOf(name) / rateOf("null worker")
  const noLogs = rateOf(name) / rateOf("null worker, no logs")
  const cpu = median(samples[name]?.["cpu"] ?? [])
  return `≥ 0.8 of the null worker's rate: ${rate.toFixed(2)}, ${met(rate >= 0.8)} (${noLogs.toFixed(2)} of the one without logs); ≤ ${limit} ms of CPU: ${met(cpu <= limit)}`
}

/** The page. */
export const page = (
  samples: NativeSamples,
  machine: {
    readonly cores: number
    readonly cpu: string
    readonly words: ReadonlyArray<string>
    readonly runs: number
  }
): string => {
  const row = (name: string) => {
    const all = samples[name] ?? {}
    const latency = all["latency"] ?? []
    return `| ${[
      name,
      spread(all["rate"] ?? [], 1),
      spread(all["firstCpu"] ?? [], 1),
      spread(all["nextCpu"] ?? [], 1),
      spread(all["cpu"] ?? [], 1),
      latency.length === 0
        ? "–"
        : `${quantile(latency, 0.5).toFixed(0)}, ${quantile(latency, 0.99).toFixed(0)}`,
      goals(samples, name)
    ].join(" | ")} |`
  }
  const busyRow = (name: string) => {
    const { busyCpu = [], busyRate = [] } = samples[name] ?? {}
    return busyCpu.length === 0 ? [] : [`| ${name} | ${spread(busyRate, 0)} | ${spread(busyCpu, 1)} |`]
  }
  return `# What a task in TypeScript costs

200 empty tasks on 8 slots, each with one line of log, on one Airflow 3.3.2 with SQLite; site and workers on the same machine:
${machine.cores} cores, ${machine.cpu}, Node ${process.versions.node}. Medians of the rounds, with the smallest and the largest. Made by \`node
bench/native.ts${machine.words.map((word) => ` ${word}`).join("")}\`, all in one run, in turns.

| | tasks a second | CPU a task, ms: first 200 | next 200 | last 200 of ${machine.runs * 200} | claim to first line, ms (p50, p99) | goals |
| --- | --- | --- | --- | --- | --- | --- |
${Object.keys(samples).map(row).join("\n")}

*null worker*: makes only the requests that no worker can avoid (fetch, running, run, state, success, and one for the task's
line of log) and runs nothing; its rate is the site's own limit. *no logs*: the same without the log, which no worker whose
tasks write one can leave out; it shows what that takes of the site. *isolation process*: the default, each attempt alone in a
reused child process. *isolation none*: in the worker's own process. *python*: Airflow's own worker of edge3 5.1.0 with 50 empty
Python tasks, for comparison. CPU is that of all processes of the worker, its tasks included; in the first tasks after its start
the worker starts the processes for them and V8 compiles what runs often. The goals are for a worker that has run for some time:
they are held against the last 200 tasks.

## A worker that does not wait for the site

The site above keeps both cores busy, and the worker sleeps and wakes between two answers beside it. Here all jobs are there
from the start, at the embedded central: 800 tasks on 8 slots, without the first 200.

| | tasks a second | CPU a task, ms |
| --- | --- | --- |
${Object.keys(samples).flatMap(busyRow).join("\n")}
`
}
