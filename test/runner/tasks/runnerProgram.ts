/** runnerProgram: the behaviours of the runners' contract as tasks; the site's answer to `run` names the scratch folder. */
import { spawn } from "node:child_process"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { runTaskHost } from "../../../src/cli/taskHost.ts"
import * as Task from "../../../src/task/Task.ts"
import { TaskContext } from "../../../src/task/TaskContext.ts"

const file = (name: string) =>
  TaskContext.use(({ params }) => Effect.succeed(join(String(params["scratch"]), name)))
const write = (name: string, text = "yes") =>
  Effect.flatMap(file(name), (path) => Effect.sync(() => writeFileSync(path, text)))

const task = (taskId: string, run: Effect.Effect<unknown, unknown, TaskContext>) =>
  Task.make({ dagId: "dag", taskId, run: () => run })

const wait = Effect.gen(function* () {
  yield* write("ready")
  const go = yield* file("go")
  while (!existsSync(go)) yield* Effect.sleep("5 millis")
})

const tree = Effect.gen(function* () {
  const code = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"
  const child = spawn(process.execPath, ["-e", code], { detached: true, stdio: "ignore" })
  yield* write("grandchild", String(child.pid))
  return yield* Effect.never
})

runTaskHost([
  task("ok", Effect.succeed(42)),
  task(
    "exit-3",
    Effect.sync(() => process.exit(3))
  ),
  task(
    "crash",
    Effect.andThen(
      Effect.sync(() => process.kill(process.pid, "SIGKILL")),
      Effect.never
    )
  ),
  task("polite", Effect.andThen(write("ready"), Effect.never)),
  task("wait", wait),
  task("tree", Effect.uninterruptible(tree))
])
