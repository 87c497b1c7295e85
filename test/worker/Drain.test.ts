/** The end of a worker: deadlines, goodbyes, what is left, and jobs that arrive while it begins. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { down, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Drain } from "../../src/worker/Drain.ts"
import { JobRun } from "../../src/worker/JobRun.ts"
import { Reports } from "../../src/worker/Reports.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { WorkerLifecycle } from "../../src/worker/WorkerLifecycle.ts"
import { advance, settle, within, withWorker } from "./harness.ts"

const oneJob = Effect.gen(function* () {
  const central = yield* TestCentral
  const runner = yield* TestRunner
  yield* central.addJob(testJob("a"))
  yield* within(
    "10 seconds",
    runner.until((jobs) => jobs.length === 1)
  )
})
const stops = Effect.gen(function* () {
  const runner = yield* TestRunner
  return (yield* runner.jobs).map((job) => job.stops)
})
const end = Effect.flatMap(Worker, (worker) => worker.ended)

describe("Drain", () => {
  it.effect("without a deadline waits for ever", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        yield* oneJob
        const worker = yield* Worker
        yield* worker.drain("SIGTERM")
        yield* advance("5 hours")
        assert.deepStrictEqual(yield* stops, [[]])
        assert.strictEqual((yield* worker.status).state, "terminating")
      })
    )
  )

  const deadline = { drainTimeout: Duration.seconds(60), drainKillGrace: Duration.seconds(10) }

  it.effect("with a deadline asks the task to end, with a notice in its log", () =>
    withWorker(
      { settings: deadline },
      Effect.gen(function* () {
        yield* oneJob
        const worker = yield* Worker
        const central = yield* TestCentral
        yield* worker.drain("SIGTERM")
        yield* advance("59 seconds")
        assert.deepStrictEqual(yield* stops, [[]])
        const ended = yield* within("10 seconds", end)
        assert.deepStrictEqual(yield* stops, [["term"]])
        assert.strictEqual(ended.tasks, "terminated")
        const [job] = [...(yield* central.get).jobs.values()]
        assert.include(job?.log, "drain timeout of 60 s is over")
        assert.deepStrictEqual(job?.reported, ["running", "failed"])
      })
    )
  )

  it.effect("kills a task that ignores it after the grace", () =>
    withWorker(
      { settings: deadline, obeys: ["kill"] },
      Effect.gen(function* () {
        yield* oneJob
        const worker = yield* Worker
        yield* worker.drain("SIGTERM")
        yield* advance("69 seconds")
        assert.deepStrictEqual(yield* stops, [["term"]])
        const ended = yield* within("10 seconds", end)
        assert.deepStrictEqual(yield* stops, [["term", "kill"]])
        assert.strictEqual(ended.tasks, "killed")
      })
    )
  )

  it.effect("first, second and third signal: waits, asks, forces", () =>
    withWorker(
      { obeys: ["kill"] },
      Effect.gen(function* () {
        yield* oneJob
        const worker = yield* Worker
        yield* worker.drain("SIGTERM")
        yield* settle
        assert.deepStrictEqual(yield* stops, [[]])
        yield* worker.terminate("second SIGTERM")
        assert.deepStrictEqual(yield* stops, [["term"]])
        yield* advance("1 minute")
        yield* worker.kill("third SIGTERM")
        const ended = yield* within("5 seconds", end)
        assert.deepStrictEqual(ended, {
          reason: "SIGTERM",
          rejected: undefined,
          tasks: "killed",
          reportsLeft: 0,
          logBytesLeft: 0
        })
      })
    )
  )

  it.effect(
    "says how many jobs get which signal, in the log and to each task; what was killed stays so",
    () => {
      const lines: Array<string> = []
      const log = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
      return withWorker(
        { settings: deadline, obeys: ["kill"] },
        Effect.gen(function* () {
          const central = yield* TestCentral
          const runner = yield* TestRunner
          const worker = yield* Worker
          yield* central.addJob(testJob("a"))
          yield* central.addJob(testJob("b"))
          const [a] = yield* within(
            "10 seconds",
            runner.until((jobs) => jobs.length === 2)
          )
          yield* worker.drain("SIGTERM")
          yield* advance("65 seconds")
          yield* a?.end({ _tag: "Succeeded" }) ?? Effect.void
          yield* settle
          yield* worker.kill("a third signal")
          yield* worker.terminate("too late")
          const ended = yield* within("10 seconds", end)
          assert.strictEqual(ended.tasks, "killed")
          assert.deepStrictEqual(
            lines.filter((line) => line.startsWith("sending")),
            [
              "sending SIGTERM to 2 jobs: the drain timeout of 60 s is over; SIGKILL follows in 10 s",
              "sending SIGKILL to 1 job: a third signal"
            ]
          )
          const told = [...(yield* central.get).jobs.values()].map((job) =>
            [...job.log.matchAll(/The edge worker ends this task with [^"]*/g)].map(([text]) => text)
          )
          const asked =
            "The edge worker ends this task with SIGTERM: the drain timeout of 60 s is over; SIGKILL follows in 10 s."
          assert.deepStrictEqual(told, [
            [asked],
            [asked, "The edge worker ends this task with SIGKILL: a third signal."]
          ])
        })
      ).pipe(Effect.provide(log))
    }
  )

  it.effect("what was killed was not merely asked, whatever follows", () =>
    Effect.gen(function* () {
      const drain = yield* Drain
      yield* (yield* WorkerLifecycle).send({ _tag: "JobTaken" })
      const harm: Array<string> = []
      for (const how of ["term", "kill", "term"] as const) {
        yield* drain.stop(how, "test")
        harm.push(yield* drain.harm)
      }
      assert.deepStrictEqual(harm, ["terminated", "killed", "killed"])
    }).pipe(
      Effect.provide(
        Drain.layer.pipe(
          Layer.provideMerge([
            WorkerLifecycle.layer,
            Layer.mock(JobRun, { stopAll: () => Effect.void }),
            Layer.mock(Reports, {}),
            Layer.succeed(EdgeConfig, testSettings())
          ])
        )
      )
    )
  )

  it.effect("harms nobody where no job runs, and says nothing of signals", () => {
    const lines: Array<string> = []
    const log = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    return withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        yield* worker.terminate("SIGTERM")
        yield* worker.kill("SIGTERM")
        assert.strictEqual((yield* within("10 seconds", end)).tasks, "finished")
        assert.deepStrictEqual(
          lines.filter((line) => line.startsWith("sending")),
          []
        )
      })
    ).pipe(Effect.provide(log))
  })

  it.effect("while a maintenance request is stored it leaves as offline maintenance, with the comment", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        yield* advance("5 seconds")
        yield* central.editWorker((stored) => ({
          ...stored,
          state: "maintenance request",
          comments: "keep me"
        }))
        yield* worker.drain("SIGTERM")
        yield* within("10 seconds", end)
        const { worker: stored } = yield* central.get
        assert.strictEqual(stored?.state, "offline maintenance")
        assert.strictEqual(stored?.comments, "keep me")
      })
    )
  )

  it.effect("in maintenance it leaves as offline maintenance", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        yield* worker.enterMaintenance("cleaning")
        yield* advance("5 seconds")
        yield* worker.drain("SIGTERM")
        yield* within("10 seconds", end)
        assert.strictEqual((yield* central.get).worker?.state, "offline maintenance")
        assert.strictEqual((yield* central.get).worker?.comments, "cleaning")
      })
    )
  )

  it.effect("ends 30 s after the last process although the site is away, and says what is left", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        yield* oneJob
        const worker = yield* Worker
        const central = yield* TestCentral
        yield* within(
          "5 seconds",
          central.until((c) => [...c.jobs.values()][0]?.state === "running")
        )
        for (const operation of ["heartbeat", "report", "log", "fetch"] as const) {
          yield* central.fault(operation, { refuse: down })
        }
        yield* worker.terminate("SIGQUIT")
        yield* advance("29 seconds")
        const fiber = yield* Effect.forkChild(end)
        yield* settle
        assert.isUndefined(fiber.pollUnsafe())
        const ended = yield* within("15 seconds", Fiber.join(fiber))
        assert.strictEqual(ended.reportsLeft, 1)
        assert.isAbove(ended.logBytesLeft, 0)
      })
    )
  )

  it.effect("a fetch in flight when the drain begins is waited for, and its job is handed back", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const gate = yield* Deferred.make<void>()
        yield* central.addJob(testJob("a"))
        yield* central.fault("fetch", { wait: Deferred.await(gate) })
        const asks = (yield* central.get).calls.filter((call) => call.operation === "fetch").length
        yield* within(
          "10 seconds",
          central.until((c) => c.calls.filter((call) => call.operation === "fetch").length > asks)
        )
        yield* worker.drain("SIGTERM")
        yield* advance("20 seconds")
        const fiber = yield* Effect.forkChild(end)
        yield* settle
        assert.isUndefined(fiber.pollUnsafe())
        yield* Deferred.succeed(gate, undefined)
        yield* within("5 seconds", Fiber.join(fiber))
        assert.deepStrictEqual(yield* runner.jobs, [])
        const [job] = [...(yield* central.get).jobs.values()]
        assert.deepStrictEqual(job?.reported, ["queued"])
      })
    )
  )

  it.effect("a fetch in flight when maintenance begins: its job is handed back too", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const worker = yield* Worker
        const central = yield* TestCentral
        const gate = yield* Deferred.make<void>()
        yield* central.addJob(testJob("a"))
        yield* central.fault("fetch", { wait: Deferred.await(gate) })
        const asks = (yield* central.get).calls.filter((call) => call.operation === "fetch").length
        yield* within(
          "10 seconds",
          central.until((c) => c.calls.filter((call) => call.operation === "fetch").length > asks)
        )
        yield* worker.enterMaintenance("now")
        yield* settle
        yield* Deferred.succeed(gate, undefined)
        yield* within(
          "5 seconds",
          central.until((c) => [...c.jobs.values()][0]?.reported[0] === "queued")
        )
      })
    )
  )
})
