/** TestTask: runs a task without a site, with what it finds and does there in memory. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type {
  ErrorResponse,
  FromTask,
  LogEvent,
  StartupDetails,
  TaskAnswer,
  TaskEnd,
  TaskRequest,
  ToTask
} from "../protocol/TaskComms.ts"
import { plainJson } from "../task/jsonValue.ts"
import { serveTask } from "../task/serveTask.ts"
import type { Task } from "../task/Task.ts"
import * as TaskRegistry from "../task/TaskRegistry.ts"
import { type GivenXCom, make as makeSite, type SiteOptions } from "./TaskSite.ts"

/** What the task finds. */
export interface TestTaskOptions extends Omit<SiteOptions, "xcoms"> {
  /** The run's `conf`. */
  readonly params?: Readonly<Record<string, unknown>>
  /** What upstream tasks returned, by their ids; or a list, which says keys and map indexes too. */
  readonly xcoms?: Readonly<Record<string, unknown>> | ReadonlyArray<GivenXCom>
  /** Of the run, in the site's words. */
  readonly dagRun?: Partial<StartupDetails["ti_context"]["dag_run"]>
  readonly mapIndex?: number
  readonly tryNumber?: number
  /** Whether a failure is followed by another try; false by default. */
  readonly shouldRetry?: boolean
  readonly rescheduleCount?: number
  /** Goes on after a deferral. */
  readonly resume?: { readonly method: string; readonly kwargs?: Readonly<Record<string, unknown>> }
  /** W3C `traceparent` of the Dag run's trace. */
  readonly traceparent?: string
  /** The task is asked to end when this ends. */
  readonly cancelWhen?: Effect.Effect<unknown>
  /** Answers instead of the site in memory where it gives something. */
  readonly answer?: (request: TaskRequest) => TaskAnswer | ErrorResponse | undefined
}

/** A run that was triggered. */
export type Triggered = Omit<Extract<TaskRequest, { readonly type: "TriggerDagRun" }>, "type">

/** What came of it. */
export interface TestedTask {
  /** Its last word to the site. */
  readonly end: TaskEnd
  /** The XCom `return_value`; undefined where it pushed none. */
  readonly returned: unknown
  /** The XComs of this task instance by key, as plain JSON. */
  readonly xcoms: Readonly<Record<string, unknown>>
  readonly variables: Readonly<Record<string, string>>
  readonly taskStore: Readonly<Record<string, unknown>>
  readonly log: ReadonlyArray<LogEvent>
  readonly triggered: ReadonlyArray<Triggered>
  /** Everything that it asked for, in order. */
  readonly requests: ReadonlyArray<TaskRequest>
}

const runId = "test-run"
const tiId = "01900000-0000-7000-8000-000000000001"

/** The details of an attempt, as an Airflow 3.3.2 and our attempt send them. */
export const startupDetails = (
  task: { readonly dagId: string; readonly taskId: string },
  now: string,
  options: TestTaskOptions = {}
): StartupDetails => {
  const { resume, shouldRetry = false, tryNumber = 1 } = options
  // over the wire and back, so that the task meets numbers as a site sends them
  const conf = plainJson(options.params ?? {})
  return {
    type: "StartupDetails",
    ti: {
      ...{ id: tiId, dag_id: task.dagId, task_id: task.taskId, run_id: runId, try_number: tryNumber },
      ...{
        dag_version_id: tiId,
        map_index: options.mapIndex ?? -1,
        hostname: "test-worker",
        queue: "default"
      },
      ...{ pool_slots: 1, priority_weight: 1 },
      context_carrier: options.traceparent === undefined ? null : { traceparent: options.traceparent }
    },
    dag_rel_path: "dag.py",
    bundle_info: { name: "dags-folder", version: null },
    start_date: now,
    ti_context: {
      dag_run: {
        ...{ dag_id: task.dagId, run_id: runId, run_type: "manual", state: "running", conf },
        ...{ logical_date: null, data_interval_start: null, data_interval_end: null, run_after: now },
        ...{ start_date: now, end_date: null, consumed_asset_events: [], ...options.dagRun }
      },
      max_tries: shouldRetry ? tryNumber : tryNumber - 1,
      should_retry: shouldRetry,
      task_reschedule_count: options.rescheduleCount ?? 0,
      ...(resume === undefined ? {} : { next_method: resume.method, next_kwargs: resume.kwargs ?? {} })
    },
    sentry_integration: ""
  }
}

const listed = (given: TestTaskOptions["xcoms"] = []): ReadonlyArray<GivenXCom> =>
  isList(given) ? given : Object.entries(given).map(([taskId, value]) => ({ taskId, value }))
const isList = (given: object): given is ReadonlyArray<GivenXCom> => Array.isArray(given)

const ends = ["SucceedTask", "TaskState", "RetryTask", "DeferTask", "RescheduleTask", "AwaitInputTask"]
const isEnd = (body: TaskRequest | TaskEnd): body is TaskEnd => ends.includes(body.type)

/** Runs one attempt of a task. Fails where the task's names are none; whatever the task does is in what comes of it. */
export const run = Effect.fnUntraced(function* (task: Task, options: TestTaskOptions = {}) {
  const registry = yield* TaskRegistry.make([task])
  const site = makeSite({
    ...options,
    xcoms: listed(options.xcoms).map((given) => ({
      ...{ dagId: task.dagId, runId, key: "return_value", mapIndex: -1, ...given }
    }))
  })
  const toTask = yield* Queue.unbounded<ToTask>()
  const fromTask = yield* Queue.unbounded<FromTask>()
  const log: Array<LogEvent> = []
  const requests: Array<TaskRequest> = []
  let end: TaskEnd | undefined

  const hear = (message: FromTask): void => {
    if ("log" in message) {
      log.push(message.log)
      return
    }
    const { body, id } = message
    if (isEnd(body)) end = body
    else requests.push(body)
    const answer = isEnd(body) ? null : (options.answer?.(body) ?? site.answer(body))
    Queue.offerUnsafe(toTask, { id, body: answer, error: null })
  }

  const now = DateTime.formatIso(yield* DateTime.now)
  yield* Queue.offer(toTask, { details: startupDetails(task, now, options) })
  const served = yield* Effect.forkChild(
    serveTask(registry, {
      send: (message) => void Queue.offerUnsafe(fromTask, message),
      receive: Queue.take(toTask)
    })
  )
  const { cancelWhen } = options
  if (cancelWhen !== undefined)
    yield* Effect.forkChild(Effect.andThen(cancelWhen, Queue.offer(toTask, { cancel: true })))
  const listening = yield* Effect.forkChild(Effect.forever(Effect.map(Queue.take(fromTask), hear)))
  yield* Fiber.join(served)
  yield* Fiber.interrupt(listening)
  if (end === undefined) return yield* Effect.die(new Error("the task ended without a last word"))

  const own = site.xcoms.filter(
    (xcom) =>
      xcom.taskId === task.taskId && xcom.runId === runId && xcom.mapIndex === (options.mapIndex ?? -1)
  )
  const xcoms = Object.fromEntries(own.map(({ key, value }) => [key, value]))
  return {
    end,
    returned: xcoms["return_value"],
    xcoms,
    variables: Object.fromEntries(site.variables),
    taskStore: Object.fromEntries(site.taskStore),
    log,
    triggered: requests.flatMap((request) => {
      if (request.type !== "TriggerDagRun") return []
      const { type: _, ...triggered } = request
      return [triggered]
    }),
    requests
  } satisfies TestedTask
})

/** As `run`, with a promise. */
export const runPromise = (task: Task, options: TestTaskOptions = {}): Promise<TestedTask> =>
  Effect.runPromise(run(task, options))
