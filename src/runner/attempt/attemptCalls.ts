/** attemptCalls: what an attempt itself says to the site: that its task begins, and how it ended. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { MonotonicClock } from "../../platform/MonotonicClock.ts"
import type { TaskStateBody } from "../../protocol/execution/TaskStates.ts"
import * as Json from "../../protocol/Json.ts"
import { TIRunContext } from "../../protocol/TaskComms.ts"
import type { Refusal } from "./AttemptEvent.ts"
import type { ExecutionClient } from "./ExecutionClient.ts"
import { detailOf, type ExecutionError } from "./ExecutionError.ts"
import type { Answer } from "./executionAnswer.ts"
import { waitAfter } from "./executionPatience.ts"
import type { Holder } from "./heartbeats.ts"
import { noted } from "./requests/reply.ts"

const responseMode = "response-only"
const isContext = Schema.is(TIRunContext)
const decodeContext = Schema.decodeUnknownSync(TIRunContext)

/** The context as it came, digit by digit; where a number that we read has a fraction of nothing, those are given up. */
const context = ({ body }: Answer): TIRunContext => {
  const kept = Json.parse(body)
  if (isContext(kept)) return kept
  const plain: unknown = JSON.parse(body)
  return isContext(plain) ? plain : decodeContext(plain)
}

/** Says that the task begins, and hears whether it may. The same again is answered the same. */
export const enterRunning = (client: ExecutionClient, holder: Holder, startDate: string) =>
  client.ask({
    operation: "run",
    send: ({ taskInstances }) =>
      taskInstances.run({
        params: { task_instance_id: holder.taskInstanceId },
        payload: {
          state: "running",
          hostname: holder.hostname,
          unixname: holder.unixname,
          pid: holder.pid,
          start_date: startDate
        },
        responseMode
      }),
    read: context
  })

/** Why a task may not begin. */
export const runRefusal = (error: ExecutionError): Refusal => {
  const { _tag, reason, status } = error
  if (_tag === "ExecutionUnavailable") return { how: "unheard", reason }
  return status === 409 &&
    detailOf(error, "reason") === "invalid_state" &&
    detailOf(error, "previous_state") === "running"
    ? {
        how: "elsewhere",
        reason: `it runs already, by another worker or an earlier one of this name (${reason})`
      }
    : { how: "refused", reason }
}

/** What a state that was not taken means; undefined: it may be taken later. */
export const tellRefusal = (error: ExecutionError, tokenEnded: boolean): Refusal | undefined => {
  const { _tag, reason, status } = error
  if (_tag === "ExecutionUnavailable") return undefined
  if (status === 404 || status === 409 || status === 410) return { how: "decided", reason }
  if (status === 401 || status === 403) return tokenEnded ? { how: "unheard", reason } : undefined
  return { how: "refused", reason }
}

/** A token that does not say when it ends is taken for one of Airflow's default life. */
const usualLife = 600_000

/**
 * Tells the site the task's state until it has taken it, has decided otherwise, or cannot take it any more: as long as the
 * token lives, but `atLeast` milliseconds. Undefined where it was taken (204, or 200: it was so already).
 */
export const tellState = Effect.fnUntraced(function* (
  client: ExecutionClient,
  { name, taskInstanceId }: Holder,
  body: TaskStateBody,
  atLeast: number
): Effect.fn.Return<Refusal | undefined> {
  const now = yield* MonotonicClock
  const began = yield* now
  const ends = yield* client.tokenEnds
  const until = Math.max(Number.isFinite(ends) ? ends : began + usualLife, began + atLeast)
  for (let attempt = 1; ; attempt++) {
    const result = yield* Effect.result(
      client.once({
        operation: "state",
        send: ({ taskInstances }) =>
          taskInstances.setState({
            params: { task_instance_id: taskInstanceId },
            payload: body,
            responseMode
          }),
        read: noted
      })
    )
    if (result._tag === "Success") return undefined
    const at = yield* now
    const refusal = tellRefusal(result.failure, at >= (yield* client.tokenEnds))
    if (refusal !== undefined) return refusal
    const wait = waitAfter(client.patience, attempt, yield* Random.next)
    if (at + wait > until) return { how: "unheard", reason: result.failure.reason }
    yield* Effect.logWarning(`${name} is ${body.state}, which is told again: ${result.failure.message}`)
    yield* Effect.sleep(wait)
  }
})
