/** A whole worker under the test clock against the central in memory: tests only drive and assert. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { EdgeConfig, type EdgeSettings } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { LogFolder, UnsafeLogPath } from "../../src/platform/LogFolder.ts"
import { StateFolder } from "../../src/platform/StateFolder.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { LogPush } from "../../src/worker/LogPush.ts"
import { known, Versions } from "../../src/worker/Versions.ts"
import { Worker } from "../../src/worker/Worker.ts"

export interface Options {
  readonly settings?: Partial<EdgeSettings>
  readonly concurrency?: number
  readonly queues?: ReadonlyArray<string> | null
  readonly obeys?: ReadonlyArray<"term" | "kill">
}

/** Notices land in the memory file, so that they are pushed like any other line. */
const logFolder = Layer.effect(
  LogFolder,
  Effect.map(MemoryFileTail, (files) =>
    LogFolder.of({
      resolve: (path, folder) =>
        path?.includes("..")
          ? Effect.fail(new UnsafeLogPath({ logPath: path, rule: 'it contains ".."' }))
          : Effect.succeed(path === null ? `${folder}/task.log` : `/logs/${path}`),
      substitute: (folder) => `${folder}/task.log`,
      notice: (file, { level, event }) => files.append(file, `${JSON.stringify({ level, event })}\n`)
    })
  )
)

const stateFolder = Layer.succeed(
  StateFolder,
  StateFolder.of({
    path: "/state",
    jobs: "/state/jobs",
    predecessor: Option.none(),
    socketPath: "/state/socket",
    jobFolder: (id: string) => Effect.succeed(`/state/jobs/${id}`)
  })
)

export const base = (options: Options = {}) =>
  Layer.mergeAll(
    logFolder,
    stateFolder,
    LogPush.layer,
    Versions.layer(Effect.succeed({ ...known, python: "3.11.7" }))
  ).pipe(
    Layer.provideMerge([
      TestCentral.layer,
      TestRunner.layer(options.obeys),
      MemoryFileTail.layer,
      Journal.layerMemory
    ]),
    Layer.provideMerge([
      Layer.succeed(EdgeConfig, testSettings(options.settings)),
      Layer.succeed(WorkerIdentity, {
        name: "worker-1",
        queues: options.queues === undefined ? ["default"] : options.queues,
        team: null,
        concurrency: options.concurrency ?? 2
      })
    ])
  )

export const layer = (options: Options = {}) => Worker.layer.pipe(Layer.provideMerge(base(options)))

/** Lets every fiber reach its next wait. */
export const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 40 }))

/** Moves the clock in small steps, so that chains of waits run as they would. */
export const advance = Effect.fnUntraced(function* (duration: Duration.Input) {
  const total = Duration.toMillis(Duration.fromInputUnsafe(duration))
  let left = total
  yield* settle
  while (left > 0) {
    const step = Math.min(left, Math.max(250, total / 400))
    yield* TestClock.adjust(step)
    yield* settle
    left -= step
  }
})

/** Runs the clock until the wait is over; fails where it is not within `limit` of virtual time. */
export const within = Effect.fnUntraced(function* <A, E, R>(
  limit: Duration.Input,
  wait: Effect.Effect<A, E, R>
) {
  const fiber = yield* Effect.forkChild(wait)
  let left = Duration.toMillis(Duration.fromInputUnsafe(limit))
  while (true) {
    yield* settle
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return yield* Fiber.join(fiber)
    if (left <= 0)
      return yield* Effect.die(
        new Error(`did not happen within ${Duration.format(Duration.fromInputUnsafe(limit))}`)
      )
    yield* TestClock.adjust(50)
    left -= 50
  }
})

/** Runs a test against a worker that is registered. */
export const withWorker = <A, E>(
  options: Options,
  test: Effect.Effect<A, E, Worker | TestCentral | TestRunner | MemoryFileTail | Journal | Scope.Scope>
) =>
  Effect.gen(function* () {
    const worker = yield* Worker
    yield* within("5 seconds", worker.registered)
    yield* settle
    return yield* test
  }).pipe(Effect.scoped, Effect.provide(layer(options)))
