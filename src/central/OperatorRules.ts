/** OperatorRules: what an operator may do to a worker's row; pure, and Airflow's own (edge3 5.1.0, `models/edge_worker.py`). */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { WorkerRecord } from "./WorkerRecord.ts"
import { commentProblem, isGone, queuesProblem, storedQueues } from "./WorkerRules.ts"

/** 400: the worker's state, or a limit of the store, does not allow it. */
export class NotAllowed extends Schema.TaggedError<NotAllowed>()("NotAllowed", { detail: Schema.String }) {
  override get message() {
    return this.detail
  }
}

/** What becomes of a worker that is there; `undefined` removes it. */
export type Decision = (worker: WorkerRecord) => Result.Result<WorkerRecord | undefined, NotAllowed>

const refuse = (detail: string) => Result.fail(new NotAllowed({ detail }))

const two = (number: number): string => String(number).padStart(2, "0")

/** Local time, as Airflow writes it: `YYYY-MM-DD HH:MM`. */
const minute = (at: Date): string =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`

const commented = (worker: WorkerRecord, comment: string) => {
  const problem = commentProblem(comment)
  return problem === undefined
    ? Result.succeed({ ...worker, maintenanceComment: comment })
    : refuse(`${problem}, with the time and the user before it`)
}

/** Also of a worker that is gone, as in Airflow; the sweeper makes `offline maintenance` of that. */
export const maintenanceRequested =
  (comment: string, user: string, now: number): Decision =>
  (worker) => {
    if (comment === "") return refuse("Maintenance comment is required")
    const text = `[${minute(new Date(now))}] - ${user} put node into maintenance mode\nComment: ${comment}`
    return commented({ ...worker, state: "maintenance request" }, text)
  }

/** Keeps the first line, which says who put it into maintenance. */
export const maintenanceUpdated =
  (comment: string, user: string, now: number): Decision =>
  (worker) => {
    if (comment === "") return refuse("Maintenance comment is required")
    const { maintenanceComment, name, state } = worker
    const may =
      state === "maintenance mode" ||
      state === "maintenance pending" ||
      state === "maintenance request" ||
      state === "offline maintenance"
    if (!may) return refuse(`Cannot change maintenance comment as ${name} is not in maintenance!`)
    const first = maintenanceComment?.split("\n", 1)[0] ?? ""
    return commented(worker, `${first}\n[${minute(new Date(now))}] - ${user} updated comment:\n${comment}`)
  }

/** The worker hears of it with its next heartbeat. */
export const maintenanceLifted: Decision = (worker) =>
  Result.succeed({ ...worker, state: "maintenance exit", maintenanceComment: null })

/** Nothing where the worker is gone. */
export const shutdownRequested: Decision = (worker) =>
  Result.succeed(isGone(worker.state) ? worker : { ...worker, state: "shutdown request" })

/** Only a worker that is gone. */
export const removed: Decision = ({ name, state }) =>
  isGone(state)
    ? Result.succeed(undefined)
    : refuse(`Cannot remove edge worker ${name} as it is in ${state} state!`)

const withQueues = (worker: WorkerRecord, queues: ReadonlyArray<string>) => {
  const problem = queuesProblem(queues)
  return problem === undefined ? Result.succeed({ ...worker, queues: storedQueues(queues) }) : refuse(problem)
}

/** Each once, in the order in which they came. As in Airflow a worker without its last queue serves every queue. */
export const queuesChanged =
  (add: ReadonlyArray<string>, remove: ReadonlyArray<string>): Decision =>
  (worker) =>
    withQueues(
      worker,
      [...new Set([...(worker.queues ?? []), ...add])].filter((queue) => !remove.includes(queue))
    )

/** Only of a worker that is there. */
export const queuesAdded =
  (queues: ReadonlyArray<string>): Decision =>
  (worker) =>
    isGone(worker.state)
      ? refuse(`Cannot add queues to edge worker ${worker.name} as it is in ${worker.state} state!`)
      : queuesChanged(queues, [])(worker)

/** Only of a worker that is there. */
export const queuesRemoved =
  (queues: ReadonlyArray<string>): Decision =>
  (worker) =>
    isGone(worker.state)
      ? refuse(`Cannot remove queues from edge worker ${worker.name} as it is in ${worker.state} state!`)
      : queuesChanged([], queues)(worker)

/** Holds until another is set, whatever the worker was started with. */
export const concurrencySet =
  (concurrency: number): Decision =>
  (worker) => {
    const { name, state } = worker
    if (isGone(state))
      return refuse(`Cannot set concurrency for edge worker ${name} as it is in ${state} state!`)
    if (!Number.isSafeInteger(concurrency) || concurrency < 1)
      return refuse("The concurrency must be a whole number, at least 1")
    return Result.succeed({ ...worker, concurrency })
  }
