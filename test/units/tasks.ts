/** tasks: a program whose one task in TypeScript says that it has begun and never ends. */
import * as Effect from "effect/Effect"
import { TaskProgram } from "../../src/cli/TaskProgram.ts"
import * as Task from "../../src/task/Task.ts"

const native = Task.make({
  dagId: "tasks",
  taskId: "native",
  run: () => Effect.andThen(Effect.logInfo("begun"), Effect.never)
})

TaskProgram.run({ tasks: [native] })
