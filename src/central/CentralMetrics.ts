/** CentralMetrics: what the central counts and measures, each under Airflow's own name. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import type { JobState } from "../protocol/EdgeApi.ts"
import type { JobRecord } from "./JobRecord.ts"
import type { WorkerRecord } from "./WorkerRecord.ts"

type Tags = Readonly<Record<string, string>>

const tagsOf = ({ key, queue, team }: JobRecord): Tags => ({
  dag_id: key.dag_id,
  task_id: key.task_id,
  queue,
  ...(team === null ? {} : { team_name: team })
})

const started = Metric.counter("edge_worker.ti.start", {
  description: "Jobs that a worker was given",
  incremental: true
})
const finished = Metric.counter("edge_worker.ti.finish", {
  description: "Jobs that have ended, by state",
  incremental: true
})
const sync = Metric.histogram("edge_executor.sync.duration", {
  description: "Milliseconds that one look after silent workers and lost jobs takes",
  boundaries: [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000]
})

const heartbeats = Metric.counter("edge_worker.heartbeat_count", {
  description: "Heartbeats of workers",
  incremental: true
})

/** A heartbeat was stored. */
export const heartbeatStored = ({ name, team }: WorkerRecord): Effect.Effect<void> =>
  Metric.update(
    Metric.withAttributes(heartbeats, { worker_name: name, ...(team === null ? {} : { team_name: team }) }),
    1
  )

/** A worker was given the job. */
export const jobStarted = (job: JobRecord): Effect.Effect<void> =>
  Metric.update(Metric.withAttributes(started, tagsOf(job)), 1)

/** The job has ended. */
export const jobFinished = (job: JobRecord, state: JobState): Effect.Effect<void> =>
  Metric.update(Metric.withAttributes(finished, { ...tagsOf(job), state }), 1)

/** Measures a look of the sweeper. */
export const syncTimed = <A, E, R>(look: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Clock.currentTimeMillis, (before) =>
    Effect.tap(look, () =>
      Effect.flatMap(Clock.currentTimeMillis, (after) => Metric.update(sync, after - before))
    )
  )

/** What the worker's own numbers may not be called (edge3 5.1.0, `models/edge_worker.py`, `set_metrics`). */
const notMetrics: ReadonlyArray<string> = [
  "status",
  "airflow_version",
  "edge_provider_version",
  "python_version",
  "worker_start_time",
  "concurrency",
  "free_concurrency"
]

const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0)

/** Of a sysinfo key, which is the worker's own, what may stand in a metric's name: no two keys become the same one. */
const named = (key: string): string =>
  key
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_|_$/g, "")
    .slice(0, 100)

/** As many numbers of its own as one worker may show. */
const most = 100

/** The worker's own numbers, less those that would be mistaken for another metric. */
const ownNumbers = (sysinfo: WorkerRecord["sysinfo"], taken: ReadonlySet<string>) => {
  const own = new Map<string, number>()
  for (const [key, value] of Object.entries(sysinfo)) {
    const name = named(key)
    if (typeof value !== "number" || notMetrics.includes(key) || name === "" || own.size >= most) continue
    if (!taken.has(name) && !own.has(name) && !name.startsWith("ti_")) own.set(name, value)
  }
  return own
}

/** What is known of a worker, as gauges. */
const workerGauges = (worker: WorkerRecord): Effect.Effect<void> => {
  const { jobsActive, name, state, sysinfo, team } = worker
  const queues = worker.queues ?? []
  const tags: Tags = { worker_name: name, ...(team === null ? {} : { team_name: team }) }
  const connected = !["unknown", "offline", "offline maintenance"].includes(state)
  const maintenance = ["maintenance mode", "maintenance exit", "offline maintenance"].includes(state)
  // A worker that vanished runs nothing and has nothing free, whatever it said last.
  const said = (value: unknown) => (state === "unknown" ? 0 : numberOf(value))
  const known = new Map([
    ["status", said(sysinfo["status"])],
    ["connected", Number(connected)],
    ["maintenance", Number(maintenance)],
    ["jobs_active", said(jobsActive)],
    ["concurrency", said(sysinfo["concurrency"])],
    ["free_concurrency", said(sysinfo["free_concurrency"])]
  ])
  const gauge = (key: string, value: number, more: Tags = {}) =>
    Metric.update(Metric.withAttributes(Metric.gauge(`edge_worker.${key}`), { ...tags, ...more }), value)
  const own = ownNumbers(sysinfo, new Set([...known.keys(), "num_queues"]))
  return Effect.all(
    [
      ...[...known, ...own].map(([key, value]) => gauge(key, value)),
      gauge("num_queues", queues.length, { queues: queues.join(",") })
    ],
    { discard: true }
  )
}

/** What is known of workers, in a registry of its own. */
const gaugesOf = (workers: ReadonlyArray<WorkerRecord>) =>
  Effect.suspend(() => {
    const registry: Metric.MetricRegistry = new Map()
    return Effect.forEach(workers, workerGauges, { discard: true }).pipe(
      Effect.provideService(Metric.MetricRegistry, registry),
      Effect.as(registry)
    )
  })

/**
 * All of it in one registry. Counts are this central's own; what is known of workers is read anew, so that each central of
 * several tells all, and nothing of a worker that was removed.
 */
export const registry = Effect.fnUntraced(function* (workers: ReadonlyArray<WorkerRecord>) {
  const counts = yield* Metric.MetricRegistry
  return new Map([...counts, ...(yield* gaugesOf(workers))])
})

/** The same as Prometheus reads it, dots as underscores. */
export const prometheus = (workers: ReadonlyArray<WorkerRecord>): Effect.Effect<string> =>
  Effect.flatMap(registry(workers), (all) =>
    PrometheusMetrics.format().pipe(Effect.provideService(Metric.MetricRegistry, all))
  )
