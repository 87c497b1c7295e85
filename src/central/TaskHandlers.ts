/** TaskHandlers: the central's answers to the supervisors of tasks: run, heartbeat, state, and what tasks ask of others. */
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Schema from "effect/Schema"
import { TaskTokens } from "../platform/TaskTokens.ts"
import { JobState } from "../protocol/EdgeApi.ts"
import { TokenTask } from "../protocol/execution/ExecutionToken.ts"
import { TaskUnprocessable } from "../protocol/execution/parts.ts"
import { caller, own, withToken } from "./ExecutionAccess.ts"
import { conflict, denied, exactJson, gone, unavailable, unknown, unsupported } from "./ExecutionAnswers.ts"
import { isEnded, type JobFilter, type JobRecord } from "./JobRecord.ts"
import { Repository } from "./Repository.ts"
import { ServedExecutionApi } from "./ServedExecutionApi.ts"
import { currentRun } from "./TaskRun.ts"
import { Tasks } from "./Tasks.ts"

const empty = (status: number) => HttpServerResponse.empty({ status })

interface Filters {
  readonly dag_id: string
  readonly map_index?: number | undefined
  readonly task_ids?: ReadonlyArray<string> | undefined
  readonly run_ids?: ReadonlyArray<string> | undefined
  readonly states?: ReadonlyArray<string> | undefined
}

const isState = Schema.is(JobState)

/** Of several tries the last one alone is a task instance. */
const filterOf = ({ dag_id, map_index, run_ids, states, task_ids }: Filters): JobFilter => ({
  exactly: { dag_id },
  mapIndex: map_index,
  tasks: task_ids,
  runs: run_ids,
  states: states?.filter(isState),
  latest: true
})

/** `task`, or `task_3` of a mapped one (Airflow 3.3.2, `routes/task_instances.py`). */
const stateName = ({ key }: JobRecord) =>
  key.map_index < 0 ? key.task_id : `${key.task_id}_${key.map_index}`

/** What went wrong with one task. */
const refusals = { TaskUnknown: unknown, TaskConflict: conflict, RepositoryUnavailable: unavailable } as const

export const taskInstances = HttpApiBuilder.group(
  ServedExecutionApi,
  "taskInstances",
  Effect.fnUntraced(function* (group) {
    const tasks = yield* Tasks
    const repository = yield* Repository
    const tokens = yield* TaskTokens
    return group.handleAll({
      run: Effect.fnUntraced(function* ({ params, payload }) {
        const id = yield* own(params.task_instance_id, "any")
        const context = yield* tasks.run(id, payload)
        const answer = exactJson(context)
        // One of scope execution is given its next token by the check of tokens.
        return (yield* TokenTask).scope === "workload"
          ? withToken(answer, yield* tokens.issue(id, "execution"))
          : answer
      }, Effect.catchTags(refusals)),
      setState: Effect.fnUntraced(
        function* ({ params, payload }) {
          const id = yield* own(params.task_instance_id)
          const done = yield* tasks.setState(id, payload)
          return empty(done === "already" ? 200 : 204)
        },
        Effect.catchTags({ ...refusals, TaskUnsupported: unsupported })
      ),
      skipDownstream: Effect.fnUntraced(
        function* ({ params, payload }) {
          const id = yield* own(params.task_instance_id)
          yield* tasks.skip(
            id,
            payload.tasks.map((task) => (typeof task === "string" ? ([task, -1] as const) : task))
          )
        },
        Effect.catchTags({ TaskUnknown: unknown, TaskConflict: denied, RepositoryUnavailable: unavailable })
      ),
      heartbeat: Effect.fnUntraced(
        function* ({ params, payload }) {
          const id = yield* own(params.task_instance_id)
          yield* tasks.running(id, payload)
        },
        Effect.catchTags({ ...refusals, TaskUnknown: gone })
      ),
      // Nothing here shows rendered fields and names, so they are not kept.
      rtif: Effect.fnUntraced(
        function* ({ params }) {
          const id = yield* own(params.task_instance_id)
          yield* tasks.running(id)
          return { message: "Rendered task instance fields successfully set" }
        },
        Effect.catchTags({ TaskUnknown: gone, TaskConflict: denied, RepositoryUnavailable: unavailable })
      ),
      renderedMapIndex: Effect.fnUntraced(
        function* ({ params, payload }) {
          const id = yield* own(params.task_instance_id)
          if (payload === "")
            return yield* new TaskUnprocessable({ detail: "rendered_map_index cannot be empty" })
          yield* tasks.running(id)
        },
        Effect.catchTags({ TaskUnknown: unknown, TaskConflict: denied, RepositoryUnavailable: unavailable })
      ),
      previousSuccessfulDagRun: ({ params }) => Effect.as(own(params.task_instance_id), {}),
      validateInletsAndOutlets: ({ params }) =>
        Effect.as(own(params.task_instance_id), { inactive_assets: [] }),
      count: ({ query }) =>
        Effect.andThen(caller, repository.tallyJobs(filterOf(query))).pipe(
          Effect.map((tallies) => tallies.reduce((sum, { jobs }) => sum + jobs, 0)),
          Effect.catchTag("RepositoryUnavailable", unavailable)
        ),
      states: ({ query }) =>
        Effect.andThen(caller, repository.jobs(filterOf(query))).pipe(
          Effect.map((jobs) => {
            const task_states: Record<string, Record<string, string>> = {}
            for (const job of jobs)
              task_states[job.key.run_id] = { ...task_states[job.key.run_id], [stateName(job)]: job.state }
            return { task_states }
          }),
          Effect.catchTag("RepositoryUnavailable", unavailable)
        ),
      previous: () => Effect.as(caller, null),
      breadcrumbs: ({ query: { dag_id, run_id } }) =>
        Effect.andThen(caller, repository.jobs({ exactly: { dag_id, run_id }, latest: true })).pipe(
          Effect.map((jobs) => ({
            breadcrumbs: jobs
              .filter(({ state }) => isEnded(state))
              .map(({ key: { map_index, task_id }, state }) => ({
                task_id,
                map_index,
                state,
                operator: null,
                duration: null
              }))
          })),
          Effect.catchTag("RepositoryUnavailable", unavailable)
        )
    })
  })
)

export const taskReschedules = HttpApiBuilder.group(
  ServedExecutionApi,
  "taskReschedules",
  Effect.fnUntraced(function* (group) {
    const tasks = yield* Tasks
    return group.handleAll({
      startDate: Effect.fnUntraced(
        function* ({ params }) {
          const id = yield* own(params.task_instance_id)
          const run = currentRun(yield* tasks.running(id))
          return run === null || run.reschedules === 0 ? null : run.firstStart
        },
        Effect.catchTags({ TaskUnknown: unknown, TaskConflict: denied, RepositoryUnavailable: unavailable })
      )
    })
  })
)
