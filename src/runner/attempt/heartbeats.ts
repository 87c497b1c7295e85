/** heartbeats: tells the site that a task lives, until it must not live any more. */
import * as Effect from "effect/Effect"
import { MonotonicClock } from "../../platform/MonotonicClock.ts"
import type { AttemptEvent } from "./AttemptEvent.ts"
import type { ExecutionClient } from "./ExecutionClient.ts"
import { detailOf, type ExecutionError } from "./ExecutionError.ts"
import type { HeartbeatRules } from "./executionPatience.ts"
import { noted } from "./requests/reply.ts"

/** What the worker is to the site in this attempt. */
export interface Holder {
  /** For the worker's log: which task this is. */
  readonly name: string
  readonly taskInstanceId: string
  /** The worker's name. */
  readonly hostname: string
  readonly unixname: string
  readonly pid: number
}

/** How the heartbeats of an attempt stand. */
export interface Pulse {
  /** How many have failed in a row. */
  readonly failed: number
  /** Since the last one that was accepted. */
  readonly silentMillis: number
  /** The newest token is at its end. */
  readonly tokenEnded: boolean
}

/** What a failed heartbeat means; undefined where the task goes on. */
export const verdict = (
  error: ExecutionError,
  { failed, silentMillis, tokenEnded }: Pulse,
  rules: HeartbeatRules
): (AttemptEvent & { readonly _tag: "Revoked" | "Lost" }) | undefined => {
  const { _tag, reason, status } = error
  if (_tag === "ExecutionRefused" && (status === 404 || status === 409 || status === 410)) {
    const isElsewhere = status === 409 && detailOf(error, "reason") === "running_elsewhere"
    return { _tag: "Revoked", how: isElsewhere ? "elsewhere" : "decided", reason }
  }
  // No heartbeat and no state is taken any more, so the site has given the task up or will.
  if (_tag === "ExecutionRefused" && (status === 401 || status === 403) && tokenEnded)
    return { _tag: "Lost", reason: `The task's token is at its end: ${reason}` }
  return failed >= rules.failed && silentMillis >= rules.silentMillis
    ? { _tag: "Lost", reason: `Too many failed heartbeats (${failed}), the last one: ${reason}` }
    : undefined
}

/** Beats while `goesOn`; ends with what a heartbeat has brought, if any. Begins with a wait: `run` was the first sign of life. */
export const beat = Effect.fnUntraced(function* (
  client: ExecutionClient,
  { hostname, name, pid, taskInstanceId }: Holder,
  rules: HeartbeatRules,
  goesOn: () => boolean
) {
  const now = yield* MonotonicClock
  let accepted = yield* now
  let failed = 0
  while (true) {
    yield* Effect.sleep(rules.everyMillis)
    if (!goesOn()) return undefined
    const result = yield* Effect.result(
      client.once({
        operation: "heartbeat",
        send: ({ taskInstances }) =>
          taskInstances.heartbeat({
            params: { task_instance_id: taskInstanceId },
            payload: { hostname, pid },
            responseMode: "response-only"
          }),
        read: noted
      })
    )
    const at = yield* now
    if (result._tag === "Success") {
      accepted = at
      failed = 0
      continue
    }
    failed += 1
    const pulse = { failed, silentMillis: at - accepted, tokenEnded: at >= (yield* client.tokenEnds) }
    const event = verdict(result.failure, pulse, rules)
    if (event !== undefined) return goesOn() ? event : undefined
    yield* Effect.logWarning(`a heartbeat of ${name} failed and is sent again: ${result.failure.message}`)
  }
})
