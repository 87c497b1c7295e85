/** siteTasks: a program of tasks for a standalone site: what they hand to each other there, and the ways in which they end. */
import { writeFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { TaskProgram } from "../../src/cli/TaskProgram.ts"
import * as Connections from "../../src/task/Connections.ts"
import { RetryLater, TaskSkipped } from "../../src/task/endings.ts"
import * as Task from "../../src/task/Task.ts"
import { TaskContext } from "../../src/task/TaskContext.ts"
import * as Variables from "../../src/task/Variables.ts"
import * as XCom from "../../src/task/XCom.ts"

const task = <A>(taskId: string, run: Effect.Effect<A, unknown, Task.TaskServices>) =>
  Task.make({ dagId: "site", taskId, run: () => run })

const give = Effect.gen(function* () {
  const greeting = yield* Variables.get("greeting")
  yield* Variables.put("left", "by give")
  const { password } = yield* Connections.get("db")
  yield* Effect.logInfo(`a secret: ${password === undefined ? "none" : Redacted.value(password)}`)
  return { greeting, n: 3 }
})

const take = Effect.gen(function* () {
  const { greeting, n } = yield* XCom.get(
    { taskId: "give" },
    Schema.Struct({ greeting: Schema.String, n: Schema.Finite })
  )
  yield* Effect.logInfo("taken", { greeting, n, left: yield* Variables.get("left") })
})

/** Fails as long as it may be tried again. */
const again = Effect.gen(function* () {
  const { ti, willRetry } = yield* TaskContext
  const left = yield* XCom.getOption({ key: "mark", taskId: "again" })
  yield* Effect.logInfo(`try ${ti.tryNumber} of ${ti.maxTries + 1} finds ${left._tag}`)
  yield* XCom.push("mark", ti.tryNumber)
  if (willRetry) return yield* new RetryLater({ delay: "1 second", reason: "not yet" })
})

/** Until it is interrupted; `conf` names the files that it leaves then. */
const wait = Effect.gen(function* () {
  const { params } = yield* TaskContext
  const leave = (name: string) => Effect.sync(() => writeFileSync(String(params[name]), ""))
  yield* leave("begun")
  return yield* Effect.onInterrupt(Effect.never, () => leave("cleaned"))
})

TaskProgram.run({
  tasks: [
    task("give", give),
    task("take", take),
    task("wait", wait),
    task("fail", Effect.fail(new Error("no luck", { cause: new Error("the reason") }))),
    task("again", again),
    task("skip", Effect.fail(new TaskSkipped({ reason: "nothing to do" })))
  ]
})
