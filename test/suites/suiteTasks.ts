/** suiteTasks: the tasks that the contract of `Tasks` runs, in whatever process. */
import { writeSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Lossless from "../../src/task/Lossless.ts"
import * as Task from "../../src/task/Task.ts"
import { TaskContext } from "../../src/task/TaskContext.ts"
import * as Variables from "../../src/task/Variables.ts"

const task = <A>(taskId: string, run: Effect.Effect<A, unknown, Task.TaskServices>) =>
  Task.make({ dagId: "dag", taskId, run: () => run })

/** Never ends by itself; says `started` first. */
const waits = Effect.andThen(Effect.logInfo("started"), Effect.never)

/** How many times `talks` says something. */
export const talks = 200

/** Of the Dag `dag`, as `testJob` is. */
export const suiteTasks: ReadonlyArray<Task.Task> = [
  task(
    "echoes",
    Effect.map(TaskContext, ({ dagRun, ti }) => ({ try: ti.tryNumber, conf: dagRun.conf }))
  ),
  Task.make({
    dagId: "dag",
    taskId: "counts",
    params: Schema.Struct({ id: Lossless.BigInt }),
    run: ({ id }) => Effect.succeed(id + 1n)
  }),
  task(
    "fails",
    Effect.sync(() => {
      throw new Error("no luck", { cause: new Error("the reason") })
    })
  ),
  task(
    "cleans",
    Effect.onInterrupt(waits, () => Effect.orDie(Variables.put("cleaned", "yes")))
  ),
  Task.fromAsync({
    dagId: "dag",
    taskId: "listens",
    run: async ({ log, signal, variables }) => {
      const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve))
      log.info("started")
      await aborted
      await variables.put("cleaned", "yes")
    }
  }),
  task("deaf", Effect.uninterruptible(waits)),
  task(
    "talks",
    Effect.forEach(
      Array.from({ length: talks }, (_, at) => at),
      (at) => Effect.andThen(Effect.logInfo(`log ${at}`), Variables.put("at", String(at))),
      { discard: true }
    )
  )
]

/** Those that do to their process what must not happen to the worker's. */
export const processTasks: ReadonlyArray<Task.Task> = [
  task(
    "prints",
    Effect.sync(() => {
      for (let at = 0; at < talks; at++) process.stdout.write(`out ${at}\n`)
      process.stderr.write("err\n")
      process.stdout.write(new Uint8Array([0x61, 0xff, 0x0a]))
      process.stdout.write("no line end")
    })
  ),
  task(
    "exits",
    Effect.sync(() => process.exit(3))
  ),
  task(
    "crashes",
    Effect.andThen(
      Effect.sync(() => process.kill(process.pid, "SIGKILL")),
      Effect.never
    )
  ),
  task(
    "garbles",
    Effect.andThen(
      Effect.sync(() => writeSync(3, "{not json}\n")),
      Effect.never
    )
  ),
  task(
    "loops",
    Effect.andThen(
      Effect.logInfo("started"),
      Effect.sync(() => {
        while (true) Math.random()
      })
    )
  )
]
