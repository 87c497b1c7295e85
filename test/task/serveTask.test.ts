/** serveTask: the task's side of the line: many questions at a time, one last word, and what comes of a line that breaks. */
import { assert, describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { ErrorResponse } from "../../src/protocol/TaskComms.ts"
import * as Task from "../../src/task/Task.ts"
import * as TaskRegistry from "../../src/task/TaskRegistry.ts"
import * as Variables from "../../src/task/Variables.ts"
import { startupDetails } from "../../src/testing/TestTask.ts"
import { connect } from "./line.ts"

const name = { dagId: "dag", taskId: "task" }
const details = startupDetails(name, "2026-01-02T03:04:05.000Z")
const task = <A>(run: () => Effect.Effect<A, unknown, Task.TaskServices>) => Task.make({ ...name, run })
const variable = (key: string, value: string) => ({ type: "VariableResult", key, value })

describe("a task's line", () => {
  it.effect("carries any number of questions, answered in any order", () =>
    Effect.gen(function* () {
      const both = task(() =>
        Effect.all([Variables.get("a"), Variables.get("b")], { concurrency: "unbounded" })
      )
      const line = yield* connect([both])
      yield* line.send({ details })
      const [first, second] = [yield* line.next, yield* line.next]
      expect([first.id, second.id]).toEqual([1, 2])
      yield* line.answer(second.id, variable("b", "B"))
      yield* line.answer(first.id, variable("a", "A"))
      const result = yield* line.next
      expect(result.body).toMatchObject({ type: "SetXCom", value: ["A", "B"] })
      yield* line.answer(result.id, null)
      const end = yield* line.next
      expect(end.body.type).toBe("SucceedTask")
      yield* line.answer(end.id, null)
      yield* line.served
    })
  )

  it.effect("keeps what is logged in its place among the questions", () =>
    Effect.gen(function* () {
      const line = yield* connect([
        task(() =>
          Effect.log("before").pipe(
            Effect.andThen(Variables.put("a", "A")),
            Effect.andThen(Effect.logDebug("after"))
          )
        )
      ])
      yield* line.send({ details })
      expect(yield* line.take).toMatchObject({ log: { event: "before", level: "info" } })
      expect(yield* line.take).toMatchObject({ id: 1, body: { type: "PutVariable" } })
      yield* line.answer(1, null)
      // which levels are kept is the attempt's to say
      expect(yield* line.take).toMatchObject({ log: { event: "after", level: "debug" } })
      expect(yield* line.take).toMatchObject({ id: 2, body: { type: "SucceedTask" } })
    })
  )

  it.effect("ends only when the last word was answered; a refusal of it is logged", () =>
    Effect.gen(function* () {
      const line = yield* connect([task(() => Effect.void)])
      yield* line.send({ details })
      const end = yield* line.next
      const error: ErrorResponse = {
        type: "ErrorResponse",
        error: "API_SERVER_ERROR",
        detail: { message: "409" }
      }
      yield* line.send({ id: end.id, body: null, error })
      yield* line.served
      expect(yield* line.take).toMatchObject({
        log: {
          event: "The end was refused SucceedTask failed: API_SERVER_ERROR: 409",
          level: "error"
        }
      })
    })
  )

  it.effect("ignores answers that nobody waits for", () =>
    Effect.gen(function* () {
      const line = yield* connect([task(() => Variables.get("a"))])
      yield* line.send({ details })
      const asked = yield* line.next
      yield* line.answer(99, variable("x", "X"))
      yield* line.answer(asked.id, variable("a", "A"))
      yield* line.answer(asked.id, variable("a", "again"))
      expect((yield* line.next).body).toMatchObject({ value: "A" })
    })
  )

  it.effect.each([["body"], ["error"]] as const)(
    "tells that something is not there, said in the %s",
    ([where]) =>
      Effect.gen(function* () {
        const line = yield* connect([
          task(() =>
            Effect.catchTag(Variables.get("a"), "NotFound", (error) => Effect.succeed(error.message))
          )
        ])
        yield* line.send({ details })
        const { id } = yield* line.next
        const error: ErrorResponse = { type: "ErrorResponse", error: "VARIABLE_NOT_FOUND" }
        yield* line.send(where === "body" ? { id, body: error, error: null } : { id, body: null, error })
        expect((yield* line.next).body).toMatchObject({ value: 'there is no variable "a"' })
      })
  )

  it.effect("tells what else the site said", () =>
    Effect.gen(function* () {
      const line = yield* connect([
        task(() =>
          Effect.catchTag(Variables.get("a"), "TaskRequestFailed", (error) => Effect.succeed(error.message))
        )
      ])
      yield* line.send({ details })
      const { id } = yield* line.next
      const detail = {
        status_code: 403,
        message: "Forbidden",
        detail: { reason: "access_denied", message: "not yours" }
      }
      yield* line.send({
        id,
        body: null,
        error: { type: "ErrorResponse", error: "PERMISSION_DENIED", detail }
      })
      expect((yield* line.next).body).toMatchObject({
        value: "GetVariable failed: PERMISSION_DENIED: access_denied: not yours"
      })
    })
  )

  it.effect("that does not speak the protocol fails the task", () =>
    Effect.gen(function* () {
      const line = yield* connect([task(() => Variables.get("a"))])
      yield* line.send({ details })
      yield* line.answer((yield* line.next).id, { type: "Nonsense" })
      expect((yield* line.next).body).toMatchObject({ type: "TaskState", state: "failed" })
      expect(JSON.stringify(line.log)).toContain("the answer to GetVariable is not what was expected")
    })
  )

  it.effect("that closes interrupts the task, fails what it asks, and needs no last word", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const cleaned = yield* Deferred.make<string>()
      const clean = Effect.flatMap(Effect.flip(Variables.get("a")), ({ message }) =>
        Deferred.succeed(cleaned, message)
      )
      const waits = Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
      const line = yield* connect([task(() => Effect.onInterrupt(waits, () => clean))])
      yield* line.send({ details })
      yield* Deferred.await(started)
      yield* line.close
      yield* line.served
      expect(yield* Deferred.await(cleaned)).toBe("GetVariable failed: GENERIC_ERROR: the worker is gone")
    })
  )

  it.effect("that closes fails the question that waits", () =>
    Effect.gen(function* () {
      const answered = yield* Deferred.make<string>()
      const asks = Effect.matchEffect(Variables.get("a"), {
        onFailure: ({ message }) => Deferred.succeed(answered, message),
        onSuccess: () => Effect.void
      })
      const line = yield* connect([task(() => Effect.uninterruptible(asks))])
      yield* line.send({ details })
      yield* line.next
      yield* line.close
      yield* line.served
      expect(yield* Deferred.await(answered)).toBe("GetVariable failed: GENERIC_ERROR: the worker is gone")
    })
  )

  it.effect("carries no more of a task that has ended, whatever it has left running", () =>
    Effect.gen(function* () {
      const later: Array<() => Promise<unknown>> = []
      const leaves = Task.fromAsync({
        ...name,
        run: async ({ log, variables }) => {
          later.push(async () => {
            log.info("too late")
            return variables.get("a").catch((error: Error) => error.message)
          })
        }
      })
      const line = yield* connect([leaves])
      yield* line.send({ details })
      const end = yield* line.next
      yield* line.answer(end.id, null)
      yield* line.served
      const [late] = later
      assert(late !== undefined)
      expect(yield* Effect.promise(late)).toBe("GetVariable failed: GENERIC_ERROR: the task has ended")
      expect(yield* line.rest).toEqual([])
    })
  )

  it.effect("does not carry what is no message", () =>
    Effect.gen(function* () {
      const untyped = task(() => Variables.put("a", 5 as never))
      const line = yield* connect([untyped])
      yield* line.send({ details })
      expect((yield* line.next).body).toMatchObject({ type: "TaskState", state: "failed" })
      expect(JSON.stringify(line.log)).toContain("the request PutVariable is not what was expected")
    })
  )

  it.effect("may be cancelled or closed before anything began", () =>
    Effect.gen(function* () {
      for (const end of ["cancel", "close"] as const) {
        const line = yield* connect([task(() => Effect.die("must not run"))])
        yield* end === "cancel" ? line.send({ cancel: true }) : line.close
        yield* line.served
      }
    })
  )
})

describe("the tasks of a program", () => {
  it.effect("do not have the one that is asked for: it fails and says which there are", () =>
    Effect.gen(function* () {
      const line = yield* connect([Task.make({ dagId: "dag", taskId: "other", run: () => Effect.void })])
      yield* line.send({ details })
      expect((yield* line.next).body).toMatchObject({ type: "TaskState", state: "failed" })
      expect(JSON.stringify(line.log)).toContain("this program has no task dag.task; it has dag.other")
    })
  )

  it.effect("bear names that a Dag can have, each once", () =>
    Effect.gen(function* () {
      const named = (dagId: string, taskId: string) => Task.make({ dagId, taskId, run: () => Effect.void })
      const good = [named("dag", "group.täsk-1_x"), named("dag", "b"), named("dag2", "b")]
      const registry = yield* TaskRegistry.make(good)
      expect(registry.find({ dag_id: "dag2", task_id: "b" })).toBe(good[2])
      expect(registry.find({ dag_id: "dag2", task_id: "c" })).toBeUndefined()
      const refused = yield* Effect.flip(
        TaskRegistry.make([
          named("dag", "a"),
          named("dag", "a"),
          named("", "a b"),
          named("d", "x".repeat(251))
        ])
      )
      expect(refused.problems).toEqual([
        "there are two tasks a of the Dag dag",
        expect.stringMatching(/^"" is no name/),
        expect.stringMatching(/^"a b" is no name/),
        expect.stringMatching(/^"x{251}" is no name/)
      ])
      expect(refused.message).toContain("; ")
    })
  )
})

describe("a task's span", () => {
  const spanOf = (traceparent?: string) =>
    Effect.gen(function* () {
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const carried = startupDetails(
        name,
        "2026-01-02T03:04:05.000Z",
        traceparent === undefined ? {} : { traceparent }
      )
      yield* Effect.gen(function* () {
        const line = yield* connect([task(() => Effect.void)])
        yield* line.send({ details: carried })
        yield* line.answer((yield* line.next).id, null)
        yield* line.served
      }).pipe(Effect.withSpan("the worker's own"), Effect.provideService(Tracer.Tracer, tracer))
      const span = spans.find(({ name }) => name === "Task.run")
      assert(span !== undefined)
      return span
    })

  it.effect("is a child of the one that the task instance carries", () =>
    Effect.gen(function* () {
      const span = yield* spanOf(`00-${"a".repeat(32)}-${"b".repeat(16)}-01`)
      const parent = Option.getOrThrow(span.parent)
      expect([parent.traceId, parent.spanId, parent.sampled]).toEqual(["a".repeat(32), "b".repeat(16), true])
      expect(Object.fromEntries(span.attributes)).toMatchObject({
        "airflow.dag_id": "dag",
        "airflow.task_id": "task"
      })
    })
  )

  it.effect.each([[undefined], ["nonsense"], [`00-${"0".repeat(32)}-${"b".repeat(16)}-01`]])(
    "is of a trace of its own without one: %s",
    ([traceparent]) =>
      Effect.gen(function* () {
        expect(Option.isNone((yield* spanOf(traceparent)).parent)).toBe(true)
      })
  )
})
