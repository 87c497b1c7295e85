/** AttemptState: how far one try of one task is, changed only by `transition`, which also says what is to be done. */

import type { TaskStateBody } from "../../protocol/execution/TaskStates.ts"
import type { Outcome } from "../Runner.ts"
import type { AttemptCommand, AttemptEvent } from "./AttemptEvent.ts"
import { ended, removing, telling } from "./afterLastWord.ts"
import { step, tooLate } from "./attemptSteps.ts"
import { asking, clearing, running, stopping } from "./beforeLastWord.ts"
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

/** What the job comes to, whatever happens to this process; undefined where the site has not decided it yet. */
export const outcomeOf = (state: AttemptState): Outcome | undefined =>
  "outcome" in state ? state.outcome : undefined

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
