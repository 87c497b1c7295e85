/** Task: what a task returns and how it ends, as its last word to the site. */
import { assert, describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Defer, Reschedule, RetryLater, TaskFailedNoRetry, TaskSkipped } from "../../src/task/endings.ts"
import * as Task from "../../src/task/Task.ts"
import { TaskContext } from "../../src/task/TaskContext.ts"
import * as ThisTask from "../../src/task/ThisTask.ts"
import * as TestTask from "../../src/testing/TestTask.ts"

const name = { dagId: "dag", taskId: "task" }
const task = <A>(run: () => Effect.Effect<A, unknown, Task.TaskServices>, rest = {}) =>
  Task.make({ ...name, ...rest, run })
const pushed = (tested: TestTask.TestedTask) => tested.requests.filter(({ type }) => type === "SetXCom")
const epoch = "1970-01-01T00:00:00.000Z"

describe("what a task returns", () => {
  it.effect("becomes its XCom, and its success the last word", () =>
    Effect.gen(function* () {
      const tested = yield* TestTask.run(task(() => Effect.succeed({ words: ["a", "b"] })))
      expect(tested.returned).toEqual({ words: ["a", "b"] })
      expect(tested.end).toEqual({
        type: "SucceedTask",
        end_date: epoch,
        task_outlets: [],
        outlet_events: [],
        rendered_map_index: null
      })
      expect(pushed(tested)).toEqual([
        {
          type: "SetXCom",
          key: "return_value",
          dag_id: "dag",
          task_id: "task",
          run_id: "test-run",
          map_index: -1,
          value: { words: ["a", "b"] },
          mapped_length: 1
        }
      ])
    })
  )

  it.effect.each([
    ["an array", [1, 2, 3], 3],
    ["an object", { a: 1, b: 2 }, 2],
    ["a text", "abc", null],
    ["a number", 0, null],
    ["false", false, null]
  ] as const)("tells a downstream expand how long %s is", ([, value, length]) =>
    Effect.gen(function* () {
      const [request] = pushed(yield* TestTask.run(task(() => Effect.succeed(value))))
      expect(request).toMatchObject({ value, mapped_length: length })
    })
  )

  it.effect.each([[undefined], [null]])("is no XCom where it is %s", ([value]) =>
    Effect.gen(function* () {
      const tested = yield* TestTask.run(task(() => Effect.succeed(value)))
      expect(pushed(tested)).toEqual([])
      expect(tested.end.type).toBe("SucceedTask")
    })
  )

  it.effect("is no XCom where the task says so", () =>
    Effect.gen(function* () {
      expect(pushed(yield* TestTask.run(task(() => Effect.succeed(1), { pushResult: false })))).toEqual([])
    })
  )

  it.effect("of a mapped instance has no length: the site counts the instances", () =>
    Effect.gen(function* () {
      const [request] = pushed(
        yield* TestTask.run(
          task(() => Effect.succeed([1])),
          { mapIndex: 2 }
        )
      )
      expect(request).toMatchObject({ map_index: 2, mapped_length: null })
    })
  )

  it.effect("goes without its length where the site takes none so long, and the log says it", () =>
    Effect.gen(function* () {
      const tested = yield* TestTask.run(
        task(() => Effect.succeed([1, 2, 3])),
        { maxMapLength: 2 }
      )
      expect(tested.end.type).toBe("SucceedTask")
      expect(tested.returned).toEqual([1, 2, 3])
      expect(tested.log.map(({ event, level }) => [level, event])).toEqual([
        [
          "warning",
          "what the task returned: 3 are more than the site lets a task expand over ([core] max_map_length)"
        ]
      ])
    })
  )

  it.effect("fails the task that says a downstream task expands over it, where none can", () =>
    Effect.gen(function* () {
      const mapped = <A>(value: A) => task(() => Effect.succeed(value), { mapped: true })
      const long = yield* TestTask.run(mapped([1, 2, 3]), { maxMapLength: 2 })
      expect([long.end.type, long.returned]).toEqual(["TaskState", undefined])
      expect(JSON.stringify(long.log)).toContain("max_map_length")
      for (const value of ["text", null, undefined])
        expect((yield* TestTask.run(mapped(value))).end.type).toBe("TaskState")
      expect((yield* TestTask.run(mapped([1]))).end.type).toBe("SucceedTask")
    })
  )

  it.effect("is never pushed with a length where the task says that nobody expands over it", () =>
    Effect.gen(function* () {
      const [request] = pushed(yield* TestTask.run(task(() => Effect.succeed([1]), { mapped: false })))
      expect(request).toMatchObject({ mapped_length: null })
    })
  )

  it.effect("another refusal of the site fails the task", () =>
    Effect.gen(function* () {
      const tested = yield* TestTask.run(
        task(() => Effect.succeed([1])),
        {
          answer: ({ type }) =>
            type === "SetXCom"
              ? {
                  type: "ErrorResponse",
                  error: "API_SERVER_ERROR",
                  detail: { status_code: 400, detail: { reason: "invalid_format", message: "no" } }
                }
              : undefined
        }
      )
      expect(tested.end).toMatchObject({ type: "TaskState", state: "failed" })
      expect(JSON.stringify(tested.log)).toContain("SetXCom failed: API_SERVER_ERROR: invalid_format: no")
    })
  )

  it.effect("goes through the schema of its output", () =>
    Effect.gen(function* () {
      const dated = Task.make({
        ...name,
        output: Schema.Struct({ at: Schema.DateTimeUtcFromString }),
        run: () =>
          Effect.map(
            Effect.fromResult(Schema.decodeResult(Schema.DateTimeUtcFromString)("2026-01-02T03:04:05Z")),
            (at) => ({ at })
          )
      })
      expect((yield* TestTask.run(dated)).returned).toEqual({ at: "2026-01-02T03:04:05.000Z" })
    })
  )

  it.effect("that is not what the schema says fails the task", () =>
    Effect.gen(function* () {
      const wrong = Task.make({
        ...name,
        output: Schema.Struct({ n: Schema.Int }),
        run: () => Effect.succeed({ n: 1.5 })
      })
      const tested = yield* TestTask.run(wrong)
      expect(tested.end).toMatchObject({ type: "TaskState", state: "failed" })
      expect(tested.log[0]?.error_detail).toMatchObject([{ exc_type: "UnexpectedValue" }])
    })
  )

  it.effect.each([
    ["NaN", Number.NaN],
    ["a function", () => 1],
    ["a function inside", { f: () => 1 }]
  ] as const)("that has no JSON form fails the task: %s", ([, value]) =>
    Effect.gen(function* () {
      const tested = yield* TestTask.run(task(() => Effect.succeed(value)))
      expect(tested.end).toMatchObject({ type: "TaskState", state: "failed" })
      expect(JSON.stringify(tested.log)).toContain("has no JSON form")
    })
  )

  it.effect("keeps every digit of a bigint", () =>
    Effect.gen(function* () {
      const [request] = pushed(yield* TestTask.run(task(() => Effect.succeed({ id: 12345678901234567890n }))))
      expect(JSON.stringify(request)).toContain('"value":{"id":12345678901234567890}')
    })
  )
})

class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

describe("a failure", () => {
  const failing: ReadonlyArray<readonly [string, Effect.Effect<never, unknown>]> = [
    ["a failure", new Broken({ message: "no luck" })],
    ["a defect", Effect.die(new Error("no luck"))],
    ["a failure that is no error", Effect.fail("no luck")],
    [
      "a throw",
      Effect.sync(() => {
        throw new Error("no luck")
      })
    ],
    ["an interruption of its own", Effect.interrupt]
  ]
  it.effect.each(failing)("ends the task as failed, with the error in the log: %s", ([title, effect]) =>
    Effect.gen(function* () {
      const tested = yield* TestTask.run(task(() => effect))
      expect(tested.end).toEqual({
        type: "TaskState",
        state: "failed",
        end_date: epoch,
        rendered_map_index: null
      })
      expect(tested.log).toMatchObject([{ level: "error", event: "Task failed with exception" }])
      expect(JSON.stringify(tested.log[0]?.error_detail)).toContain(
        title.includes("interruption") ? "Interrupted" : "no luck"
      )
    })
  )

  it.effect("asks for the retry that the site has announced", () =>
    Effect.gen(function* () {
      const { end } = yield* TestTask.run(
        task(() => Effect.fail("x")),
        { shouldRetry: true }
      )
      expect(end).toMatchObject({ type: "RetryTask", end_date: epoch, retry_delay_seconds: null })
    })
  )
})

describe("a task ends itself", () => {
  const ways = <A>(error: A & Error) =>
    [
      ["failed with", () => Effect.fail(error)],
      [
        "thrown",
        () =>
          Effect.sync(() => {
            throw error
          })
      ],
      ["beside a defect", () => Effect.failCause(Cause.combine(Cause.die("other"), Cause.fail(error)))]
    ] as const

  it.effect.each(ways(new TaskSkipped({ reason: "nothing new" })))("as skipped, %s", ([, run]) =>
    Effect.gen(function* () {
      const tested = yield* TestTask.run(task(run), { shouldRetry: true })
      expect(tested.end).toMatchObject({ type: "TaskState", state: "skipped" })
      expect(tested.log).toMatchObject([{ level: "info", event: "nothing new" }])
    })
  )

  it.effect("as failed for good", () =>
    Effect.gen(function* () {
      const tested = yield* TestTask.run(
        task(() => new TaskFailedNoRetry({ reason: "bad input", cause: new Error("why") })),
        { shouldRetry: true }
      )
      expect(tested.end).toMatchObject({ type: "TaskState", state: "failed" })
      expect(tested.log[0]?.error_detail).toMatchObject([
        { exc_value: "bad input" },
        { exc_value: "why", is_cause: true }
      ])
    })
  )

  it.effect("with a retry after its own delay, if there is one left", () =>
    Effect.gen(function* () {
      const later = task(() => new RetryLater({ delay: "90 seconds", reason: "x".repeat(600) }))
      const { end } = yield* TestTask.run(later, { shouldRetry: true })
      expect(end).toMatchObject({ type: "RetryTask", retry_delay_seconds: 90, retry_reason: "x".repeat(500) })
      expect((yield* TestTask.run(later)).end).toMatchObject({ type: "TaskState", state: "failed" })
    })
  )

  it.effect("to run again, at a time or after one", () =>
    Effect.gen(function* () {
      const at = yield* TestTask.run(task(() => new Reschedule({ at: new Date("2026-01-02T03:04:05Z") })))
      expect(at.end).toEqual({
        type: "RescheduleTask",
        reschedule_date: "2026-01-02T03:04:05.000Z",
        end_date: epoch
      })
      const after = yield* TestTask.run(task(() => new Reschedule({ at: { in: "1 minute" } })))
      expect(after.end).toMatchObject({ reschedule_date: "1970-01-01T00:01:00.000Z" })
    })
  )

  it.effect("to wait for a trigger, and goes on in the method that it named", () =>
    Effect.gen(function* () {
      const waits = Task.make({
        ...name,
        run: () =>
          new Defer({
            classpath: "airflow.providers.standard.triggers.temporal.TimeDeltaTrigger",
            kwargs: { delta: 5 },
            timeout: "90 minutes",
            nextMethod: "arrived",
            nextKwargs: { page: 12345678901234567890n }
          }),
        resume: { arrived: (kwargs) => Effect.succeed(kwargs) }
      })
      const { end } = yield* TestTask.run(waits)
      assert(end.type === "DeferTask")
      expect(JSON.parse(JSON.stringify(end))).toEqual({
        type: "DeferTask",
        classpath: "airflow.providers.standard.triggers.temporal.TimeDeltaTrigger",
        trigger_kwargs: { delta: 5 },
        trigger_timeout: "PT5400S",
        queue: null,
        next_method: "arrived",
        next_kwargs: { page: 12345678901234567000 },
        rendered_map_index: null
      })
      expect(JSON.stringify(end)).toContain("12345678901234567890")
      const kwargs = { page: 1, event: "done" }
      const resumed = yield* TestTask.run(waits, { resume: { method: "arrived", kwargs } })
      expect(resumed.returned).toEqual(kwargs)
    })
  )

  it.effect("goes on with kwargs in the form of the site's older parts", () =>
    Effect.gen(function* () {
      const waits = Task.make({
        ...name,
        run: () => Effect.void,
        resume: { go: (kwargs) => Effect.succeed(kwargs) as never }
      })
      const kwargs = { __type: "dict", __var: { event: 1 } }
      expect((yield* TestTask.run(waits, { resume: { method: "go", kwargs } })).returned).toEqual({
        event: 1
      })
    })
  )

  it.effect("fails where it is to go on in a way that it does not have, or its trigger failed", () =>
    Effect.gen(function* () {
      const none = yield* TestTask.run(
        task(() => Effect.void),
        { resume: { method: "toString" } }
      )
      expect(none.end).toMatchObject({ state: "failed" })
      expect(JSON.stringify(none.log)).toContain('go on with \\"toString\\", but its `resume` has nothing')
      const failed = yield* TestTask.run(
        task(() => Effect.void),
        {
          resume: {
            method: "__fail__",
            kwargs: { error: "Trigger timeout", traceback: ["line 1", "line 2"] }
          }
        }
      )
      expect(failed.end).toMatchObject({ state: "failed" })
      expect(failed.log[0]?.event).toBe("Trigger failed:\nline 1\nline 2")
      expect(JSON.stringify(failed.log[1])).toContain("the trigger failed: Trigger timeout")
    })
  )

  it.effect("fails where what it would go on with is no JSON", () =>
    Effect.gen(function* () {
      const waits = task(() => new Defer({ classpath: "a.B", nextMethod: "x", kwargs: { bad: Number.NaN } }))
      const tested = yield* TestTask.run(waits, { shouldRetry: true })
      expect(tested.end.type).toBe("RetryTask")
      expect(JSON.stringify(tested.log)).toContain("NaN")
    })
  )

  it.effect.each([
    ["a date", new Reschedule({ at: new Date("nonsense") })],
    ["a duration", new Reschedule({ at: { in: "forever" as never } })],
    ["a duration without end", new Reschedule({ at: { in: "Infinity" as never } })],
    ["a delay", new RetryLater({ delay: Number.POSITIVE_INFINITY })],
    ["a timeout", new Defer({ classpath: "a.B", nextMethod: "x", timeout: "soon" as never })],
    ["a class", new Defer({ nextMethod: "x" } as never)]
  ] as const)("fails where %s cannot be told", ([, ending]) =>
    Effect.gen(function* () {
      const tested = yield* TestTask.run(task(() => Effect.fail(ending)))
      expect(tested.end).toMatchObject({ type: "TaskState", state: "failed" })
      expect(tested.log.at(-1)).toMatchObject({ level: "error", event: "Task failed with exception" })
    })
  )

  it.effect("and gives where it goes on its params too", () =>
    Effect.gen(function* () {
      const typed = Task.make({
        ...name,
        params: Schema.Struct({ n: Schema.Int }),
        run: ({ n }) => Effect.succeed(n),
        resume: { again: ({ event }, { n }) => Effect.succeed(n + Number(event)) }
      })
      const tested = yield* TestTask.run(typed, {
        params: { n: 40 },
        resume: { method: "again", kwargs: { event: 2 } }
      })
      expect(tested.returned).toBe(42)
    })
  )
})

describe("a cancellation", () => {
  it.effect("interrupts the task, waits for its finalizers, and is a failure", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const happened: Array<string> = []
      const cancelled = task(() =>
        Effect.gen(function* () {
          yield* Effect.addFinalizer(() =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => happened.push("scope"))
            )
          )
          yield* Deferred.succeed(started, undefined)
          return yield* Effect.never
        }).pipe(Effect.onInterrupt(() => ThisTask.renderedMapIndex("cut off").pipe(Effect.orDie)))
      )
      const tested = yield* TestTask.run(cancelled, {
        cancelWhen: Deferred.await(started),
        shouldRetry: true
      })
      expect(happened).toEqual(["scope"])
      // its finalizers may still speak to the site
      expect(tested.end).toMatchObject({ type: "RetryTask", rendered_map_index: "cut off" })
      expect(tested.log.map(({ event }) => event)).toEqual([
        "The task was asked to end",
        "Task failed with exception"
      ])
    })
  )

  it.effect("waits for what must not be interrupted", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const happened: Array<string> = []
      const firm = task(() =>
        Deferred.succeed(started, undefined).pipe(
          Effect.andThen(Deferred.await(go)),
          Effect.andThen(Effect.sync(() => happened.push("kept"))),
          Effect.uninterruptible
        )
      )
      const { end } = yield* TestTask.run(firm, {
        // the cancellation is on its way before the region may go on
        cancelWhen: Effect.andThen(
          Deferred.await(started),
          Effect.forkDetach(Deferred.succeed(go, undefined))
        )
      })
      expect(happened).toEqual(["kept"])
      expect(end).toMatchObject({ type: "TaskState", state: "failed" })
    })
  )
})

describe("a task's context", () => {
  it.effect("has the run, the try, and conf over the defaults", () =>
    Effect.gen(function* () {
      const seen = Task.make({
        ...name,
        defaults: { a: 1, b: 2 },
        run: (params) =>
          Effect.map(TaskContext, (context) => ({
            params,
            ti: context.ti,
            run: context.dagRun,
            willRetry: context.willRetry
          }))
      })
      const { returned } = yield* TestTask.run(seen, {
        params: { b: 3 },
        tryNumber: 2,
        mapIndex: 4,
        shouldRetry: true,
        dagRun: { logical_date: "2026-01-02T03:04:05.123456+00:00" }
      })
      expect(returned).toMatchObject({
        params: { a: 1, b: 3 },
        ti: {
          dagId: "dag",
          taskId: "task",
          runId: "test-run",
          tryNumber: 2,
          mapIndex: 4,
          maxTries: 2,
          hostname: "test-worker"
        },
        run: { conf: { b: 3 }, logicalDate: "2026-01-02T03:04:05.123456+00:00", runType: "manual" },
        willRetry: true
      })
    })
  )

  it.effect("gives params as their schema has them; others fail the task", () =>
    Effect.gen(function* () {
      const typed = Task.make({
        ...name,
        params: Schema.Struct({ n: Schema.Int }),
        defaults: { n: 1 },
        run: ({ n }) => Effect.succeed(n + 1)
      })
      expect((yield* TestTask.run(typed)).returned).toBe(2)
      const wrong = yield* TestTask.run(typed, { params: { n: "one" } })
      expect(wrong.end).toMatchObject({ state: "failed" })
      expect(JSON.stringify(wrong.log)).toContain("the run's conf is not what was expected")
    })
  )
})
