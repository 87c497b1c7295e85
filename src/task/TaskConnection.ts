/** TaskConnection: the task's end of the line to its attempt. */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { FromTask, ToTask } from "../protocol/TaskComms.ts"

/** The attempt, or the worker with it, is gone: nobody hears the task any more. */
export class ConnectionClosed extends Data.TaggedError("ConnectionClosed")<{ readonly reason: string }> {
  override get message() {
    return this.reason
  }
}

/** What `serveTask` speaks through. Values in messages are those of `protocol/Json`. */
export interface TaskConnection {
  /** At once and in the order of the calls: a logger cannot wait. Does nothing once the line is closed; never throws. */
  readonly send: (message: FromTask) => void
  /** Waits for the next message. Interrupting the wait loses none. */
  readonly receive: Effect.Effect<ToTask, ConnectionClosed>
}
