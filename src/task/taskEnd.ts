/** taskEnd: how a task's exit is told to its attempt: the one message that ends it. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { TaskEnd } from "../protocol/TaskComms.ts"
import { type Ending, isEnding } from "./endings.ts"
import { toJson } from "./jsonValue.ts"

/** ISO 8601, as pydantic reads a duration. */
const isoDuration = (input: Duration.Input) => `PT${seconds(input)}S`

/** Throws where it is no length of time that can be told. */
const seconds = (input: Duration.Input): number => {
  const millis = Duration.toMillis(Duration.fromInputUnsafe(input))
  if (!Number.isFinite(millis)) throw new RangeError("the duration has no end")
  return millis / 1000
}

/** What a task ended itself with: in its failures first, then in its defects (an Ending that was thrown). */
export const endingOf = (cause: Cause.Cause<unknown>): Ending | undefined => {
  const errors = cause.reasons.flatMap((reason) =>
    Cause.isFailReason(reason) ? [reason.error] : Cause.isDieReason(reason) ? [reason.defect] : []
  )
  return errors.find(isEnding)
}

/** What the end depends on besides the exit. */
interface Circumstances {
  /** Now, ISO 8601. */
  readonly now: string
  readonly willRetry: boolean
  readonly mapIndexLabel: string | undefined
}

/** A failure: the site has said beforehand whether another try follows (`task_runner.py`, 3.3.2, does the same). */
export const failed = (
  at: Circumstances,
  later?: { readonly delay?: Duration.Input; readonly reason?: string }
): TaskEnd =>
  at.willRetry
    ? {
        type: "RetryTask",
        end_date: at.now,
        rendered_map_index: at.mapIndexLabel ?? null,
        retry_delay_seconds: later?.delay === undefined ? null : seconds(later.delay),
        retry_reason: later?.reason?.slice(0, 500) ?? null
      }
    : state(at, "failed")

const state = (at: Circumstances, state: "failed" | "skipped"): TaskEnd => ({
  type: "TaskState",
  state,
  end_date: at.now,
  rendered_map_index: at.mapIndexLabel ?? null
})

/** The message of an ending. */
export const toldAs = Effect.fnUntraced(function* (ending: Ending, at: Circumstances) {
  switch (ending._tag) {
    case "TaskSkipped":
      return state(at, "skipped")
    case "TaskFailedNoRetry":
      return state(at, "failed")
    case "RetryLater":
      return failed(at, ending)
    case "Reschedule": {
      const when =
        ending.at instanceof Date ? ending.at : new Date(Date.parse(at.now) + seconds(ending.at.in) * 1000)
      return {
        type: "RescheduleTask",
        reschedule_date: when.toISOString(),
        end_date: at.now
      } satisfies TaskEnd
    }
    case "Defer":
      return {
        type: "DeferTask",
        classpath: ending.classpath,
        trigger_kwargs: yield* toJson("the trigger's kwargs", ending.kwargs ?? {}),
        trigger_timeout: ending.timeout === undefined ? null : isoDuration(ending.timeout),
        queue: ending.queue ?? null,
        next_method: ending.nextMethod,
        next_kwargs: yield* toJson("nextKwargs", ending.nextKwargs ?? {}),
        rendered_map_index: at.mapIndexLabel ?? null
      } satisfies TaskEnd
    case "AwaitInput":
      return {
        type: "AwaitInputTask",
        timeout: ending.timeout === undefined ? null : isoDuration(ending.timeout),
        next_method: ending.nextMethod,
        next_kwargs: yield* toJson("nextKwargs", ending.nextKwargs ?? {}),
        rendered_map_index: at.mapIndexLabel ?? null
      } satisfies TaskEnd
  }
})
