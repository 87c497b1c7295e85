/** JobRun by itself: what its parts promise when a wait is interrupted, a job is found again, or is asked to stop. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { monotonicOfClock } from "../../src/platform/MonotonicClock.ts"
import type { Claim } from "../../src/protocol/Job.ts"
import { type Outcome, Runner, StartFailed, UnknownTask } from "../../src/runner/Runner.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { FetchGate } from "../../src/worker/FetchGate.ts"
import { JobRun } from "../../src/worker/JobRun.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { LogPush } from "../../src/worker/LogPush.ts"
import { QueueBackoff } from "../../src/worker/QueueBackoff.ts"
import { SiteClock } from "../../src/worker/SiteClock.ts"
import { SiteHealth } from "../../src/worker/SiteHealth.ts"
import { advance, within } from "./harness.ts"
import { makeLogSite } from "./logSite.ts"

const claimOf = (id: string, logPath: string | null = `${id}.log`): Claim => ({
  id,
  job: testJob(id, { logPath }),
  claimedAt: 0,
  expires: null
})

/** A runner whose jobs end when the test says so, and are asked to stop as slowly as it says. */
const make = (
  options: {
    readonly runner?: Partial<Runner["Service"]>
    readonly stopTakes?: number
    readonly noJobFolders?: Effect.Effect<string | undefined>
  } = {}
) => {
  const site = makeLogSite()
  const outcomes = new Map<string, Deferred.Deferred<Outcome>>()
  const stops: Array<string> = []
  const jobOf = ({ id }: Claim) =>
    Effect.sync(() => {
      const outcome = outcomes.get(id) ?? Deferred.makeUnsafe<Outcome>()
      outcomes.set(id, outcome)
      return {
        handle: { of: id },
        outcome: Deferred.await(outcome),
        stop: (how: string) =>
          Effect.andThen(
            Effect.sleep(options.stopTakes ?? 0),
            Effect.sync(() => void stops.push(`${id} ${how}`))
          )
      }
    })
  const runner = Runner.of({
    start: ({ claim }) => jobOf(claim),
    adopt: ({ claim }) => Effect.map(jobOf(claim), (job) => ({ _tag: "Found", job })),
    ...options.runner
  })
  const layer = JobRun.layer.pipe(
    Layer.provideMerge(LogPush.layer),
    Layer.provideMerge([Journal.layer, SiteHealth.layer, SiteClock.layer, QueueBackoff.layer]),
    Layer.provideMerge(
      MemoryPlatform.layer(options.noJobFolders === undefined ? {} : { noJobFolders: options.noJobFolders })
    ),
    Layer.provideMerge([
      FetchGate.layerOpen,
      MemoryFileTail.layer,
      Layer.succeed(Runner, runner),
      site.layer,
      monotonicOfClock,
      Layer.succeed(EdgeConfig, testSettings())
    ])
  )
  const end = (id: string, outcome: Outcome = { _tag: "Succeeded" }) =>
    Effect.suspend(() => Deferred.succeed(outcomes.get(id) ?? Deferred.makeUnsafe<Outcome>(), outcome))
  return { ...site, layer, stops, end }
}

/** A claim whose job runs now. */
const runs = Effect.fnUntraced(function* (claim: Claim) {
  yield* (yield* Journal).claimed(claim)
  const fiber = yield* Effect.forkChild((yield* JobRun).run(claim))
  yield* advance("1 second")
  return fiber
})
const states = Effect.flatMap(Journal, (journal) =>
  Effect.map(journal.reports, (reports) => reports.map(({ state }) => state))
)
const open = Effect.flatMap(Journal, (journal) =>
  Effect.map(journal.openClaims, (claims) => claims.map(({ claim, ended }) => [claim.id, ended]))
)

describe("JobRun", () => {
  it.effect(
    "a wait that is interrupted leaves the claim open, tells nothing and follows the log no longer",
    () => {
      const { layer, file } = make()
      return Effect.gen(function* () {
        const jobRun = yield* JobRun
        const files = yield* MemoryFileTail
        const fiber = yield* runs(claimOf("a"))
        yield* Fiber.interrupt(fiber)
        yield* files.append("/logs/a.log", "later\n")
        yield* advance("10 seconds")
        assert.deepStrictEqual([yield* open, yield* states], [[["a", false]], ["running"]])
        assert.deepStrictEqual([yield* jobRun.running, yield* jobRun.logsWaiting], [[], []])
        assert.strictEqual(file(), "")
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("an end is told also where the wait was interrupted in the same moment", () => {
    const both = Cause.combine(Cause.fail(new StartFailed({ reason: "no such program" })), Cause.interrupt())
    const { layer } = make({ runner: { start: () => Effect.failCause(both) } })
    return Effect.gen(function* () {
      yield* runs(claimOf("a"))
      assert.deepStrictEqual(yield* states, ["failed"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("a job that ran and is gone fails, with the reason in its log and no more", () => {
    const reason = "The worker was away when it ended."
    const { layer, file } = make({ runner: { adopt: () => Effect.succeed({ _tag: "Gone", reason }) } })
    return Effect.gen(function* () {
      const claim = claimOf("a")
      yield* (yield* Journal).claimed(claim)
      yield* (yield* JobRun).adopt({ claim, handle: {}, ended: false, log: "/elsewhere/a.log" })
      yield* advance("1 second")
      assert.deepStrictEqual(yield* states, ["failed"])
      assert.deepStrictEqual(JSON.parse(file()), { level: "error", event: `Error executing job: ${reason}` })
      assert.isTrue(Option.isSome(yield* (yield* MemoryFileTail).look("/elsewhere/a.log")))
    }).pipe(Effect.provide(layer))
  })

  it.effect("a job that is found again by its handle is not told as running once more", () => {
    const { end, layer } = make()
    return Effect.gen(function* () {
      const [known, unknown] = [claimOf("known"), claimOf("unknown")]
      const jobRun = yield* JobRun
      for (const claim of [known, unknown]) yield* (yield* Journal).claimed(claim)
      yield* Effect.forkChild(jobRun.adopt({ claim: known, handle: { of: "known" }, ended: false }))
      yield* advance("1 second")
      assert.deepStrictEqual(yield* states, [])
      yield* Effect.forkChild(jobRun.adopt({ claim: unknown, handle: undefined, ended: false }))
      yield* advance("1 second")
      assert.deepStrictEqual(yield* states, ["running"])
      yield* end("known")
      yield* end("unknown")
      yield* advance("1 second")
      assert.deepStrictEqual(yield* states, ["success", "success"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("a job that needs no folder runs where none can be made, unless its log must lie there", () => {
    const made: Array<string> = []
    const { end, file, layer } = make({
      noJobFolders: Effect.sync(() => {
        made.push("asked")
        return "ENOSPC"
      }),
      runner: { needsFolder: () => Effect.succeed(false) }
    })
    return Effect.gen(function* () {
      yield* runs(claimOf("a"))
      yield* end("a")
      yield* advance("1 second")
      assert.deepStrictEqual(yield* states, ["success"])
      assert.deepStrictEqual(made, [])
      yield* runs(claimOf("b", null))
      assert.deepStrictEqual(yield* states, ["success", "queued"])
      assert.deepStrictEqual(made, ["asked"])
      assert.strictEqual(file(), "")
    }).pipe(Effect.provide(layer))
  })

  it.effect("a bug in what a runner says of folders is no worse than one in its start", () => {
    const { layer } = make({
      runner: { needsFolder: () => Effect.die("a bug"), start: () => Effect.die("the same bug") }
    })
    return Effect.gen(function* () {
      yield* runs(claimOf("a"))
      assert.deepStrictEqual(yield* states, ["failed"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("a job is found again although its folder cannot be made: its log there is told", () => {
    const { file, layer } = make({ noJobFolders: Effect.succeed("ENOSPC") })
    return Effect.gen(function* () {
      const claim = claimOf("a", null)
      yield* (yield* Journal).claimed(claim, null)
      yield* (yield* MemoryFileTail).append("/state/jobs/a/task.log", "line\n")
      yield* Effect.forkChild((yield* JobRun).adopt({ claim, handle: {}, ended: false, log: null }))
      yield* advance("1 second")
      assert.strictEqual(file(), "line\n")
    }).pipe(Effect.provide(layer))
  })

  it.effect(
    "the claim of an older edge-worker, which kept no log path, has its log where the job says",
    () => {
      const { file, layer } = make()
      return Effect.gen(function* () {
        const claim = claimOf("a")
        yield* (yield* Journal).claimed(claim)
        yield* (yield* MemoryFileTail).append("/logs/a.log", "line\n")
        yield* Effect.forkChild((yield* JobRun).adopt({ claim, handle: {}, ended: false }))
        yield* advance("1 second")
        assert.strictEqual(file(), "line\n")
      }).pipe(Effect.provide(layer))
    }
  )

  for (const [what, logPath, log] of [
    ["no log path", null, null],
    ["a log path", "a.log", "/logs/a.log"],
    ["an unsafe log path", "../a.log", null]
  ] as const) {
    it.effect(`the end of a job with ${what} keeps where its log is, until that is told`, () => {
      const { end, layer, site } = make()
      return Effect.gen(function* () {
        site.otherwise = () => "away"
        yield* runs(claimOf("a", logPath))
        const files = yield* MemoryFileTail
        for (const path of ["/logs/a.log", "/state/jobs/a/task.log"]) yield* files.append(path, "line\n")
        yield* end("a")
        yield* advance("1 second")
        assert.deepStrictEqual(
          (yield* (yield* Journal).openClaims).map(({ ended, log }) => ({ ended, log })),
          [{ ended: true, log }]
        )
      }).pipe(Effect.provide(layer))
    })
  }

  it.effect(
    "a job that begins waits for no file, whatever the site has of an earlier one under its path",
    () => {
      const { file, layer } = make({
        runner: { start: () => Effect.fail(new StartFailed({ reason: "no such program" })) }
      })
      return Effect.gen(function* () {
        yield* (yield* Journal).saveLogOffset({ path: "/logs/a.log", inode: "gone", offset: 100 })
        yield* runs(claimOf("a"))
        yield* advance("5 seconds")
        assert.include(file(), "no such program")
        assert.deepStrictEqual(yield* open, [])
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("a notice is in the log at once, before the job has ended", () => {
    const { file, layer } = make()
    return Effect.gen(function* () {
      yield* runs(claimOf("a"))
      yield* (yield* JobRun).stopOne(claimOf("a"), "term", "It is asked to end.")
      yield* advance("2 seconds")
      assert.include(file(), "It is asked to end.")
    }).pipe(Effect.provide(layer))
  })

  it.effect("stopOne stops that job and no other; what does not run is let be", () => {
    const { layer, stops } = make()
    return Effect.gen(function* () {
      const jobRun = yield* JobRun
      for (const id of ["a", "b"]) yield* runs(claimOf(id))
      assert.deepStrictEqual(
        (yield* jobRun.running).map(({ id }) => id),
        ["a", "b"]
      )
      yield* jobRun.stopOne(claimOf("unknown"), "kill", "why")
      yield* jobRun.stopOne(claimOf("b"), "term", "why")
      assert.deepStrictEqual(stops, ["b term"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("stopAll asks all jobs at once, however long one takes, and those that begin after it", () => {
    const { layer, stops } = make({ stopTakes: 10_000 })
    return Effect.gen(function* () {
      const jobRun = yield* JobRun
      for (const id of ["a", "b", "c"]) yield* runs(claimOf(id))
      const stopping = yield* Effect.forkChild(jobRun.stopAll("term", "why"))
      yield* advance("10 seconds")
      assert.deepStrictEqual(stops, ["a term", "b term", "c term"])
      assert.isDefined(stopping.pollUnsafe())
      yield* runs(claimOf("d"))
      yield* advance("10 seconds")
      assert.deepStrictEqual(stops.slice(3), ["d term"])
    }).pipe(Effect.provide(layer))
  })

  it.effect(
    "what waits is told by log: none of a log that is told so far, nor of what is appended after its end",
    () => {
      const { end, layer, site } = make()
      return Effect.gen(function* () {
        const jobRun = yield* JobRun
        const files = yield* MemoryFileTail
        for (const id of ["a", "b"]) yield* runs(claimOf(id))
        yield* files.append("/logs/a.log", "told\n")
        yield* advance("2 seconds")
        site.otherwise = () => "away"
        yield* files.append("/logs/b.log", "waits\n")
        yield* advance("2 seconds")
        assert.deepStrictEqual(
          (yield* jobRun.logsWaiting).map(({ bytes, file, job, refused }) => [
            job.task_id,
            file,
            bytes,
            refused
          ]),
          [["b", "/logs/b.log", 6, false]]
        )
        assert.strictEqual(yield* jobRun.logBytesWaiting, 6)
        site.otherwise = () => "ok"
        for (const id of ["a", "b"]) yield* end(id)
        yield* within("2 minutes", jobRun.logsDelivered)
        yield* files.append("/logs/a.log", "another try's\n")
        assert.deepStrictEqual([yield* jobRun.logsWaiting, yield* open], [[], []])
        assert.deepStrictEqual(yield* jobRun.running, [])
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect(
    "a task that nothing here knows goes back, and fails with the reason when it comes again and again",
    () => {
      const unknown = Effect.fail(new UnknownTask({ reason: "no task dag.a here" }))
      const { file, layer } = make({ runner: { start: () => unknown } })
      return Effect.gen(function* () {
        yield* runs(claimOf("a"))
        assert.deepStrictEqual([yield* states, yield* open], [["queued"], []])
        yield* runs(claimOf("a"))
        assert.deepStrictEqual([yield* states, yield* open, file()], [["queued"], [], ""])
        yield* runs(claimOf("a"))
        assert.deepStrictEqual([yield* states, yield* open], [["failed"], []])
        assert.include(file(), "could not be started: no task dag.a here")
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect(
    "a log that is refused is not given up before a heartbeat has been heard, nor while one fails",
    () => {
      const { end, layer, site } = make()
      return Effect.gen(function* () {
        const jobRun = yield* JobRun
        const health = yield* SiteHealth
        site.otherwise = () => "500-before"
        yield* runs(claimOf("a"))
        yield* (yield* MemoryFileTail).append("/logs/a.log", "line\n")
        yield* end("a")
        yield* advance("1 second")
        for (const report of yield* (yield* Journal).reports) yield* (yield* Journal).accepted(report)
        yield* advance("20 minutes")
        assert.strictEqual(yield* jobRun.logBytesWaiting, 5)
        yield* health.set({ lastHeartbeat: 1, problem: "away" })
        yield* advance("20 minutes")
        assert.strictEqual(yield* jobRun.logBytesWaiting, 5)
        yield* health.set({ lastHeartbeat: 1, problem: null })
        yield* advance("5 minutes")
        assert.strictEqual(yield* jobRun.logBytesWaiting, 0)
      }).pipe(Effect.provide(layer))
    }
  )
})
