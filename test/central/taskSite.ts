/** taskSite: Python tasks at a central on a real socket: jobs that are claimed, and what their supervisors say, word by word. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Jobs } from "../../src/central/Jobs.ts"
import { TaskTokens } from "../../src/platform/TaskTokens.ts"
import type { Submission } from "../../src/protocol/CentralApi.ts"
import type { Job } from "../../src/protocol/Job.ts"
import { ask, type Heard, port } from "./served.ts"

let count = 0

/** A job of a run of its own, claimed by a worker. */
export const claimed = Effect.fnUntraced(function* (changes: Partial<Submission> = {}) {
  const jobs = yield* Jobs
  count += 1
  yield* jobs.submit({ dag_id: "dag", task_id: "task", run_id: `run-${count}`, ...changes }, "ada")
  const job = yield* jobs.fetch(
    "w",
    { free_concurrency: 4, supports_task_instance_uuid: true, queues: ["default"] },
    null
  )
  return Option.getOrThrow(job)
})

export const idOf = (job: Job): string => job.task_instance_id ?? ""

/** A token of the central's own. */
export const tokenFor = (id: string, scope: "workload" | "execution" = "execution") =>
  Effect.flatMap(TaskTokens, ({ issue }) => Effect.map(issue(id, scope), Redacted.value))

/** One request of a task; `as`: the id in its token, where it is another one. */
export const say = Effect.fnUntraced(function* (
  job: Job,
  method: string,
  path: string,
  body?: unknown,
  as: string = idOf(job)
) {
  const token = `Bearer ${yield* tokenFor(as)}`
  return yield* ask(yield* port, method, `/execution/${path}`, { token, body })
})

export const running = {
  state: "running",
  hostname: "edge-1",
  unixname: "airflow",
  pid: 41,
  start_date: "2026-11-28T12:00:00.123456Z"
}
export const end_date = "2026-11-28T12:01:00Z"
export const here = { hostname: "edge-1", pid: 41 }

export const run = (job: Job, body: unknown = running) =>
  say(job, "PATCH", `task-instances/${idOf(job)}/run`, body)
export const heartbeat = (job: Job, body: unknown = here) =>
  say(job, "PUT", `task-instances/${idOf(job)}/heartbeat`, body)
export const setState = (job: Job, body: unknown) =>
  say(job, "PATCH", `task-instances/${idOf(job)}/state`, body)

/** A job whose task runs. */
export const started = Effect.fnUntraced(function* (changes: Partial<Submission> = {}) {
  const job = yield* claimed(changes)
  yield* run(job)
  return job
})

export const report = (job: Job, state: "running" | "success" | "failed" | "queued") =>
  Jobs.use((jobs) => jobs.report(job, state, idOf(job)))

export const stateOf = (job: Job) => Jobs.use((jobs) => jobs.get(job)).pipe(Effect.map(({ state }) => state))

/** The header of an answer. */
export const headerOf = (heard: Heard, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, "im").exec(heard.headers)?.[1]?.trim()
