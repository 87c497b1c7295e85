/** beforeLastWord: the steps of an attempt whose task has not said its last word. */
import type { AttemptEvent } from "./AttemptEvent.ts"
import type { AttemptState, Force, Step } from "./AttemptState.ts"
import {
  cancelSoonKill,
  failed,
  kill,
  left,
  ownWord,
  refusedOutcome,
  say,
  shown,
  step,
  tell,
  tooLate
} from "./attemptSteps.ts"
import { exitLine } from "./exitLine.ts"
import { stateBody } from "./stateBody.ts"
import type { TaskGone } from "./TaskChannel.ts"

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

export const asking = (state: AttemptState & { _tag: "Asking" }, event: AttemptEvent): Step => {
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

export const clearing = (state: AttemptState & { _tag: "Clearing" }, event: AttemptEvent): Step => {
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

export const running = (state: AttemptState & { _tag: "Running" }, event: AttemptEvent): Step => {
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

export const stopping = (state: AttemptState & { _tag: "Stopping" }, event: AttemptEvent): Step => {
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
