/** leftTasks: the tasks of a worker that is gone, for who settles its promises: none is opened, and nothing of them goes on. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Processes } from "../../platform/Processes.ts"
import { StateFolder } from "../../platform/StateFolder.ts"
import { noTasks } from "./noTasks.ts"
import type { Tasks } from "./TaskChannel.ts"
import { marksOfHosts } from "./taskHostEnvironment.ts"

/** What a worker that died has left ends by itself, but perhaps not at once: nobody hears it any more. */
export const leftTasks: Layer.Layer<Tasks, never, Processes | StateFolder> = Layer.unwrap(
  Effect.gen(function* () {
    const { killTree } = yield* Processes
    const { path } = yield* StateFolder
    yield* killTree({ root: undefined, mark: marksOfHosts(path) })
    return noTasks
  })
)
