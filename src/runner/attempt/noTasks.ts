/** noTasks: a worker without tasks in TypeScript. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TaskNotOpened, Tasks } from "./TaskChannel.ts"

/** Knows no task, and opens none. */
export const noTasks: Layer.Layer<Tasks> = Layer.succeed(Tasks, {
  registered: Effect.succeed([]),
  open: () => Effect.fail(new TaskNotOpened({ reason: "this worker has no tasks in TypeScript" }))
})
