/** tasks: the bodies of the stub tasks in the Dags `native`, `native_ends`, `native_waits` and `native_many`. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Connections from "../../../src/task/Connections.ts"
import * as DagRuns from "../../../src/task/DagRuns.ts"
import { Defer, Reschedule, RetryLater, TaskFailedNoRetry, TaskSkipped } from "../../../src/task/endings.ts"
import * as Lossless from "../../../src/task/Lossless.ts"
import * as Task from "../../../src/task/Task.ts"
import { TaskContext } from "../../../src/task/TaskContext.ts"
import * as ThisTask from "../../../src/task/ThisTask.ts"
import * as Variables from "../../../src/task/Variables.ts"
import * as XCom from "../../../src/task/XCom.ts"

const Seed = Schema.Struct({ n: Schema.Int, one: Lossless.Digits, big: Lossless.BigInt })

const native = [
  Task.make({
    dagId: "native",
    taskId: "crunch",
    run: () =>
      Effect.gen(function* () {
        const seed = yield* XCom.get({ taskId: "seed" }, Seed)
        // The same value with nothing read of it: each number must reach Python as Python wrote it.
        const whole = yield* XCom.get<Record<string, unknown>>({ taskId: "seed" })
        const greeting = yield* Variables.get("native_greeting")
        const { host, password } = yield* Connections.get("native_connection")
        yield* Effect.logInfo(`${greeting}, ${host}`).pipe(Effect.annotateLogs({ digits: seed.one }))
        yield* Effect.logInfo(`the password is ${password === undefined ? "?" : Redacted.value(password)}`)
        yield* Variables.put("native_answer", String(seed.big + 1n))
        return { ...whole, doubled: seed.n * 2 }
      })
  }),
  Task.make({ dagId: "native", taskId: "numbers", mapped: true, run: () => Effect.succeed([2, 3, 4]) }),
  Task.fromAsync({
    dagId: "native",
    taskId: "each",
    run: async ({ log, mapIndex, xcom }) => {
      const squares = await xcom.getAll({ taskId: "square" }, Schema.Int)
      log.info(`instance ${mapIndex} sees ${squares.join(", ")}`)
      return squares.reduce((sum, square) => sum + square, 0) + mapIndex
    }
  }),
  Task.fromAsync({
    dagId: "native",
    taskId: "add",
    run: async ({ xcom }) => {
      const each = await xcom.getAll({ taskId: "each" }, Schema.Int)
      return each.reduce((sum, one) => sum + one, 0)
    }
  })
]

class OvenTooHot extends Schema.TaggedError<OvenTooHot>()("OvenTooHot", { degrees: Schema.Int }) {
  override get message() {
    return `the oven has ${this.degrees} °C`
  }
}

const ends = [
  Task.make({
    dagId: "native_ends",
    taskId: "retries",
    run: () =>
      Effect.gen(function* () {
        const { attempt } = yield* TaskContext
        yield* Effect.logInfo(`this is try ${attempt}`)
        if (attempt === 1) return yield* new RetryLater({ delay: "1 second", reason: "not yet" })
        return attempt
      })
  }),
  Task.make({
    dagId: "native_ends",
    taskId: "fails_at_once",
    run: () => Effect.fail(new TaskFailedNoRetry({ reason: "no retry helps" }))
  }),
  Task.make({
    dagId: "native_ends",
    taskId: "fails",
    run: () => Effect.fail(new OvenTooHot({ degrees: 1200 }))
  }),
  Task.make({
    dagId: "native_ends",
    taskId: "skips",
    run: () => Effect.fail(new TaskSkipped({ reason: "nothing to do" }))
  }),
  Task.make({
    dagId: "native_ends",
    taskId: "branches",
    run: () => Effect.as(ThisTask.skipDownstream(["left_out"]), "taken")
  }),
  Task.make({
    dagId: "native_ends",
    taskId: "reschedules",
    run: () =>
      Effect.gen(function* () {
        const { rescheduleCount } = yield* TaskContext
        yield* Effect.logInfo(`rescheduled ${rescheduleCount} times`)
        if (rescheduleCount < 1) return yield* new Reschedule({ at: { in: "2 seconds" } })
      })
  }),
  Task.make({
    dagId: "native_ends",
    taskId: "defers",
    run: () =>
      Effect.andThen(
        Effect.logInfo("before the trigger"),
        Effect.fail(
          new Defer({
            classpath: "airflow.providers.standard.triggers.file.FileTrigger",
            kwargs: { filepath: "/etc/hostname", recursive: false, poke_interval: 1 },
            nextMethod: "goesOn",
            nextKwargs: { basket: "apples" }
          })
        )
      ),
    resume: {
      goesOn: (kwargs) =>
        Effect.as(Effect.logInfo(`after the trigger with ${kwargs["basket"]}`), String(kwargs["basket"]))
    }
  }),
  Task.make({
    dagId: "native_ends",
    taskId: "triggers",
    run: () =>
      Effect.gen(function* () {
        const run = yield* DagRuns.trigger({ dagId: "native_waits", conf: { seconds: 0 } })
        yield* Effect.logInfo(`triggered ${run.runId}`)
        return run.runId
      })
  })
]

const waits = Task.make({
  dagId: "native_waits",
  taskId: "waits",
  params: Schema.Struct({ seconds: Schema.Finite }),
  defaults: { seconds: 600 },
  run: ({ seconds }) =>
    Effect.gen(function* () {
      yield* Effect.addFinalizer(() => Effect.logInfo("the finalizer ran"))
      for (let tick = 1; tick <= seconds * 2; tick++) {
        yield* Effect.logInfo(`tick ${tick}`)
        yield* Effect.sleep(Duration.millis(500))
      }
      yield* Effect.logInfo("waited to the end")
    })
})

/** What bundle.py does too. */
const ours = Task.make({
  dagId: "native_twice",
  taskId: "ours",
  run: () =>
    Effect.gen(function* () {
      const seed = yield* XCom.get<Record<string, unknown>>({ taskId: "seed" })
      const missing = yield* XCom.getOption({ taskId: "seed", key: "nothing" })
      const greeting = yield* Variables.get("native_greeting")
      const { host } = yield* Connections.get("native_connection")
      yield* Effect.logInfo(`${greeting}, ${host}: ${missing._tag}`)
      yield* Variables.put("native_twice", String(seed["n"]))
      yield* XCom.push("doubled", Number(seed["n"]) * 2)
      yield* ThisTask.renderedFields({ n: seed["n"] })
      return seed
    })
})

const empty = Task.make({ dagId: "native_many", taskId: "empty", run: () => Effect.logInfo("begins") })

/** Of all those Dags. */
export const tasks = [...native, ...ends, waits, ours, empty]
