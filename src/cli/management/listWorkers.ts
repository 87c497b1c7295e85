/** listWorkers: `edge-worker list-workers`. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ManagementClient } from "../../management/ManagementClient.ts"
import type { Worker } from "../../protocol/ManagementApi.ts"
import { WorkerState } from "../../protocol/WorkerState.ts"
import { print } from "../print.ts"
import { globMatches, literalPart } from "./glob.ts"
import { described } from "./managedWorker.ts"
import { format, numberText, outputFlag, type Row } from "./output.ts"
import { onSite, siteFlags } from "./siteFlags.ts"
import { queuesFilter, stateFlag, states } from "./stateFlag.ts"

/** As `airflow edge list-workers` (edge3 5.1.0, `cli/edge_command.py`). */
const columns = [
  "worker_name",
  "state",
  "queues",
  "jobs_active",
  "maintenance_comment",
  "concurrency",
  "free_concurrency"
]

const row = (worker: Worker): Row => ({
  worker_name: worker.worker_name,
  state: worker.state,
  queues: worker.queues ?? null,
  jobs_active: numberText(worker.jobs_active ?? 0),
  maintenance_comment: worker.maintenance_comments ?? null,
  concurrency: numberText(worker.sysinfo["concurrency"]),
  free_concurrency: numberText(worker.sysinfo["free_concurrency"])
})

const flags = {
  output: outputFlag,
  state: stateFlag("Only workers in these states; repeated, or with commas"),
  pattern: Flag.String("worker-name-pattern").pipe(
    Flag.withMetavar("GLOB"),
    Flag.withDescription("Only workers of such a name, as in 'prod-*'"),
    Flag.optional
  ),
  queues: queuesFilter("Only workers that serve one of these queues by name"),
  ...siteFlags
}

export const listWorkers = Command.make("list-workers", flags, (given) =>
  Effect.gen(function* () {
    const wanted = yield* states("list-workers", WorkerState.literals, given.state)
    const pattern = Option.getOrUndefined(given.pattern)
    const part = pattern === undefined ? undefined : literalPart(pattern)
    const matches = pattern === undefined ? () => true : globMatches(pattern)
    yield* Effect.gen(function* () {
      const client = yield* ManagementClient
      const found = yield* client.workers({
        ...(part === undefined ? {} : { worker_name_pattern: part }),
        ...(wanted.length === 0 ? {} : { state: wanted })
      })
      const workers = found.filter(
        ({ queues, worker_name }) =>
          matches(worker_name) &&
          (given.queues.length === 0 || queues?.some((queue) => given.queues.includes(queue)))
      )
      yield* print(`${format(given.output, columns, workers.map(row))}\n`)
    }).pipe(onSite("list-workers", given))
  })
).pipe(
  Command.withShortDescription("List the workers that the site knows"),
  Command.withDescription(
    described(
      "Lists the workers of the site with state, queues, jobs, comment and slots, sorted by name.",
      "A worker with the queues None serves every queue; -q does not find it, as in Airflow."
    )
  ),
  Command.withExamples([
    { command: "edge-worker list-workers", description: "All of them" },
    {
      command: "edge-worker list-workers -s idle,running -q gpu",
      description: "Who works on the queue gpu?"
    },
    {
      command: "edge-worker list-workers --worker-name-pattern 'prod-*' -o json",
      description: "For a program"
    }
  ])
)
