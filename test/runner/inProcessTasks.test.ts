/** InProcessTasks: the contract of every kind of `Tasks`, and what is only of this process. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as InProcessTasks from "../../src/runner/attempt/InProcessTasks.ts"
import { type TaskChannel, Tasks } from "../../src/runner/attempt/TaskChannel.ts"
import * as Task from "../../src/task/Task.ts"
import { startupDetails } from "../../src/testing/TestTask.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { suiteTasks } from "../suites/suiteTasks.ts"
import { suite } from "../suites/tasks.ts"
import { settle } from "./attempt/harness.ts"

suite("the tasks of this process", () => InProcessTasks.layer(suiteTasks), { ownProcess: false })

const job = (task: string) => ({
  claim: { id: "c", job: testJob(task), claimedAt: 0, expires: null },
  folder: "/nowhere",
  logFile: "/nowhere/log"
})

/** A task of this process that has its details. */
const begun = Effect.fnUntraced(function* (task: Task.Task) {
  const { dagId, taskId } = task
  const tasks = Context.get(yield* Layer.build(InProcessTasks.layer([task])), Tasks)
  const channel = yield* tasks.open(job(taskId))
  yield* channel.send({ details: startupDetails({ dagId, taskId }, "2026-01-02T03:04:05Z") })
  return { answering, channel }
})

/** Answers whatever it asks with nothing, until it is gone. */
const answering = Effect.fnUntraced(function* (channel: TaskChannel) {
  const log: Array<string> = []
  while (true) {
    const heard = yield* channel.heard
    if (heard._tag === "Gone") return { log, gone: heard.how }
    if (heard._tag !== "Said") continue
    if ("log" in heard.message) log.push(heard.message.log.event)
    else yield* channel.send({ id: heard.message.id, body: null, error: null })
  }
})

describe("a task in this process", () => {
  it.effect("has a number above every process id, which the site can keep", () =>
    Effect.gen(function* () {
      const tasks = Context.get(yield* Layer.build(InProcessTasks.layer(suiteTasks)), Tasks)
      const { pid } = yield* tasks.open(job("echoes"))
      expect(pid).toBeGreaterThan(4_194_304)
      expect(pid).toBeLessThan(2 ** 31)
    })
  )

  it.effect("is interrupted when nobody holds its channel any more", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const waits = Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
      const task = Task.make({
        ...{ dagId: "dag", taskId: "waits" },
        run: () => Effect.onInterrupt(waits, () => Deferred.succeed(ended, undefined))
      })
      const tasks = Context.get(yield* Layer.build(InProcessTasks.layer([task])), Tasks)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const channel = yield* tasks.open(job("waits"))
          yield* channel.send({
            details: startupDetails({ dagId: "dag", taskId: "waits" }, "2026-01-02T03:04:05Z")
          })
          yield* Deferred.await(started)
        })
      )
      yield* Deferred.await(ended)
    })
  )

  it.effect("has its place in the Dag run's trace, also where the worker makes no spans", () =>
    Effect.gen(function* () {
      const traceId = "0af7651916cd43dd8448eb211c80319c"
      const found = yield* Deferred.make<string>()
      const task = Task.make({
        ...{ dagId: "dag", taskId: "traced" },
        run: () =>
          Effect.flatMap(Effect.orDie(Effect.currentSpan), (span) => Deferred.succeed(found, span.traceId))
      })
      const tasks = Context.get(yield* Layer.build(InProcessTasks.layer([task])), Tasks)
      const channel = yield* Effect.withTracerEnabled(tasks.open(job("traced")), false)
      const details = startupDetails({ dagId: "dag", taskId: "traced" }, "2026-01-02T03:04:05Z")
      const context_carrier = { traceparent: `00-${traceId}-b7ad6b7169203331-01` }
      yield* channel.send({ details: { ...details, ti: { ...details.ti, context_carrier } } })
      expect(yield* Deferred.await(found)).toBe(traceId)
    })
  )

  it.effect("logs what it says of itself, and nothing of what the worker says of its own lines", () =>
    Effect.gen(function* () {
      const task = Task.make({
        ...{ dagId: "dag", taskId: "says" },
        run: () => Effect.annotateLogs(Effect.logInfo("hello"), { of: "the task" })
      })
      const tasks = Context.get(yield* Layer.build(InProcessTasks.layer([task])), Tasks)
      const channel = yield* tasks
        .open(job("says"))
        .pipe(Effect.annotateLogs({ worker: "edge-1" }), Effect.withLogSpan("fetch"))
      yield* channel.send({
        details: startupDetails({ dagId: "dag", taskId: "says" }, "2026-01-02T03:04:05Z")
      })
      const heard = yield* channel.heard
      const line = heard._tag === "Said" && "log" in heard.message ? heard.message.log : undefined
      expect(Object.keys(line ?? {}).sort()).toEqual(["event", "level", "of", "timestamp"])
    })
  )

  it.effect("that cannot be served says so in its log, and is over", () =>
    Effect.gen(function* () {
      const broken = {
        ...Task.make({ dagId: "dag", taskId: "broken", run: () => Effect.void }),
        get defaults(): never {
          throw new Error("a part of it is broken")
        }
      }
      const tasks = Context.get(yield* Layer.build(InProcessTasks.layer([broken])), Tasks)
      const channel = yield* tasks.open(job("broken"))
      yield* channel.send({
        details: startupDetails({ dagId: "dag", taskId: "broken" }, "2026-01-02T03:04:05Z")
      })
      const [said, gone] = [yield* channel.heard, yield* channel.heard]
      expect(said).toMatchObject({
        message: { log: { level: "critical", error_detail: [{ exc_value: "a part of it is broken" }] } }
      })
      expect(gone).toEqual({ _tag: "Gone", how: { _tag: "Returned" } })
    })
  )

  const lines = 2_000
  const text = "x".repeat(100_000)

  it.effect("that logs faster than anybody reads has to wait, and keeps little of it in memory", () =>
    Effect.gen(function* () {
      let logged = 0
      const task = Task.make({
        ...{ dagId: "dag", taskId: "chatter" },
        run: Effect.fnUntraced(function* () {
          for (; logged < lines; logged++) yield* Effect.logInfo(`${logged} ${text}`)
        })
      })
      const { answering, channel } = yield* begun(task)
      yield* settle
      expect(logged).toBeGreaterThan(30)
      expect(logged).toBeLessThan(60)
      const { gone, log } = yield* answering(channel)
      expect(log.length).toBe(lines)
      expect(log.at(-1)).toMatch(/^1999 x/)
      expect(gone).toEqual({ _tag: "Returned" })
    })
  )

  it.effect("whose loop cannot be held loses lines of its log, which says how many", () =>
    Effect.gen(function* () {
      const task = Task.fromAsync({
        ...{ dagId: "dag", taskId: "loops" },
        run: async ({ log }) => {
          for (let line = 0; line < lines; line++) log.info(`${line} ${text}`)
        }
      })
      const { answering, channel } = yield* begun(task)
      yield* settle
      const { gone, log } = yield* answering(channel)
      const missing = Number(/^(\d+) lines are missing here/.exec(log.at(-1) ?? "")?.[1])
      expect(log.length - 1 + missing).toBe(lines)
      expect(log.length).toBeLessThan(200)
      expect(gone).toEqual({ _tag: "Returned" })
    })
  )

  it.effect("is cleaned up after a kill also while it waits because of its log", () =>
    Effect.gen(function* () {
      const cleaned = yield* Deferred.make<void>()
      const chatter = Effect.forever(Effect.logInfo(text))
      const task = Task.make({
        ...{ dagId: "dag", taskId: "chatter" },
        run: () =>
          Effect.ensuring(chatter, Effect.andThen(Effect.yieldNow, Deferred.succeed(cleaned, undefined)))
      })
      const { channel } = yield* begun(task)
      yield* settle
      yield* channel.kill
      yield* Deferred.await(cleaned)
    })
  )

  it.effect("bears a name that a Dag can have", () =>
    Effect.gen(function* () {
      const wrong = Task.make({ dagId: "a b", taskId: "t", run: () => Effect.void })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(InProcessTasks.layer([wrong]))))
      expect(error.message).toContain('"a b" is no name')
    })
  )
})
