/** AttemptEvent: what happens to one try of one task, and what is done about it. */
import type { TaskStateBody } from "../../protocol/execution/TaskStates.ts"
import type { LogLevel, TaskEnd } from "../../protocol/TaskComms.ts"
import type { TaskGone } from "./TaskChannel.ts"

/** Why a state was not taken, or a task may not run. */
export type Refusal =
  /** The site has decided otherwise: 404, 409, 410. */
  | { readonly how: "decided"; readonly reason: string }
  /** The same, and somebody else runs this very try: whatever is reported of the job would end that one. */
  | { readonly how: "elsewhere"; readonly reason: string }
  /** The site does not take what was said. */
  | { readonly how: "refused"; readonly reason: string }
  /** There was no answer for as long as it was of use, or the token is at its end. */
  | { readonly how: "unheard"; readonly reason: string }

/** What happens to an attempt. `at`: now, ISO 8601. */
export type AttemptEvent =
  | { readonly _tag: "RunAccepted"; readonly retry: boolean; readonly at: string }
  | ({ readonly _tag: "RunRefused" } & Refusal)
  | { readonly _tag: "Cleared" }
  | { readonly _tag: "NotCleared"; readonly reason: string }
  | { readonly _tag: "Said"; readonly id: number; readonly end: TaskEnd; readonly at: string }
  /** The site's answer to a heartbeat: the task must not run any more. */
  | {
      readonly _tag: "Revoked"
      readonly how: "decided" | "elsewhere"
      readonly reason: string
    }
  /** Heartbeats have failed for longer than the site bears. */
  | { readonly _tag: "Lost"; readonly reason: string }
  | { readonly _tag: "StopAsked"; readonly how: "term" | "kill" }
  /** A task that was asked to end has not; or one that has said its last word is still there. */
  | { readonly _tag: "TimeUp"; readonly of: "grace" | "overtime" }
  | { readonly _tag: "Gone"; readonly how: TaskGone; readonly at: string }
  | { readonly _tag: "Told" }
  | ({ readonly _tag: "NotTold"; readonly at: string } & Refusal)

/** What is to be done. */
export type AttemptCommand =
  | { readonly _tag: "Clear" }
  | { readonly _tag: "Begin" }
  | { readonly _tag: "Cancel" }
  | { readonly _tag: "Kill" }
  | { readonly _tag: "Wait"; readonly of: "grace" | "overtime" }
  | { readonly _tag: "Tell"; readonly body: TaskStateBody }
  /** The worker wants to be done: what is under way is not tried for long any more. */
  | { readonly _tag: "Hurry" }
  | { readonly _tag: "Answer"; readonly id: number; readonly refused: string | undefined }
  | {
      readonly _tag: "Say"
      readonly level: LogLevel
      readonly event: string
      readonly more?: Readonly<Record<string, unknown>>
    }
