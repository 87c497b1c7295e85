/** Tasks: the embedded central's Python tasks, from `run` to the state that their supervisors report. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { TIRunContext } from "../protocol/execution/RunContext.ts"
import type { EnterRunning, HeartbeatInfo } from "../protocol/execution/TaskInstances.ts"
import type { TaskStateBody } from "../protocol/execution/TaskStates.ts"
import { display } from "../protocol/Job.ts"
import { dagRunOf } from "./DagRuns.ts"
import type { JobRecord } from "./JobRecord.ts"
import { type Change, Repository, type RepositoryUnavailable } from "./Repository.ts"
import { mayRetry } from "./Retries.ts"
import { alive, ended, started, type TaskConflict, TaskUnknown, type TaskUnsupported } from "./TaskRules.ts"
import { currentRun } from "./TaskRun.ts"

type Stored<A, E = never> = Effect.Effect<A, E | RepositoryUnavailable>

/** What supervisors do with their tasks; each is named by the id of its claim. */
export class Tasks extends Context.Service<
  Tasks,
  {
    readonly run: (id: string, body: EnterRunning) => Stored<TIRunContext, TaskUnknown | TaskConflict>
    readonly setState: (
      id: string,
      body: TaskStateBody
    ) => Stored<"changed" | "already", TaskUnknown | TaskConflict | TaskUnsupported>
    /** The job of a task that runs, which nobody has taken from it. `who`: that runs there. */
    readonly running: (id: string, who?: HeartbeatInfo) => Stored<JobRecord, TaskUnknown | TaskConflict>
    /** Tasks of the same run that wait and shall not run, by name and map index. */
    readonly skip: (
      id: string,
      tasks: ReadonlyArray<readonly [task: string, mapIndex: number]>
    ) => Stored<void, TaskUnknown | TaskConflict>
  }
>()("edge-worker/central/Tasks") {
  static readonly layer = Layer.effect(
    Tasks,
    Effect.gen(function* () {
      const repository = yield* Repository

      const change = Effect.fnUntraced(function* <A, E>(id: string, rule: Change<JobRecord, A, E>) {
        const job = yield* repository.jobOf(id)
        if (job === undefined) return yield* new TaskUnknown()
        return yield* repository.changeJob(job.key, rule)
      })
      const running = Effect.fnUntraced(function* (id: string, who?: HeartbeatInfo) {
        return yield* Effect.fromResult(alive(yield* repository.jobOf(id), id, who))
      })

      return Tasks.of({
        run: Effect.fnUntraced(function* (id, body) {
          const job = yield* change(id, started(id, body, yield* Clock.currentTimeMillis))
          const { dag_id, map_index, run_id, task_id } = job.key
          const jobs = yield* repository.tallyJobs({ exactly: { dag_id, run_id } })
          const left = yield* repository.xcoms({ dag_id, run_id, task_id, map_index })
          yield* Effect.logDebug(`${display(job.key)} runs at ${body.hostname}, process ${body.pid}`)
          return {
            dag_run: dagRunOf(job, jobs),
            task_reschedule_count: currentRun(job)?.reschedules ?? 0,
            max_tries: job.retries,
            variables: [],
            connections: [],
            xcom_keys_to_clear: left.map(({ key }) => key),
            should_retry: mayRetry(job)
          }
        }),
        setState: Effect.fnUntraced(function* (id, body) {
          return yield* change(id, ended(id, body, yield* Clock.currentTimeMillis))
        }),
        running,
        skip: Effect.fnUntraced(function* (id, tasks) {
          const { key } = yield* running(id)
          const now = yield* Clock.currentTimeMillis
          const wanted = new Set(tasks.map((task) => JSON.stringify(task)))
          yield* repository.changeJobs(
            {
              exactly: { dag_id: key.dag_id, run_id: key.run_id },
              states: ["queued", "up_for_reschedule", "up_for_retry"]
            },
            (job) =>
              wanted.has(JSON.stringify([job.key.task_id, job.key.map_index]))
                ? { ...job, state: "skipped", lastUpdate: now }
                : job
          )
        })
      })
    })
  )
}
