/** TaskClient: how a task asks its attempt for something; XCom, Variables and the others are built on it. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { TaskAnswer, TaskRequest } from "../protocol/TaskComms.ts"
import type { RequestError } from "./TaskRequestFailed.ts"

/** An asset that the task has updated. */
export interface Outlet {
  readonly name: string
  readonly uri: string
  /** Kept with the asset's event. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined
}

/** What the message that ends the task will tell besides how it ended. */
export interface Gathered {
  readonly outlets: Array<Outlet>
  mapIndexLabel: string | undefined
}

/** One request, one answer; any number at a time. */
export class TaskClient extends Context.Service<
  TaskClient,
  {
    readonly ask: (request: TaskRequest) => Effect.Effect<TaskAnswer, RequestError>
    readonly gathered: Gathered
  }
>()("edge-worker/task/TaskClient") {}
