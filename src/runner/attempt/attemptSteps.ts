/** attemptSteps: what the steps of an attempt's machine are made of: the outcomes, words and commands that they share. */
import type { LogLevel } from "../../protocol/TaskComms.ts"
import type { Outcome } from "../Runner.ts"
import type { AttemptCommand, Refusal } from "./AttemptEvent.ts"
import type { AttemptState, Step, Word } from "./AttemptState.ts"
import { exitLine } from "./exitLine.ts"
import type { TaskGone } from "./TaskChannel.ts"

/** What the worker reports of the job. */
export const succeeded: Outcome = { _tag: "Succeeded" }
export const failed = (reason: string): Outcome => ({ _tag: "Failed", reason, stderr: "" })
export const left = (reason: string): Outcome => ({ _tag: "Left", reason })

/** The next state, and what is to be done in that order. */
export const step = (state: AttemptState, ...commands: ReadonlyArray<AttemptCommand>): Step => ({
  state,
  commands
})
/** A line for the task's log. */
export const say = (
  level: LogLevel,
  event: string,
  more?: Readonly<Record<string, unknown>>
): AttemptCommand => ({
  _tag: "Say",
  level,
  event,
  ...(more === undefined ? {} : { more })
})
/** Ends the task without asking it. */
export const kill: AttemptCommand = { _tag: "Kill" }
/** Asks, and kills what has not obeyed within the grace. */
export const cancelSoonKill: ReadonlyArray<AttemptCommand> = [
  { _tag: "Cancel" },
  { _tag: "Wait", of: "grace" }
]

/** The state of a try that ended without a word of its own. */
export const ownWord = (retry: boolean, at: string, reason?: string): Word => ({
  id: undefined,
  body: retry
    ? {
        state: "up_for_retry",
        end_date: at,
        ...(reason === undefined ? {} : { retry_reason: reason.slice(0, 500) })
      }
    : { state: "failed", end_date: at }
})

/** To the site. */
export const tell = (word: Word): AttemptCommand => ({ _tag: "Tell", body: word.body })

/** The words of an end that the log shows; a task that succeeds says so itself. */
export const shown = (how: TaskGone): ReadonlyArray<AttemptCommand> => {
  const line = exitLine(how)
  return line === undefined ? [] : [say(line.level, line.event, line.more)]
}

/** To the task that has said the word; `refused`: what the site dislikes in it. What it has decided itself is no fault of a task. */
export const answer = (word: Word, refused?: string): ReadonlyArray<AttemptCommand> =>
  word.id === undefined ? [] : [{ _tag: "Answer", id: word.id, refused }]

/** The answer to a last word that nobody waits for. */
export const tooLate = (id: number): AttemptCommand => ({
  _tag: "Answer",
  id,
  refused: "this try takes no last word now"
})

/** What a refusal makes of the job; `what`: what was refused. */
export const refusedOutcome = (event: Refusal, what: string): Outcome => {
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
