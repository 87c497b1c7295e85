/** AttemptState: how far one try of one task is, changed only by `transition`, which also says what is to be done. */

import type { TaskStateBody } from "../../protocol/execution/TaskStates.ts"
import type { LogLevel } from "../../protocol/TaskComms.ts"
import type { Outcome } from "../Runner.ts"
import type { AttemptCommand, AttemptEvent, Refusal } from "./AttemptEvent.ts"
import { exitLine } from "./exitLine.ts"
import { stateBody } from "./stateBody.ts"
import type { TaskGone } from "./TaskChannel.ts"

/** What the site is told at the end of a try; `id` is the number of the task's message, which wants an answer. */
export interface Word {
  readonly body: TaskStateBody
  readonly id: number | undefined
}

/** How hard a task has been asked to end. */
export type Force = "none" | "cancel" | "kill"

/** One try. `retry`: whether another one follows where this one fails. */
export type AttemptState =
  /** The site is being asked whether the task may run. `gone`: what was to run it is gone already. */
  | { readonly _tag: "Asking"; readonly gone: TaskGone | undefined; readonly force: Force }
  /** The task runs on the site's account; XComs of a former try are removed before it begins. */
  | { readonly _tag: "Clearing"; readonly retry: boolean }
  | { readonly _tag: "Running"; readonly retry: boolean }
  /** The task has been asked to end and has not said its last word. */
  | { readonly _tag: "Stopping"; readonly retry: boolean; readonly why: string; readonly force: Force }
  /** The last word is said; its process is still there. */
  | {
      readonly _tag: "Ended"
      readonly retry: boolean
      readonly word: Word
      /** What the site's answer makes of the job; undefined while there is none. */
      readonly outcome: Outcome | undefined
      readonly force: Force
    }
  /** The task is gone; the site has not answered the last word yet. */
  | { readonly _tag: "Telling"; readonly retry: boolean; readonly word: Word }
  /** The outcome is known without a last word, which is not told any more; the task is on its way out. */
  | { readonly _tag: "Removing"; readonly outcome: Outcome; readonly force: Force }
  | { readonly _tag: "Done"; readonly outcome: Outcome }

/** A state and what its beginning asks for. */
export interface Step {
  readonly state: AttemptState
  readonly commands: ReadonlyArray<AttemptCommand>
}

/** An attempt whose first request is under way. */
export const initial: AttemptState = { _tag: "Asking", gone: undefined, force: "none" }

/** Whether the site is to hear that the task lives. Not any more once its last word is said, as with Airflow. */
export const beats = ({ _tag }: AttemptState): boolean =>
  _tag === "Clearing" || _tag === "Running" || _tag === "Stopping"

/** Whether what the task asks for is done. */
export const serves = ({ _tag }: AttemptState): boolean =>
  _tag === "Running" || _tag === "Stopping" || _tag === "Ended"

const succeeded: Outcome = { _tag: "Succeeded" }
const failed = (reason: string): Outcome => ({ _tag: "Failed", reason, stderr: "" })
const left = (reason: string): Outcome => ({ _tag: "Left", reason })

const step = (state: AttemptState, ...commands: ReadonlyArray<AttemptCommand>): Step => ({ state, commands })
const say = (level: LogLevel, event: string, more?: Readonly<Record<string, unknown>>): AttemptCommand => ({
  _tag: "Say",
  level,
  event,
  ...(more === undefined ? {} : { more })
})
const kill: AttemptCommand = { _tag: "Kill" }
/** Asks, and kills what has not obeyed within the grace. */
const cancelSoonKill: ReadonlyArray<AttemptCommand> = [{ _tag: "Cancel" }, { _tag: "Wait", of: "grace" }]

/** The state of a try that ended without a word of its own. */
const ownWord = (retry: boolean, at: string, reason?: string): Word => ({
  id: undefined,
  body: retry
    ? {
        state: "up_for_retry",
        end_date: at,
        ...(reason === undefined ? {} : { retry_reason: reason.slice(0, 500) })
      }
    : { state: "failed", end_date: at }
})

const tell = (word: Word): AttemptCommand => ({ _tag: "Tell", body: word.body })

/** The words of an end that the log shows; a task that succeeds says so itself. */
const shown = (how: TaskGone): ReadonlyArray<AttemptCommand> => {
  const line = exitLine(how)
  return line === undefined ? [] : [say(line.level, line.event, line.more)]
}

const answer = (word: Word, refused?: string): ReadonlyArray<AttemptCommand> =>
  word.id === undefined ? [] : [{ _tag: "Answer", id: word.id, refused }]

const tooLate = (id: number): AttemptCommand => ({
  _tag: "Answer",
  id,
  refused: "this try takes no last word now"
})

/** What a try without last word comes to when nothing of it runs any more. */
const goneWithoutWord = (retry: boolean, how: TaskGone, at: string, why?: string): Step => {
  const line = exitLine(how)
  const word = ownWord(retry, at, why ?? line?.event)
  const noWord =
    line === undefined
      ? [say("error", "The task has ended without saying how, and counts as failed")]
      : shown(how)
  return step({ _tag: "Telling", retry, word }, ...noWord, tell(word))
}

const refusedOutcome = (event: Refusal, what: string): Outcome => {
  switch (event.how) {
    case "elsewhere":
      return left(event.reason)
    case "decided":
      return succeeded
    case "refused":
    case "unheard":
      return failed(`${what}: ${event.reason}`)
  }
}

const asking = (state: AttemptState & { _tag: "Asking" }, event: AttemptEvent): Step => {
  switch (event._tag) {
    case "RunAccepted":
      if (state.gone !== undefined) return goneWithoutWord(event.retry, state.gone, event.at)
      if (state.force !== "none") {
        // Nothing of the task has begun; its process is on its way out.
        const why = "the worker was stopped before the task began"
        return step({ _tag: "Stopping", retry: event.retry, why, force: state.force })
      }
      return step({ _tag: "Clearing", retry: event.retry }, { _tag: "Clear" })
    case "RunRefused": {
      const reason = `the site does not let this task run: ${event.reason}`
      // A task that may not run has no state of ours at the site, so nothing but an error can be said of the job.
      const outcome = event.how === "elsewhere" ? left(reason) : failed(reason)
      const line = say("error", reason)
      return state.gone === undefined
        ? step({ _tag: "Removing", outcome, force: "kill" }, line, kill)
        : step({ _tag: "Done", outcome }, line)
    }
    case "StopAsked":
      return step(
        { ...state, force: "kill" },
        ...(state.gone === undefined && state.force === "none" ? [kill] : []),
        ...(event.how === "kill" ? [{ _tag: "Hurry" } as const] : [])
      )
    case "Gone":
      return step({ ...state, gone: event.how })
    case "Said":
      return step(state, tooLate(event.id))
    default:
      return step(state)
  }
}

/** Asks the task to end. The worker has a grace of its own, after which it says "kill". */
const stop = (retry: boolean, event: AttemptEvent & { _tag: "StopAsked" | "Lost" }): Step => {
  if (event._tag === "Lost") {
    const line = say("error", `${event.reason}. The task is ended.`)
    return step({ _tag: "Stopping", retry, why: event.reason, force: "cancel" }, line, ...cancelSoonKill)
  }
  return event.how === "term"
    ? step(
        { _tag: "Stopping", retry, why: "the worker asked it to end", force: "cancel" },
        { _tag: "Cancel" }
      )
    : step({ _tag: "Stopping", retry, why: "the worker ended it", force: "kill" }, kill, { _tag: "Hurry" })
}

const revoke = (event: AttemptEvent & { _tag: "Revoked" }, force: Force): Step => {
  const outcome = refusedOutcome(event, "")
  const line = say("error", "Server indicated the task shouldn't be running anymore. Terminating process", {
    detail: event.reason
  })
  return force === "kill"
    ? step({ _tag: "Removing", outcome, force }, line)
    : step({ _tag: "Removing", outcome, force: "cancel" }, line, ...cancelSoonKill)
}

const heard = (retry: boolean, force: Force, event: AttemptEvent & { _tag: "Said" }): Step => {
  const word = { id: event.id, body: stateBody(event.end, event.at) }
  return step({ _tag: "Ended", retry, word, outcome: undefined, force }, tell(word))
}

const clearing = (state: AttemptState & { _tag: "Clearing" }, event: AttemptEvent): Step => {
  switch (event._tag) {
    case "Cleared":
      return step({ _tag: "Running", retry: state.retry }, { _tag: "Begin" })
    case "NotCleared": {
      const why = `what a former try left could not be removed: ${event.reason}`
      return step({ _tag: "Stopping", retry: state.retry, why, force: "kill" }, say("error", why), kill)
    }
    case "StopAsked":
      // It has not begun, so there is nothing that could end in order.
      return stop(state.retry, { _tag: "StopAsked", how: "kill" })
    case "Lost":
      return step(
        { _tag: "Stopping", retry: state.retry, why: event.reason, force: "kill" },
        say("error", event.reason),
        kill
      )
    case "Revoked":
      return revoke(event, "none")
    case "Gone":
      return goneWithoutWord(state.retry, event.how, event.at)
    case "Said":
      return step(state, tooLate(event.id))
    default:
      return step(state)
  }
}

const running = (state: AttemptState & { _tag: "Running" }, event: AttemptEvent): Step => {
  switch (event._tag) {
    case "Said":
      return heard(state.retry, "none", event)
    case "StopAsked":
    case "Lost":
      return stop(state.retry, event)
    case "Revoked":
      return revoke(event, "none")
    case "Gone":
      return goneWithoutWord(state.retry, event.how, event.at)
    default:
      return step(state)
  }
}

const stopping = (state: AttemptState & { _tag: "Stopping" }, event: AttemptEvent): Step => {
  switch (event._tag) {
    case "Said":
      return heard(state.retry, state.force, event)
    case "StopAsked":
      if (event.how === "term") return step(state)
      return step({ ...state, force: "kill" }, ...(state.force === "kill" ? [] : [kill]), { _tag: "Hurry" })
    case "Lost":
      // Until now it had all the time that the worker gives it.
      return state.force === "kill" ? step(state) : step(state, { _tag: "Wait", of: "grace" })
    case "TimeUp":
      return event.of === "overtime" || state.force === "kill"
        ? step(state)
        : step(
            { ...state, force: "kill" },
            say("error", "The task has not ended when it was asked to, and is killed"),
            kill
          )
    case "Revoked":
      return revoke(event, state.force)
    case "Gone":
      return goneWithoutWord(state.retry, event.how, event.at, state.why)
    default:
      return step(state)
  }
}

/** The site has answered the last word, or never will; undefined where another word is to be told. */
const settled = (
  event: AttemptEvent & { _tag: "Told" | "NotTold" },
  { body, id }: Word
): { readonly outcome: Outcome; readonly lines: ReadonlyArray<AttemptCommand> } | undefined => {
  if (event._tag === "Told") return { outcome: succeeded, lines: [] }
  const what = `the site could not be told that the task is ${body.state}`
  // A state of our own has nothing in it that the site could dislike: no other word would be taken either.
  if (event.how === "refused" && id !== undefined) return undefined
  const outcome = refusedOutcome(event, what)
  return event.how === "decided" || event.how === "elsewhere"
    ? {
        outcome,
        lines: [say("warning", `The site has decided otherwise than ${body.state}: ${event.reason}`)]
      }
    : { outcome, lines: [say("error", `${what}: ${event.reason}`)] }
}

/** The site does not take the task's own word: it hears at least that this try is over. */
const instead = (retry: boolean, event: AttemptEvent & { _tag: "NotTold" }, { body }: Word) => {
  const why = `the site does not take ${body.state}: ${event.reason}`
  const word = ownWord(retry, event.at, why)
  return { word, lines: [say("error", `${why}. The task is ${word.body.state} instead.`)] }
}

const ended = (state: AttemptState & { _tag: "Ended" }, event: AttemptEvent): Step => {
  const { outcome, retry, word } = state
  switch (event._tag) {
    case "Told":
    case "NotTold": {
      if (outcome !== undefined) return step(state)
      const end = settled(event, word)
      if (end === undefined && event._tag === "NotTold") {
        const next = instead(retry, event, word)
        return step(
          { ...state, word: next.word },
          ...next.lines,
          ...answer(word, event.reason),
          tell(next.word)
        )
      }
      if (end === undefined) return step(state)
      const refused = event._tag === "NotTold" ? event.reason : undefined
      return step({ ...state, outcome: end.outcome }, ...end.lines, ...answer(word, refused), {
        _tag: "Wait",
        of: "overtime"
      })
    }
    case "Gone":
      return outcome === undefined
        ? step({ _tag: "Telling", retry, word: { ...word } }, ...shown(event.how))
        : step({ _tag: "Done", outcome }, ...shown(event.how))
    case "StopAsked":
      if (state.force === "kill")
        return step(state, ...(event.how === "kill" ? [{ _tag: "Hurry" } as const] : []))
      if (event.how === "kill") return step({ ...state, force: "kill" }, kill, { _tag: "Hurry" })
      return state.force === "cancel" ? step(state) : step({ ...state, force: "cancel" }, { _tag: "Cancel" })
    case "TimeUp":
      if (state.force === "kill") return step(state)
      if (event.of === "overtime" && state.force === "none") {
        const line = say(
          "warning",
          "Task success overtime reached; terminating process. Modify `task_success_overtime` setting in [core] section of Airflow configuration to change this limit."
        )
        return step({ ...state, force: "cancel" }, line, ...cancelSoonKill)
      }
      return step({ ...state, force: "kill" }, kill)
    case "Said":
      return step(state, tooLate(event.id))
    default:
      return step(state)
  }
}

const telling = (state: AttemptState & { _tag: "Telling" }, event: AttemptEvent): Step => {
  switch (event._tag) {
    case "Told":
    case "NotTold": {
      const end = settled(event, state.word)
      if (end !== undefined) return step({ _tag: "Done", outcome: end.outcome }, ...end.lines)
      if (event._tag === "Told") return step(state)
      const next = instead(state.retry, event, state.word)
      return step({ ...state, word: next.word }, ...next.lines, tell(next.word))
    }
    case "StopAsked":
      return event.how === "kill" ? step(state, { _tag: "Hurry" }) : step(state)
    case "Said":
      return step(state, tooLate(event.id))
    default:
      return step(state)
  }
}

const removing = (state: AttemptState & { _tag: "Removing" }, event: AttemptEvent): Step => {
  switch (event._tag) {
    case "Gone":
      return step({ _tag: "Done", outcome: state.outcome })
    case "TimeUp":
      return event.of === "overtime" || state.force === "kill"
        ? step(state)
        : step({ ...state, force: "kill" }, kill, say("error", "Task killed!"))
    case "StopAsked":
      return event.how === "term" || state.force === "kill"
        ? step(state)
        : step({ ...state, force: "kill" }, kill)
    case "Said":
      return step(state, tooLate(event.id))
    default:
      return step(state)
  }
}

/** Pure and total: an event that means nothing in a state leaves it as it is. */
export const transition = (state: AttemptState, event: AttemptEvent): Step => {
  switch (state._tag) {
    case "Asking":
      return asking(state, event)
    case "Clearing":
      return clearing(state, event)
    case "Running":
      return running(state, event)
    case "Stopping":
      return stopping(state, event)
    case "Ended":
      return ended(state, event)
    case "Telling":
      return telling(state, event)
    case "Removing":
      return removing(state, event)
    case "Done":
      return event._tag === "Said" ? step(state, tooLate(event.id)) : step(state)
  }
}
