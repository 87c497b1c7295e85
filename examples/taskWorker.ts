/**
 * A program that is a whole edge worker with three tasks: `worker`, `standalone`, `status` and all other commands of
 * `edge-worker` are its own. docs/guides/tasks-binary.md makes one file, or one executable, of it.
 */
import { TaskProgram } from "edge-worker/main"
import { RetryLater, Task, XCom } from "edge-worker/task"
import { Duration, Effect, Schema } from "effect"

const read = Task.fromAsync({
  dagId: "readings",
  taskId: "read",
  run: async ({ log }) => {
    const readings = [21.5, 22, 19.5]
    log.info("read", { readings: readings.length })
    return readings
  }
})

const mean = Task.make({
  dagId: "readings",
  taskId: "mean",
  run: Effect.fnUntraced(function* () {
    const readings = yield* XCom.get({ taskId: "read" }, Schema.Array(Schema.Finite))
    return readings.reduce((sum, reading) => sum + reading, 0) / readings.length
  })
})

const check = Task.make({
  dagId: "readings",
  taskId: "check",
  run: Effect.fnUntraced(function* () {
    const value = yield* XCom.get({ taskId: "mean" }, Schema.Finite)
    if (value > 30) return yield* new RetryLater({ reason: "too warm", delay: Duration.minutes(5) })
    yield* Effect.logInfo("fine", { mean: value })
  })
})

TaskProgram.run({ tasks: [read, mean, check] })
