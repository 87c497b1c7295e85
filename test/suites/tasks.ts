/** The contract of every implementation of `Tasks`: one attempt as its supervisor sees it, from the details to `Gone`. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { parse, stringify } from "../../src/protocol/Json.ts"
import type { FromTask, LogEvent, TaskEnd, TaskRequest } from "../../src/protocol/TaskComms.ts"
import {
  type TaskChannel,
  type TaskGone,
  type TaskHeard,
  TaskNotOpened,
  Tasks
} from "../../src/runner/attempt/TaskChannel.ts"
import type { JobToRun } from "../../src/runner/Runner.ts"
import { make as makeSite } from "../../src/testing/TaskSite.ts"
import { startupDetails } from "../../src/testing/TestTask.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { scratchFolder } from "../runner/runnerLayer.ts"
import { processTasks, suiteTasks, talks } from "./suiteTasks.ts"

let count = 0

/** A job of the suite in a folder of its own. */
const jobOf = (state: string, task: string): JobToRun => {
  const id = `task-${process.pid}-${count++}`
  const folder = join(state, "jobs", id)
  mkdirSync(folder, { mode: 0o700, recursive: true })
  const logFile = join(state, "logs", `${id}.log`)
  return { claim: { id, job: testJob(task), claimedAt: 0, expires: null }, folder, logFile }
}

/** What an attempt came to. */
interface Came {
  readonly heard: ReadonlyArray<TaskHeard>
  readonly log: ReadonlyArray<LogEvent>
  readonly requests: ReadonlyArray<TaskRequest | TaskEnd>
  readonly end: TaskRequest | TaskEnd | undefined
  readonly gone: TaskGone
}

const ends = ["SucceedTask", "TaskState", "RetryTask", "DeferTask", "RescheduleTask", "AwaitInputTask"]

/** Supervises a task: answers all that it asks, until nothing of it is left. `on` may act on what is heard. */
const supervise = Effect.fnUntraced(function* (
  channel: TaskChannel,
  task: string,
  options: {
    /** The run's conf as JSON. */
    readonly conf?: string
    readonly on?: (message: FromTask) => Effect.Effect<void>
  } = {}
) {
  const site = makeSite({})
  const details = startupDetails({ dagId: "dag", taskId: task }, "2026-01-02T03:04:05.000Z")
  const dag_run = { ...details.ti_context.dag_run, conf: parse(options.conf ?? "{}") }
  yield* channel.send({ details: { ...details, ti_context: { ...details.ti_context, dag_run } } })
  const heard: Array<TaskHeard> = []
  while (true) {
    const next = yield* channel.heard
    heard.push(next)
    if (next._tag === "Gone") {
      const said = heard.flatMap((each) => (each._tag === "Said" ? [each.message] : []))
      const requests = said.flatMap((each) => ("body" in each ? [each.body] : []))
      return {
        heard,
        log: said.flatMap((each) => ("log" in each ? [each.log] : [])),
        requests,
        end: requests.find(({ type }) => ends.includes(type)),
        gone: next.how
      } satisfies Came
    }
    if (next._tag !== "Said") continue
    const { message } = next
    if ("body" in message) {
      const { body, id } = message
      // an end is no request, and its answer is empty
      const answer = ends.includes(body.type) ? null : site.answer(body as TaskRequest)
      yield* channel.send({ id, body: answer, error: null })
    }
    if (options.on !== undefined) yield* options.on(message)
  }
})

const whenStarted = (act: Effect.Effect<void>) => (message: FromTask) =>
  "log" in message && message.log.event === "started" ? act : Effect.void

/**
 * Runs the contract on an implementation that has `suiteTasks`, and, where each task has a process to itself, `processTasks`
 * too. `make` gets a folder of its own.
 */
export const suite = <E>(
  name: string,
  make: (state: string) => Layer.Layer<Tasks, E>,
  { ownProcess }: { readonly ownProcess: boolean }
) => {
  const test = (
    title: string,
    body: (on: {
      readonly run: (
        task: string,
        options?: Parameters<typeof supervise>[2]
      ) => Effect.Effect<Came, TaskNotOpened, Scope.Scope>
      readonly open: (task: string) => Effect.Effect<TaskChannel, TaskNotOpened, Scope.Scope>
      readonly tasks: Tasks["Service"]
    }) => Effect.Effect<void, unknown, Scope.Scope>
  ) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const state = yield* scratchFolder
        yield* Effect.gen(function* () {
          const tasks = yield* Tasks
          const open = (task: string) => tasks.open(jobOf(state, task))
          yield* body({
            tasks,
            open,
            run: (task, options) => Effect.flatMap(open(task), (channel) => supervise(channel, task, options))
          })
        }).pipe(Effect.provide(make(state)))
      })
    )

  describe(name, () => {
    test("names its tasks", ({ tasks }) =>
      Effect.gen(function* () {
        const named = (yield* tasks.registered).map(({ dag_id, task_id }) => `${dag_id}.${task_id}`)
        for (const { dagId, taskId } of [...suiteTasks, ...(ownProcess ? processTasks : [])])
          expect(named).toContain(`${dagId}.${taskId}`)
      }))

    test("does not open what it has not", ({ open }) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(open("no-such-task"))
        expect(error).toBeInstanceOf(TaskNotOpened)
        expect(error.reason).toContain("no-such-task")
      }))

    test("a success is its result, its last word, and then nothing", ({ run }) =>
      Effect.gen(function* () {
        const came = yield* run("echoes", { conf: '{"a":[1,"x",null]}' })
        expect(came.requests).toMatchObject([
          {
            type: "SetXCom",
            key: "return_value",
            value: { try: 1, conf: { a: [1, "x", null] } },
            mapped_length: 2
          },
          { type: "SucceedTask" }
        ])
        expect(came.gone).toEqual({ _tag: "Returned" })
        expect(came.log).toEqual([])
      }))

    test("numbers keep their digits in both directions", ({ run }) =>
      Effect.gen(function* () {
        const conf = '{"float":1.0,"id":9007199254740993,"small":2.50}'
        const echoed = yield* run("echoes", { conf })
        expect(stringify(echoed.requests[0])).toContain(`"conf":${conf}`)
        const counted = yield* run("counts", { conf: '{"id":12345678901234567890}' })
        expect(stringify(counted.requests[0])).toContain('"value":12345678901234567891')
      }))

    test("a failure has its error in the log", ({ run }) =>
      Effect.gen(function* () {
        const came = yield* run("fails")
        expect(came.end).toMatchObject({ type: "TaskState", state: "failed" })
        expect(came.log).toMatchObject([
          {
            level: "error",
            event: "Task failed with exception",
            error_detail: [
              { exc_type: "Error", exc_value: "no luck" },
              { exc_value: "the reason", is_cause: true }
            ]
          }
        ])
        expect(came.gone).toEqual({ _tag: "Returned" })
      }))

    for (const task of ["cleans", "listens"])
      test(`a cancelled task runs its finalizers, which may ask: ${task}`, ({ open }) =>
        Effect.gen(function* () {
          const channel = yield* open(task)
          const came = yield* supervise(channel, task, { on: whenStarted(channel.send({ cancel: true })) })
          expect(came.requests).toMatchObject([
            { type: "PutVariable", key: "cleaned" },
            { type: "TaskState", state: "failed" }
          ])
          expect(came.gone).toEqual({ _tag: "Returned" })
        }))

    for (const task of ownProcess ? ["deaf", "loops"] : ["deaf"])
      test(`a kill ends what obeys nothing: ${task}`, ({ open }) =>
        Effect.gen(function* () {
          const channel = yield* open(task)
          const came = yield* supervise(channel, task, {
            on: whenStarted(Effect.andThen(channel.send({ cancel: true }), channel.kill))
          })
          assert(came.gone._tag === "Killed")
          expect(came.gone.signal).toBe("SIGKILL")
          expect(came.end).toBeUndefined()
          // nobody is there any more
          yield* channel.send({ cancel: true })
          yield* channel.kill
        }))

    test("what is said keeps its order", ({ run }) =>
      Effect.gen(function* () {
        const { heard } = yield* run("talks")
        const said = heard.flatMap((each) => {
          if (each._tag !== "Said") return []
          const { message } = each
          if ("log" in message) return [message.log.event]
          return message.body.type === "PutVariable" ? [`put ${message.body.value}`] : []
        })
        expect(said).toEqual(Array.from({ length: talks }, (_, at) => [`log ${at}`, `put ${at}`]).flat())
      }))

    test("attempts at the same time have pids of their own, and do not mix", ({ open }) =>
      Effect.gen(function* () {
        const [one, two] = [yield* open("echoes"), yield* open("talks")]
        expect(one.pid).not.toBe(two.pid)
        const [first, second] = yield* Effect.all([supervise(one, "echoes"), supervise(two, "talks")], {
          concurrency: "unbounded"
        })
        expect(first.requests).toHaveLength(2)
        expect(second.requests).toHaveLength(talks + 1)
        const again = yield* open("echoes")
        expect([one.pid, two.pid]).not.toContain(again.pid)
        yield* supervise(again, "echoes")
      }))

    test("a task that was never told its details can be killed", ({ open }) =>
      Effect.gen(function* () {
        const channel = yield* open("echoes")
        yield* channel.kill
        expect(yield* channel.heard).toMatchObject({ _tag: "Gone", how: { _tag: "Killed" } })
      }))

    if (ownProcess) ofProcesses(test)
  })
}

const ofProcesses = (
  test: (
    title: string,
    body: (on: {
      readonly run: (task: string) => Effect.Effect<Came, TaskNotOpened, Scope.Scope>
    }) => Effect.Effect<void, unknown, Scope.Scope>
  ) => void
) => {
  test("what it prints are lines, whole and in order, before it is gone", ({ run }) =>
    Effect.gen(function* () {
      const { end, gone, heard } = yield* run("prints")
      const lines = (stream: "stdout" | "stderr") =>
        heard.flatMap((each) => (each._tag === "Wrote" && each.stream === stream ? [each.line] : []))
      expect(lines("stdout")).toEqual([
        ...Array.from({ length: talks }, (_, at) => `out ${at}`),
        "a\ufffd",
        "no line end"
      ])
      expect(lines("stderr")).toEqual(["err"])
      expect(end?.type).toBe("SucceedTask")
      expect(gone).toEqual({ _tag: "Returned" })
    }))

  test("a process that ends under it is told with its code, or its signal", ({ run }) =>
    Effect.gen(function* () {
      const exited = yield* run("exits")
      expect([exited.gone, exited.end]).toEqual([{ _tag: "Exited", code: 3 }, undefined])
      const crashed = yield* run("crashes")
      expect(crashed.gone).toMatchObject({ _tag: "Killed", signal: "SIGKILL" })
    }))

  test("what is no message ends it", ({ run }) =>
    Effect.gen(function* () {
      const { end, gone } = yield* run("garbles")
      expect(gone._tag).toBe("Garbled")
      expect(end).toBeUndefined()
    }))
}
