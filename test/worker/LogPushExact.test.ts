/** LogPush to the byte: when a log is sent and in which pieces, what the journal keeps meanwhile, and what is logged. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { EdgeConfig, type EdgeSettings } from "../../src/config/EdgeConfig.ts"
import { FileTail } from "../../src/platform/FileTail.ts"
import { JournalStore } from "../../src/platform/JournalStore.ts"
import { KeptLogs } from "../../src/platform/KeptLogs.ts"
import { monotonicOfClock } from "../../src/platform/MonotonicClock.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { LogPush, type LogToPush } from "../../src/worker/LogPush.ts"
import { advance, settle } from "./harness.ts"
import { makeLogSite } from "./logSite.ts"

const file = "/logs/a.log"
const claim = { id: "a", claimedAt: 0, expires: null, job: testJob("a") }

const make = (settings: Partial<EdgeSettings> = {}, latency: Duration.Input = 0) => {
  const site = makeLogSite()
  const lines: Array<string> = []
  const counts = { writes: 0, watches: 0 }
  const slow = Layer.effect(
    EdgeClient,
    Effect.map(EdgeClient, (client) => ({
      ...client,
      pushLog: (key, body) => Effect.andThen(Effect.sleep(latency), client.pushLog(key, body))
    }))
  )
  const watched = Layer.effect(
    FileTail,
    Effect.map(FileTail, (files) => ({
      ...files,
      open: (path) =>
        Effect.map(files.open(path), (tailed) => ({
          ...tailed,
          changed: Effect.suspend(() => {
            counts.watches += 1
            return tailed.changed
          })
        }))
    }))
  )
  const write = () => Effect.sync(() => void counts.writes++)
  const layer = LogPush.layer.pipe(
    Layer.provide([slow, watched]),
    Layer.provideMerge(
      Layer.mergeAll(
        site.layer,
        MemoryFileTail.layer,
        monotonicOfClock,
        Layer.provide(Journal.layer, [
          Layer.succeed(JournalStore, { left: [], write, replace: write }),
          KeptLogs.layerMemory()
        ]),
        Layer.succeed(EdgeConfig, testSettings(settings)),
        Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
      )
    )
  )
  const said = (part: string) => lines.filter((line) => line.includes(part)).length
  /** The lengths of the texts that were sent; the empty ones, which only ask, left out. */
  const lengths = () => site.requests.flatMap(({ text }) => (text === "" ? [] : [text.length]))
  return { ...site, layer, counts, lengths, said }
}

const tailOf = (more: Partial<LogToPush> = {}) =>
  Effect.flatMap(LogPush, (push) => push.tail({ claim, file, ...more }))
const append = (data: string | Uint8Array, path = file) =>
  Effect.flatMap(MemoryFileTail, (files) => files.append(path, data))

describe("LogPush", () => {
  it.effect("a line after a quiet time is at the site within a quarter of a second", () => {
    const site = make()
    return Effect.gen(function* () {
      yield* tailOf()
      yield* advance("1 minute")
      yield* append("hello\n")
      yield* advance("250 millis")
      assert.strictEqual(site.file(), "hello\n")
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("what comes while a request is under way waits for more, too", () => {
    const site = make({}, "100 millis")
    return Effect.gen(function* () {
      yield* tailOf()
      for (let i = 0; i < 500; i++) {
        yield* append("line\n")
        yield* TestClock.adjust("20 millis")
      }
      yield* advance("2 seconds")
      assert.strictEqual(site.file(), "line\n".repeat(500))
      assert.isBelow(site.requests.length, 25)
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("the rest of a character is waited for: nothing is asked of the site", () => {
    const site = make()
    return Effect.gen(function* () {
      yield* tailOf()
      yield* append(new Uint8Array([0x61, 0xc3]))
      yield* advance("1 minute")
      assert.deepStrictEqual(site.lengths(), [1])
      assert.lengthOf(site.requests, 1)
      yield* append(new Uint8Array([0xa9]))
      yield* advance("1 second")
      assert.strictEqual(site.file(), "aé")
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("nobody watches the file of a job that is over at once", () => {
    const site = make()
    return Effect.gen(function* () {
      const tail = yield* tailOf()
      yield* settle
      yield* append("begins and ends\n")
      yield* tail.finish
      assert.strictEqual(site.file(), "begins and ends\n")
      assert.strictEqual(site.counts.watches, 0)
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("finish ends at the end that the file had then, however it grows meanwhile", () => {
    const site = make({ pushLogChunkSize: 102 })
    return Effect.gen(function* () {
      const run = Effect.runSyncWith(yield* Effect.context<never>())
      const files = yield* MemoryFileTail
      yield* append("x".repeat(300))
      const tail = yield* tailOf()
      site.site.otherwise = () => {
        if (site.requests.length < 20) run(files.append(file, "more".repeat(50)))
        return "ok"
      }
      yield* tail.finish
      assert.strictEqual(site.file(), "x".repeat(300))
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("the journal is written once a chunk, and once when the first waits for the site", () => {
    const site = make()
    return Effect.gen(function* () {
      const tail = yield* tailOf()
      site.site.otherwise = () => "away"
      yield* append("one\n")
      yield* advance("10 minutes")
      assert.strictEqual(site.counts.writes, 1)
      site.site.otherwise = () => "ok"
      yield* advance("2 minutes")
      assert.strictEqual(site.counts.writes, 2)
      site.site.otherwise = () => "away"
      yield* append("two\n")
      yield* advance("10 minutes")
      assert.strictEqual(site.counts.writes, 2)
      site.site.otherwise = () => "ok"
      yield* advance("2 minutes")
      yield* tail.finish
      assert.strictEqual(site.counts.writes, 3)
      assert.strictEqual(site.said(`waits in ${file}`), 2, "once an outage")
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("a file that was cut short is kept as such before the site is asked to take any of it", () => {
    const site = make({}, "1 minute")
    return Effect.gen(function* () {
      const journal = yield* Journal
      const files = yield* MemoryFileTail
      yield* append("a long line\n")
      yield* tailOf()
      yield* advance("2 minutes")
      assert.strictEqual((yield* journal.logOffset(file))?.offset, 12)
      yield* files.truncate(file)
      yield* append("new\n")
      // The request is under way, and a worker that died now would read on at the old place.
      yield* advance("10 seconds")
      assert.deepStrictEqual(yield* journal.logOffset(file), { path: file, inode: "1", offset: 0 })
      yield* advance("1 minute")
      assert.strictEqual(site.file(), "a long line\nnew\n")
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("what waits is counted before anything was read, and of another file than the journal's", () => {
    const site = make()
    return Effect.gen(function* () {
      site.site.otherwise = () => "away"
      yield* append("six...")
      const tail = yield* tailOf()
      assert.strictEqual(yield* tail.waiting, 6)
      const none = yield* tailOf({ claim: { ...claim, id: "none" }, file: "/logs/none.log" })
      assert.strictEqual(yield* none.waiting, 0)
      yield* (yield* Journal).saveLogOffset({ path: "/logs/b.log", inode: "other", offset: 0 })
      yield* append("seven..", "/logs/b.log")
      const other = yield* tailOf({ claim: { ...claim, id: "b" }, file: "/logs/b.log" })
      yield* advance("10 seconds")
      assert.strictEqual(yield* other.waiting, 7)
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("a job that is new waits for no file that the site has a part of", () => {
    const site = make()
    return Effect.gen(function* () {
      yield* (yield* Journal).saveLogOffset({ path: file, inode: "gone", offset: 9 })
      const tail = yield* tailOf()
      assert.isFalse(yield* tail.away)
      yield* tail.finish
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("a new file that has the inode of one that is gone is told from its beginning", () => {
    const site = make()
    return Effect.gen(function* () {
      yield* (yield* Journal).saveLogOffset({ path: file, inode: "1", offset: 9 })
      const tail = yield* tailOf()
      yield* append("a new one, which is longer\n")
      const finish = yield* Effect.forkChild(tail.finish)
      yield* advance("10 seconds")
      yield* Fiber.join(finish)
      assert.strictEqual(site.file(), "a new one, which is longer\n")
    }).pipe(Effect.provide(site.layer))
  })

  for (const logRetention of [undefined, Duration.hours(2)]) {
    const limit = logRetention === undefined ? "for ever" : "at most log_retention"
    it.effect(
      `a recovered log that is away is waited for ${limit}, whatever the machine's clock says`,
      () => {
        const site = make({ logRetention })
        return Effect.gen(function* () {
          yield* TestClock.adjust("3 hours")
          yield* (yield* Journal).saveLogOffset({ path: file, inode: "1", offset: 9 })
          const tail = yield* tailOf({ recovered: true })
          yield* TestClock.adjust("119 minutes")
          assert.isTrue(yield* tail.away)
          yield* TestClock.adjust("2 minutes")
          assert.strictEqual(yield* tail.away, logRetention === undefined)
          assert.strictEqual(site.said("did not come back"), logRetention === undefined ? 0 : 1)
        }).pipe(Effect.provide(site.layer))
      }
    )
  }

  it.effect("a text that is refused once is sent whole again", () => {
    const site = make()
    return Effect.gen(function* () {
      site.script.push("500-before")
      yield* append("x".repeat(1_000))
      yield* tailOf()
      yield* advance("10 seconds")
      assert.deepStrictEqual(site.lengths(), [1_000, 1_000])
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("a text that is refused again and again is halved, and grows again as it is taken", () => {
    const site = make({ pushLogChunkSize: 402 })
    return Effect.gen(function* () {
      const limits = [60, 60, 60, 60, 60, 60, 60, 1_000, 1_000, 1_000, 60, 1_000]
      site.site.otherwise = ({ text }) => {
        if (text === "") return "ok"
        return text.length > (limits.shift() ?? 1_000) ? "500-before" : "ok"
      }
      yield* append("x".repeat(1_700))
      yield* tailOf()
      yield* advance("5 minutes")
      assert.strictEqual(site.file(), "x".repeat(1_700))
      const shrinking = [400, 400, 199, 98, 48, 98, 48]
      // Large again, one refusal says nothing of the text.
      assert.deepStrictEqual(site.lengths(), [...shrinking, 98, 198, 398, 400, 400, 400, 110])
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("after a 413 a smaller chunk is sent at once", () => {
    const site = make()
    return Effect.gen(function* () {
      site.site.otherwise = () => 500
      yield* append("x".repeat(1_500))
      const tail = yield* tailOf()
      // The clock stands.
      yield* tail.finish
      assert.strictEqual(site.file(), "x".repeat(1_500))
      assert.strictEqual(site.said("413"), 0)
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("a 413 to a single character is one error, and a file that cannot be read is one warning", () => {
    const site = make()
    return Effect.gen(function* () {
      const files = yield* MemoryFileTail
      site.site.otherwise = () => 1
      yield* append("x")
      yield* tailOf()
      yield* append("y", "/logs/b.log")
      yield* files.failing("/logs/b.log", true)
      const unreadable = yield* tailOf({ claim: { ...claim, id: "b" }, file: "/logs/b.log" })
      yield* advance("1 hour")
      assert.strictEqual(site.said("a gateway answers 413 to a single character"), 1)
      assert.strictEqual(site.said("cannot be pushed now"), 1)
      yield* files.failing("/logs/b.log", false)
      yield* advance("2 minutes")
      yield* files.failing("/logs/b.log", true)
      yield* append("y", "/logs/b.log")
      yield* advance("2 minutes")
      assert.strictEqual(site.said("cannot be pushed now"), 2)
      assert.isFalse(yield* unreadable.refused)
    }).pipe(Effect.provide(site.layer))
  })

  it.effect(
    "a file that cannot be read when its job ends is tried for an hour, and anew after each part of it",
    () => {
      const site = make({ pushLogChunkSize: 102 })
      return Effect.gen(function* () {
        const files = yield* MemoryFileTail
        const run = Effect.runSyncWith(yield* Effect.context<never>())
        yield* files.failing(file, true)
        yield* append("x".repeat(300))
        const tail = yield* tailOf()
        yield* advance("2 hours")
        const finish = yield* Effect.forkChild(tail.finish)
        yield* advance("50 minutes")
        site.site.otherwise = () => {
          run(files.failing(file, site.requests.length === 0))
          return "ok"
        }
        yield* files.failing(file, false)
        yield* advance("50 minutes")
        assert.strictEqual(site.file(), "x".repeat(100))
        assert.isUndefined(finish.pollUnsafe())
        yield* files.failing(file, false)
        yield* advance("2 minutes")
        assert.isDefined(finish.pollUnsafe())
        assert.strictEqual(site.file(), "x".repeat(300))
        assert.strictEqual(site.said("gave up"), 0)
        assert.strictEqual(site.said("cannot be pushed now"), 2)
      }).pipe(Effect.provide(site.layer))
    }
  )

  it.effect("… and given up then, with one line that says so", () => {
    const site = make()
    return Effect.gen(function* () {
      const files = yield* MemoryFileTail
      yield* append("one\n")
      const tail = yield* tailOf()
      yield* advance("10 seconds")
      yield* files.failing(file, true)
      yield* append("two\n")
      const finish = yield* Effect.forkChild(tail.finish)
      yield* advance("59 minutes")
      assert.isUndefined(finish.pollUnsafe())
      yield* advance("4 minutes")
      assert.isDefined(finish.pollUnsafe())
      assert.strictEqual(site.said("gave up on the log of dag.a"), 1)
    }).pipe(Effect.provide(site.layer))
  })
})
