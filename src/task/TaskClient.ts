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
  /** The parts of it that are updated: an event each. Without any it is the run's own part, where that has one. */
  readonly partitions?: ReadonlyArray<string>
  /**
   * The alias of the Dag through which it is updated: a site that does not know the asset yet makes it then. Such an event
   * bears the run's own partition.
   */
  readonly alias?: string
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
