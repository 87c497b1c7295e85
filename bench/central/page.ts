/** page: the figures of a run in one line, and of all in bench/central.md. */
import type { Measured } from "./measure.ts"

const ms = (millis: number) => (millis < 10 ? millis.toFixed(1) : millis.toFixed(0))

export const line = (run: Measured): string =>
  [
    `${run.workers} workers, ${run.centrals} central(s)`,
    `fetch p50 ${ms(run.fetchP50)} ms, p99 ${ms(run.fetchP99)} ms`,
    `CPU ${run.cpuPerSecond.toFixed(2)} s/s, memory ${run.peakMemory.toFixed(0)} MiB`,
    `away ${ms(run.away)} ms`,
    `jobs submitted ${run.submitted}, done ${run.done}, lost ${run.lost.length}, late ${run.late}, given up ${run.stale}`,
    `requests ${run.requests}, unanswered ${run.unanswered}, errors ${run.errors.join(", ") || 0}`
  ].join("; ")

const row = (run: Measured) =>
  [
    run.workers,
    run.centrals,
    run.database === undefined ? "SQLite" : "PostgreSQL",
    ms(run.fetchP50),
    ms(run.fetchP99),
    run.cpuPerSecond.toFixed(2),
    run.peakMemory.toFixed(0),
    ms(run.away),
    run.done,
    run.lost.length,
    run.unanswered,
    run.errors.join(", ") || 0
  ].join(" | ")

export const page = (
  runs: ReadonlyArray<Measured>,
  machine: { readonly cpu: string; readonly cores: number }
): string => {
  const [first] = runs
  return `# What the embedded central bears

Made by \`npm run bench:central\` on ${machine.cores} cores (${machine.cpu}), Node ${process.versions.node}; the load runs on the
same machine. The workers keep Airflow's intervals (heartbeat 30 s, fetch 5 s, again at once after a job) and only say that
they run a job: running, one piece of log, success. ${first?.rate} jobs a second are submitted for ${first?.seconds} s. Halfway one central is ended
with SIGTERM and started again. At the end the central is asked for every job and its log: lost is what did not end as
\`success\` with its log once.

| workers | centrals | database | fetch p50, ms | fetch p99, ms | CPU seconds a second | peak memory, MiB | restart, ms | jobs done | lost | requests unanswered | errors |
| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |
${runs.map((run) => `| ${row(run)} |`).join("\n")}

CPU is that of all centrals together while jobs are submitted, the restart included; memory that of the larger central
since its start; unanswered are the requests that the restart cut off or refused, each of which was sent again.
`
}
