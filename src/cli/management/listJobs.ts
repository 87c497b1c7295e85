/** listJobs: `edge-worker list-jobs`; Airflow has these only on its web page. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { JobState } from "../../protocol/EdgeApi.ts"
import type { JobFilters, ManagedJob } from "../../protocol/ManagementApi.ts"
import { print } from "../print.ts"
import { globMatches, literalPart } from "./glob.ts"
import { described } from "./managedWorker.ts"
import { format, numberText, outputFlag, type Row } from "./output.ts"
import { onSite, siteFlags } from "./siteFlags.ts"
import { queuesFilter, stateFlag, states } from "./stateFlag.ts"

const columns = [
  "dag_id",
  "run_id",
  "task_id",
  "map_index",
  "try_number",
  "state",
  "queue",
  "edge_worker",
  "queued_dttm",
  "last_update"
]

const row = (job: ManagedJob): Row => ({
  dag_id: job.dag_id,
  run_id: job.run_id,
  task_id: job.task_id,
  map_index: numberText(job.map_index),
  try_number: numberText(job.try_number),
  state: job.state,
  queue: job.queue,
  edge_worker: job.edge_worker ?? null,
  queued_dttm: job.queued_dttm ?? null,
  last_update: job.last_update ?? null
})

const glob = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("GLOB"), Flag.withDescription(description), Flag.optional)

const flags = {
  output: outputFlag,
  dag: glob("dag-id", "Only jobs of such a DAG"),
  run: glob("run-id", "Only jobs of such a run"),
  task: glob("task-id", "Only jobs of such a task"),
  worker: glob("worker-name-pattern", "Only jobs that such a worker has or had"),
  state: stateFlag("Only jobs in these states; repeated, or with commas"),
  queues: queuesFilter("Only jobs of one of these queues"),
  ...siteFlags
}

/** A filter of the site and the exact one for what it lets through. */
const filter = (
  field: "dag_id_pattern" | "run_id_pattern" | "task_id_pattern" | "worker_name_pattern",
  given: Option.Option<string>,
  of: (job: ManagedJob) => string
) => {
  if (Option.isNone(given)) return { query: {}, passes: () => true }
  const part = literalPart(given.value)
  const matches = globMatches(given.value)
  return { query: part === undefined ? {} : { [field]: part }, passes: (job: ManagedJob) => matches(of(job)) }
}

export const listJobs = Command.make("list-jobs", flags, (given) =>
  Effect.gen(function* () {
    const wanted = yield* states("list-jobs", JobState.literals, given.state)
    const filters = [
      filter("dag_id_pattern", given.dag, (job) => job.dag_id),
      filter("run_id_pattern", given.run, (job) => job.run_id),
      filter("task_id_pattern", given.task, (job) => job.task_id),
      filter("worker_name_pattern", given.worker, (job) => job.edge_worker ?? "")
    ]
    const query: JobFilters = Object.assign(
      wanted.length === 0 ? {} : { state: wanted },
      ...filters.map((one) => one.query)
    )
    yield* Effect.gen(function* () {
      const client = yield* ManagementClient
      const jobs = (yield* client.jobs(query)).filter(
        (job) =>
          filters.every((one) => one.passes(job)) &&
          (given.queues.length === 0 || given.queues.includes(job.queue))
      )
      yield* print(`${format(given.output, columns, jobs.map(row))}\n`)
    }).pipe(onSite("list-jobs", given))
  })
).pipe(
  Command.withShortDescription("List the jobs that the site has on record"),
  Command.withDescription(
    described(
      "Lists jobs that wait, run or have ended not long ago, the oldest first. A GLOB is exact but for * and ?."
    )
  ),
  Command.withExamples([
    { command: "edge-worker list-jobs -s queued -q gpu", description: "What waits for the queue gpu?" },
    {
      command: "edge-worker list-jobs -s running --worker-name-pattern gpu-1",
      description: "What does gpu-1 run?"
    },
    { command: "edge-worker list-jobs --dag-id 'etl_*' -o json", description: "For a program" }
  ])
)
