/** RepositoryFilters: which rows fit a filter or an ask, where no database can tell. */
import type { Ask, JobFilter, JobRecord, JobTally } from "./JobRecord.ts"
import type { WorkerFilter, WorkerRecord } from "./WorkerRecord.ts"

/** Without case: of the letters A to Z alone, as every database can. */
export const fold = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** An empty pattern is as good as none. */
const isIn = (pattern: string | undefined, text: string | null): boolean =>
  pattern === undefined || pattern === "" || (text !== null && fold(text).includes(fold(pattern)))

const isOneOf = <A>(wanted: ReadonlyArray<A> | undefined, value: A): boolean =>
  wanted === undefined || wanted.includes(value)

const isBefore = (limit: number | undefined, time: number): boolean => limit === undefined || time < limit

export const fitsWorker =
  ({ name, queue, silentSince, states }: WorkerFilter) =>
  (worker: WorkerRecord): boolean =>
    isIn(name, worker.name) &&
    (queue === undefined ||
      queue === "" ||
      (worker.queues ?? []).some((own) => fold(own).startsWith(fold(queue)))) &&
    isOneOf(states, worker.state) &&
    isBefore(silentSince, worker.lastUpdate)

export const fitsJob =
  (filter: JobFilter) =>
  (job: JobRecord): boolean =>
    isIn(filter.dag, job.key.dag_id) &&
    isIn(filter.run, job.key.run_id) &&
    isIn(filter.task, job.key.task_id) &&
    (filter.exactly?.dag_id ?? job.key.dag_id) === job.key.dag_id &&
    (filter.exactly?.run_id ?? job.key.run_id) === job.key.run_id &&
    (filter.exactly?.task_id ?? job.key.task_id) === job.key.task_id &&
    isOneOf(filter.runs, job.key.run_id) &&
    isOneOf(filter.tasks, job.key.task_id) &&
    (filter.mapIndex ?? job.key.map_index) === job.key.map_index &&
    isIn(filter.queue, job.queue) &&
    isIn(filter.worker, job.worker) &&
    isOneOf(filter.states, job.state) &&
    (filter.heldBy === undefined || job.worker === filter.heldBy) &&
    isBefore(filter.updatedBefore, job.lastUpdate) &&
    (filter.updatedSince === undefined || job.lastUpdate >= filter.updatedSince) &&
    !(filter.latest === true && job.retried)

export const fitsAsk =
  ({ freeSlots, queues, team }: Ask) =>
  (job: JobRecord): boolean =>
    job.state === "queued" &&
    job.slots <= freeSlots &&
    (queues === null || queues.includes(job.queue)) &&
    (team === null || job.team === team)

/** Callbacks, then the highest priority, then the oldest. */
export const byClaimOrder = (a: JobRecord, b: JobRecord): number =>
  Number(b.kind === "callback") - Number(a.kind === "callback") ||
  b.priority - a.priority ||
  a.queuedAt - b.queuedAt

/** What a claim makes of a job. */
export const claimed = (job: JobRecord, { now, taskInstanceId, worker }: Ask): JobRecord => ({
  ...job,
  state: "restarting",
  taskInstanceId: job.raw ? job.taskInstanceId : taskInstanceId,
  lastUpdate: now,
  worker,
  claims: job.claims + 1
})

/** Jobs by run, state and whether another try has followed. */
export const tallied = (jobs: ReadonlyArray<JobRecord>): ReadonlyArray<JobTally> => {
  const tallies = new Map<string, JobTally>()
  for (const { key, lastUpdate, queuedAt, retried, state } of jobs) {
    const id = JSON.stringify([key.run_id, state, retried])
    const before = tallies.get(id)
    tallies.set(id, {
      run_id: key.run_id,
      state,
      retried,
      jobs: (before?.jobs ?? 0) + 1,
      queuedAt: Math.min(before?.queuedAt ?? queuedAt, queuedAt),
      lastUpdate: Math.max(before?.lastUpdate ?? lastUpdate, lastUpdate)
    })
  }
  return [...tallies.values()]
}
