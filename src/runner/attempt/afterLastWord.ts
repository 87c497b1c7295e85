/** afterLastWord: the steps of an attempt whose last word is said, or not wanted any more. */
import type { Outcome } from "../Runner.ts"
import type { AttemptCommand, AttemptEvent } from "./AttemptEvent.ts"
import type { AttemptState, Step, Word } from "./AttemptState.ts"
import {
  answer,
  cancelSoonKill,
  kill,
  ownWord,
  refusedOutcome,
  say,
  shown,
  step,
  succeeded,
  tell,
  tooLate
} from "./attemptSteps.ts"

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

export const ended = (state: AttemptState & { _tag: "Ended" }, event: AttemptEvent): Step => {
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
      return step({ ...state, outcome: end.outcome }, ...end.lines, ...answer(word), {
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

export const telling = (state: AttemptState & { _tag: "Telling" }, event: AttemptEvent): Step => {
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

export const removing = (state: AttemptState & { _tag: "Removing" }, event: AttemptEvent): Step => {
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
      // The end that the site wanted, so nothing is wrong with it; nobody is told of it.
      return step(state, { _tag: "Answer", id: event.id, refused: undefined })
    default:
      return step(state)
  }
}
