/** RunHandlers: what this central says of runs, Dags and assets: of runs what its jobs say, of the others that there are none. */
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { TaskUnprocessable } from "../protocol/execution/parts.ts"
import { dagOf, dagRunOf, runState } from "./DagRuns.ts"
import { caller, own } from "./ExecutionAccess.ts"
import { absent, lacking, unavailable } from "./ExecutionAnswers.ts"
import type { JobTally } from "./JobRecord.ts"
import { Repository } from "./Repository.ts"
import { ServedExecutionApi } from "./ServedExecutionApi.ts"

const isOneOf = (wanted: ReadonlyArray<string> | undefined, value: string) =>
  wanted === undefined || wanted.includes(value)

const byRun = (tallies: ReadonlyArray<JobTally>) => Map.groupBy(tallies, ({ run_id }) => run_id).values()

export const dagRuns = HttpApiBuilder.group(
  ServedExecutionApi,
  "dagRuns",
  Effect.fnUntraced(function* (group) {
    const repository = yield* Repository
    const jobsOf = Effect.fnUntraced(function* (dag_id: string, run_id: string) {
      yield* caller
      const filter = { exactly: { dag_id, run_id } }
      const [first] = yield* repository.jobs(filter, 1)
      return first === undefined
        ? yield* absent(`Dag run with run_id: '${run_id}' of Dag '${dag_id}' not found`)
        : { first, jobs: yield* repository.tallyJobs(filter) }
    })
    const noOther = Effect.andThen(caller, Effect.fail(lacking("scheduler that could start a run")))
    return group.handleAll({
      get: ({ params: { dag_id, run_id } }) =>
        jobsOf(dag_id, run_id).pipe(
          Effect.map(({ first, jobs }) => dagRunOf(first, jobs)),
          Effect.catchTag("RepositoryUnavailable", unavailable)
        ),
      trigger: () => noOther,
      clear: () => noOther,
      state: ({ params: { dag_id, run_id } }) =>
        jobsOf(dag_id, run_id).pipe(
          Effect.map(({ jobs }) => ({ state: runState(jobs) })),
          Effect.catchTag("RepositoryUnavailable", unavailable)
        ),
      count: ({ query: { dag_id, run_ids, states } }) =>
        Effect.andThen(caller, repository.tallyJobs({ exactly: { dag_id }, runs: run_ids })).pipe(
          Effect.map((tallies) => [...byRun(tallies)].filter((its) => isOneOf(states, runState(its))).length),
          Effect.catchTag("RepositoryUnavailable", unavailable)
        ),
      previous: () => Effect.as(caller, null)
    })
  })
)

export const dags = HttpApiBuilder.group(
  ServedExecutionApi,
  "dags",
  Effect.fnUntraced(function* (group) {
    const repository = yield* Repository
    return group.handleAll({
      get: Effect.fnUntraced(
        function* ({ params: { dag_id } }) {
          yield* caller
          const [known] = yield* repository.jobs({ exactly: { dag_id } }, 1)
          return known === undefined
            ? yield* absent(`The Dag with ID: '${dag_id}' was not found`)
            : dagOf(dag_id)
        },
        Effect.catchTag("RepositoryUnavailable", unavailable)
      )
    })
  })
)

const noAssets = () => Effect.andThen(caller, Effect.fail(lacking("assets")))
const noEvents = () => Effect.as(caller, { asset_events: [] })

export const assets = HttpApiBuilder.group(ServedExecutionApi, "assets", (group) =>
  group.handleAll({ byName: noAssets, byUri: noAssets, byAlias: () => Effect.as(caller, []) })
)

export const assetEvents = HttpApiBuilder.group(ServedExecutionApi, "assetEvents", (group) =>
  group.handleAll({ byAsset: noEvents, byAlias: noEvents })
)

const noTaskStore = ({ params }: { readonly params: { readonly task_instance_id: string } }) =>
  Effect.andThen(own(params.task_instance_id), Effect.fail(lacking("store for the state of tasks")))

export const taskStore = HttpApiBuilder.group(ServedExecutionApi, "taskStore", (group) =>
  group.handleAll({ get: noTaskStore, put: noTaskStore, remove: noTaskStore, clear: noTaskStore })
)

export const assetStore = HttpApiBuilder.group(ServedExecutionApi, "assetStore", (group) =>
  group.handleAll({
    getByName: noAssets,
    putByName: noAssets,
    removeByName: noAssets,
    clearByName: noAssets,
    getByUri: noAssets,
    putByUri: noAssets,
    removeByUri: noAssets,
    clearByUri: noAssets
  })
)

const nobody = ({ params }: { readonly params: { readonly task_instance_id: string } }) =>
  Effect.andThen(
    own(params.task_instance_id),
    Effect.fail(
      new TaskUnprocessable({
        detail: {
          reason: "not_supported",
          message: "this central asks nobody: there is no input of a person here"
        }
      })
    )
  )

export const hitl = HttpApiBuilder.group(ServedExecutionApi, "hitl", (group) =>
  group.handleAll({ ask: nobody, answer: nobody, get: nobody })
)

export const health = HttpApiBuilder.group(ServedExecutionApi, "executionHealth", (group) =>
  group.handle("health", () => Effect.succeed({ status: "healthy" }))
)
