/** Lives of workers, one after the other, in a world that outlives them: what the tests of recovery and settlement share. */
import { it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { type JournalEntry, JournalStore } from "../../src/platform/JournalStore.ts"
import { KeptLogs } from "../../src/platform/KeptLogs.ts"
import { monotonicOfClock } from "../../src/platform/MonotonicClock.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { type Central, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { LogPush } from "../../src/worker/LogPush.ts"
import { known, Versions } from "../../src/worker/Versions.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { settle, within } from "./harness.ts"

/** The log of job `a`. */
export const log = "/logs/dag_id=dag/task_id=a/attempt=1.log"
const retention = Duration.hours(2)
/** The site's first job. */
export const first = (central: Central) => [...central.jobs.values()][0]

/** All that outlives a worker: the site, the machine's processes, its files. */
const world = Layer.mergeAll(
  TestCentral.layer,
  TestRunner.layer(),
  MemoryPlatform.layer({ nameBefore: "dead" })
).pipe(
  Layer.provideMerge(MemoryFileTail.layer),
  Layer.provideMerge([
    Layer.succeed(EdgeConfig, testSettings({ logRetention: retention })),
    monotonicOfClock,
    Layer.succeed(WorkerIdentity, { name: "worker-1", queues: ["default"], team: null, concurrency: 2 })
  ])
)

/** What lives and dies with a worker; `disk` is what the next one reads. */
export const own = (disk: Map<string, JournalEntry>) =>
  Layer.mergeAll(LogPush.layer, Versions.layer(Effect.succeed({ ...known, python: "3.11.7" }))).pipe(
    Layer.provideMerge(Layer.fresh(Journal.layer)),
    Layer.provide(JournalStore.layerMemory(disk))
  )

/** The effect's log lines, and those of the fibers that it has begun. */
export const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  return Effect.map(
    Effect.provide(effect, Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])),
    (value) => [value, lines] as const
  )
}

/** Starts a worker; `kill` ends it, with the disk as it was at that moment. */
export const begin = Effect.fnUntraced(function* (
  disk: Map<string, JournalEntry>,
  options: Parameters<typeof MemoryPlatform.layer>[0] = {}
) {
  const scope = yield* Scope.make()
  const machine = MemoryPlatform.layer({ nameBefore: "dead", ...options })
  const kept = Layer.succeed(KeptLogs, yield* KeptLogs)
  const { journal, worker } = yield* Effect.all({ worker: Worker, journal: Journal }).pipe(
    Effect.provide(
      yield* Layer.buildWithScope(
        Layer.provideMerge(Worker.layer, own(disk)).pipe(Layer.provide(kept), Layer.provide(machine)),
        scope
      )
    )
  )
  yield* settle
  const kill = Effect.suspend(() => {
    const then = new Map(disk)
    return Effect.as(Scope.close(scope, Exit.void), then)
  })
  return { worker, journal, kill }
})

/** A test in a world of its own. */
export const test = <E>(
  title: string,
  body: Effect.Effect<void, E, Layer.Success<typeof world> | Effect.Services<ReturnType<typeof begin>>>
) => it.effect(title, () => Effect.provide(body, world))

/** A worker with one running job whose log is told so far. */
export const oneRunningOn = Effect.fnUntraced(function* (disk: Map<string, JournalEntry>) {
  const central = yield* TestCentral
  const runner = yield* TestRunner
  const files = yield* MemoryFileTail
  const started = yield* begin(disk)
  yield* within("5 seconds", started.worker.registered)
  yield* central.addJob(testJob("a"))
  const [job] = yield* within(
    "10 seconds",
    runner.until((jobs) => jobs.length === 1)
  )
  yield* files.append(log, "one\n")
  yield* within(
    "10 seconds",
    central.until((c) => first(c)?.log === "one\n" && first(c)?.state === "running")
  )
  yield* settle
  return { ...started, job }
})
/** The same, on a disk of its own. */
export const oneRunning = Effect.suspend(() => oneRunningOn(new Map()))
