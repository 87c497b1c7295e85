/** LogRetention: what the site has whole goes, by age and by budget; what it lacks, or a job may write to, stays. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { EdgeConfig, type EdgeSettings } from "../../src/config/EdgeConfig.ts"
import { type KeptLog, KeptLogs, KeptLogsUnusable, pageSize } from "../../src/platform/KeptLogs.ts"
import { LogFileStuck, LogFiles } from "../../src/platform/LogFiles.ts"
import { MonotonicClock, monotonicOfClock } from "../../src/platform/MonotonicClock.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { LogPush } from "../../src/worker/LogPush.ts"
import { LogRetention, restAfter } from "../../src/worker/LogRetention.ts"
import { advance, within, withWorker } from "./harness.ts"
import { makeLogSite } from "./logSite.ts"

const claimOf = (id: string, logPath: string | null = `${id}.log`) => ({
  id,
  claimedAt: 0,
  expires: null,
  job: testJob(id, { logPath })
})

/** What comes before each call for a log file. */
type Before = (call: "look" | "remove", path: string) => Effect.Effect<void, LogFileStuck>

const filesAfter = (before: Before) =>
  Layer.effect(
    LogFiles,
    Effect.map(LogFiles, (files) => ({
      ...files,
      look: (path) => Effect.andThen(before("look", path), files.look(path)),
      remove: (path, ...more) => Effect.andThen(before("remove", path), files.remove(path, ...more))
    }))
  )

const make = (
  settings: Partial<EdgeSettings>,
  clock: Layer.Layer<never> = monotonicOfClock,
  before: Before = () => Effect.void,
  list: Layer.Layer<KeptLogs> = KeptLogs.layerMemory()
) => {
  const site = makeLogSite()
  const layer = Layer.mergeAll(LogPush.layer, Layer.provide(LogRetention.layer, filesAfter(before))).pipe(
    Layer.provideMerge(Journal.layer),
    Layer.provideMerge(list),
    Layer.provideMerge(MemoryPlatform.layer()),
    Layer.provideMerge([
      MemoryFileTail.layer,
      site.layer,
      clock,
      Layer.succeed(EdgeConfig, testSettings({ logRetention: undefined, ...settings }))
    ])
  )
  return { ...site, layer }
}
type Services = Layer.Success<ReturnType<typeof make>["layer"]>

const test = (name: string, settings: Partial<EdgeSettings>, body: Effect.Effect<void, unknown, Services>) =>
  it.effect(name, () => body.pipe(Effect.provide(make(settings).layer)))

const exists = (path: string) =>
  Effect.flatMap(MemoryFileTail, (files) => Effect.map(files.look(path), Option.isSome))
/** What the journal and the list of the kept ones know. */
const known = Effect.gen(function* () {
  const [journal, kept] = [yield* Journal, yield* KeptLogs]
  const all = [...(yield* journal.logOffsets), ...(yield* kept.byPath())]
  return all.map(({ path }) => path).sort()
})
const once = Effect.flatMap(LogRetention, (retention) => retention.once)
/** A file of `bytes` bytes, of which the site has accepted `accepted`. */
const file = Effect.fnUntraced(function* (path: string, bytes: number, accepted = bytes, inode?: string) {
  const files = yield* MemoryFileTail
  yield* files.append(path, "x".repeat(bytes))
  const found = Option.getOrThrow(yield* files.look(path))
  yield* (yield* Journal).saveLogOffset({ path, inode: inode ?? found.inode, offset: accepted })
})

describe("LogRetention", () => {
  test(
    "removes a log log_retention after its last change, and forgets it",
    { logRetention: Duration.hours(2) },
    Effect.gen(function* () {
      yield* file("/logs/a.log", 10)
      yield* TestClock.adjust("1 hour")
      yield* file("/logs/b.log", 10)
      yield* TestClock.adjust("59 minutes")
      yield* once
      assert.deepStrictEqual(yield* known, ["/logs/a.log", "/logs/b.log"])
      yield* TestClock.adjust("1 minute")
      yield* once
      assert.deepStrictEqual(yield* known, ["/logs/b.log"])
      assert.isFalse(yield* exists("/logs/a.log"))
      assert.isTrue(yield* exists("/logs/b.log"))
    })
  )

  test(
    "keeps what the site lacks a byte of, what a claim may write to, and what lies elsewhere",
    { logRetention: Duration.zero, logDiskBudget: 0 },
    Effect.gen(function* () {
      const journal = yield* Journal
      yield* file("/logs/unpushed.log", 10, 9)
      yield* file("/logs/another.log", 10, 10, "an older file's")
      yield* file("/logs/open.log", 10)
      yield* file("/logs/ended.log", 10)
      yield* file("/elsewhere/a.log", 10)
      yield* file("/logs/goes.log", 10)
      yield* file("/logs/journalled.log", 10)
      yield* journal.claimed(claimOf("open"))
      yield* journal.claimed(claimOf("an older log folder's"), "/logs/journalled.log")
      yield* journal.claimed(claimOf("ended"))
      yield* journal.settled(claimOf("ended"), "success")
      yield* TestClock.adjust("30 days")
      yield* once
      const stay = [
        "/elsewhere/a.log",
        "/logs/another.log",
        "/logs/ended.log",
        "/logs/journalled.log",
        "/logs/open.log",
        "/logs/unpushed.log"
      ]
      assert.deepStrictEqual(yield* known, stay)
      for (const path of stay) assert.isTrue(yield* exists(path), path)
      assert.isFalse(yield* exists("/logs/goes.log"))
      yield* journal.closed(claimOf("ended"))
      yield* once
      assert.isFalse(yield* exists("/logs/ended.log"))
    })
  )

  test(
    "removes the oldest first until the logs fit log_disk_budget",
    { logDiskBudget: 25 },
    Effect.gen(function* () {
      for (const name of ["c", "a", "d", "b"]) {
        yield* file(`/logs/${name}.log`, 10, name === "a" ? 3 : 10)
        yield* TestClock.adjust("1 minute")
      }
      yield* once
      // 40 bytes: c is the oldest; a is older than d, but the site lacks a part of it.
      assert.deepStrictEqual(yield* known, ["/logs/a.log", "/logs/b.log"])
      yield* file("/logs/e.log", 5)
      yield* once
      assert.deepStrictEqual(yield* known, ["/logs/a.log", "/logs/b.log", "/logs/e.log"])
    })
  )

  test(
    "the oldest is the one whose last change was first, whenever it began",
    { logDiskBudget: 25 },
    Effect.gen(function* () {
      yield* file("/logs/long.log", 5)
      yield* TestClock.adjust("1 minute")
      yield* file("/logs/a.log", 10)
      yield* TestClock.adjust("1 minute")
      yield* file("/logs/b.log", 10)
      yield* TestClock.adjust("1 minute")
      yield* file("/logs/long.log", 5, 10)
      yield* once
      assert.deepStrictEqual(yield* known, ["/logs/b.log", "/logs/long.log"])
    })
  )

  it.effect(
    "says once that the logs do not fit log_disk_budget, and again when they had fitted meanwhile",
    () => {
      const warnings: Array<string> = []
      const logger = Logger.layer([Logger.make(({ message }) => void warnings.push(String(message)))])
      return Effect.gen(function* () {
        yield* file("/logs/small.log", 5, 1)
        yield* file("/logs/a.log", 10, 9)
        yield* once
        yield* once
        assert.lengthOf(warnings, 1)
        assert.include(warnings[0], "task logs take 15 bytes")
        yield* (yield* Journal).saveLogOffset({ path: "/logs/a.log", inode: "2", offset: 10 })
        yield* once
        assert.deepStrictEqual(yield* known, ["/logs/small.log"])
        assert.lengthOf(warnings, 1)
        yield* file("/logs/b.log", 10, 9)
        yield* once
        assert.lengthOf(warnings, 2)
      }).pipe(Effect.provide(Layer.merge(make({ logDiskBudget: 8 }).layer, logger)))
    }
  )

  it.effect("a log of exactly log_disk_budget stays, and is no warning", () => {
    const warnings: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => void warnings.push(String(message)))])
    return Effect.gen(function* () {
      yield* file("/logs/a.log", 10)
      yield* once
      assert.deepStrictEqual(yield* known, ["/logs/a.log"])
      assert.deepStrictEqual(warnings, [])
    }).pipe(Effect.provide(Layer.merge(make({ logDiskBudget: 10 }).layer, logger)))
  })

  it.effect("a file that cannot be removed takes its part of log_disk_budget still", () => {
    const before: Before = (call, path) =>
      call === "remove" && path === "/logs/a.log"
        ? Effect.fail(new LogFileStuck({ path, reason: "EACCES" }))
        : Effect.void
    return Effect.gen(function* () {
      for (const name of ["a", "b", "c", "d"]) {
        yield* file(`/logs/${name}.log`, 10)
        yield* TestClock.adjust("1 minute")
      }
      yield* once
      assert.deepStrictEqual(yield* known, ["/logs/a.log", "/logs/d.log"])
    }).pipe(Effect.provide(make({ logDiskBudget: 25 }, undefined, before).layer))
  })

  for (const call of ["look", "remove"] as const) {
    it.effect(
      `a file that fails at its ${call} stays known, stops no other and is complained of at most once`,
      () => {
        const warnings: Array<string> = []
        const logger = Logger.layer([Logger.make(({ message }) => void warnings.push(String(message)))])
        let isStuck = true
        const before: Before = (what, path) =>
          isStuck && what === call && path === "/logs/b.log"
            ? Effect.fail(new LogFileStuck({ path, reason: "EACCES: permission denied" }))
            : Effect.void
        return Effect.gen(function* () {
          for (const name of ["a", "b", "c"]) yield* file(`/logs/${name}.log`, 10)
          yield* TestClock.adjust("1 hour")
          yield* once
          yield* once
          assert.deepStrictEqual(yield* known, ["/logs/b.log"])
          assert.isTrue(yield* exists("/logs/b.log"))
          const said =
            "a log file that the site has cannot be removed: /logs/b.log: EACCES: permission denied"
          assert.deepStrictEqual(warnings, call === "look" ? [] : [said])
          isStuck = false
          yield* once
          assert.deepStrictEqual(yield* known, [])
        }).pipe(
          Effect.provide(
            Layer.merge(make({ logRetention: Duration.hours(1) }, undefined, before).layer, logger)
          )
        )
      }
    )
  }

  for (const [retention, least, most] of [
    [undefined, 60, 75],
    [Duration.hours(2), 60, 75],
    [Duration.seconds(20), 180, 225],
    [Duration.zero, 3_600, 4_500]
  ] as const) {
    const name = retention === undefined ? "never" : Duration.format(retention)
    it.effect(`looks ${least} to ${most} times in an hour where log_retention is ${name}`, () => {
      let looks = 0
      return Effect.gen(function* () {
        yield* file("/logs/a.log", 10, 9)
        yield* Effect.forkChild((yield* LogRetention).run)
        yield* TestClock.adjust("1 hour")
        assert.isAtLeast(looks, least - 1)
        assert.isAtMost(looks, most)
      }).pipe(
        Effect.provide(
          make({ logRetention: retention }, undefined, () => Effect.sync(() => void looks++)).layer
        )
      )
    })
  }

  it.effect("waits 3.4 ms for each log that stays, as all of them are looked at", () => {
    const logs = 50_000
    let looks = 0
    return Effect.gen(function* () {
      for (let at = 0; at < logs; at++) yield* file(`/logs/${at}.log`, 1, 0)
      yield* Effect.forkChild((yield* LogRetention).run)
      // The first look after 48 to 60 s, then each 170 s.
      yield* TestClock.adjust("11 minutes")
      assert.strictEqual(looks, 4 * logs)
    }).pipe(Effect.provide(make({}, undefined, () => Effect.sync(() => void looks++)).layer))
  })

  it("waits at most an hour", () => {
    assert.strictEqual(restAfter(1_000_000), 3_400_000)
    assert.strictEqual(restAfter(10_000_000), 3_600_000)
  })

  test(
    "what the site has whole, and no claim is about, is handed on to the list",
    { logRetention: Duration.days(7) },
    Effect.gen(function* () {
      const journal = yield* Journal
      yield* file("/logs/whole.log", 10)
      yield* file("/logs/unpushed.log", 10, 9)
      yield* file("/logs/open.log", 10)
      yield* journal.claimed(claimOf("open"))
      yield* once
      const left = (yield* journal.logOffsets).map(({ path }) => path)
      assert.deepStrictEqual(left, ["/logs/unpushed.log", "/logs/open.log"])
      const kept = yield* (yield* KeptLogs).byPath()
      assert.deepStrictEqual(kept, [{ path: "/logs/whole.log", inode: "1", size: 10, changed: 0 }])
      assert.deepStrictEqual(yield* journal.logOffset("/logs/whole.log"), {
        path: "/logs/whole.log",
        inode: "1",
        offset: 10
      })
    })
  )

  test(
    "one that a later job went on with stays until the site has all of it, and then as long as a new one",
    { logRetention: Duration.hours(1) },
    Effect.gen(function* () {
      const [files, journal] = [yield* MemoryFileTail, yield* Journal]
      yield* file("/logs/a.log", 10)
      yield* once
      yield* TestClock.adjust("1 hour")
      yield* files.append("/logs/a.log", "more")
      yield* once
      assert.isTrue(yield* exists("/logs/a.log"))
      yield* journal.saveLogOffset({ path: "/logs/a.log", inode: "1", offset: 12 })
      yield* TestClock.adjust("2 hours")
      yield* once
      assert.isTrue(yield* exists("/logs/a.log"))
      yield* files.append("/logs/a.log", "!")
      yield* journal.saveLogOffset({ path: "/logs/a.log", inode: "1", offset: 15 })
      yield* once
      yield* TestClock.adjust("59 minutes")
      yield* once
      assert.isTrue(yield* exists("/logs/a.log"))
      assert.deepStrictEqual(yield* journal.logOffsets, [])
      yield* TestClock.adjust("1 minute")
      yield* once
      assert.isFalse(yield* exists("/logs/a.log"))
      assert.deepStrictEqual(yield* known, [])
    })
  )

  test(
    "one that both the list and the journal know is forgotten by both: a new file may have its inode",
    { logRetention: Duration.hours(1) },
    Effect.gen(function* () {
      const journal = yield* Journal
      yield* file("/logs/a.log", 10)
      yield* once
      yield* file("/logs/a.log", 4, 14)
      yield* TestClock.adjust("1 hour")
      yield* once
      assert.isFalse(yield* exists("/logs/a.log"))
      assert.isUndefined(yield* journal.logOffset("/logs/a.log"))
      assert.deepStrictEqual(yield* known, [])
    })
  )

  test(
    "one that was touched since stays log_retention from then on",
    { logRetention: Duration.hours(1) },
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      yield* file("/logs/a.log", 10)
      yield* once
      yield* TestClock.adjust("59 minutes")
      yield* files.append("/logs/a.log", "")
      yield* TestClock.adjust("59 minutes")
      yield* once
      assert.isTrue(yield* exists("/logs/a.log"))
      yield* TestClock.adjust("1 minute")
      yield* once
      assert.deepStrictEqual(yield* known, [])
    })
  )

  test(
    "many that are old go in one look, page after page, past those that cannot go",
    { logRetention: Duration.hours(1) },
    Effect.gen(function* () {
      const journal = yield* Journal
      for (let at = 0; at < 2 * pageSize + 50; at++) yield* file(`/logs/${at}.log`, 1)
      yield* once
      assert.deepStrictEqual(yield* journal.logOffsets, [])
      const stay = Array.from({ length: pageSize }, (_, at) => `${2 * at}`)
      for (const id of stay) yield* journal.claimed(claimOf(id))
      yield* TestClock.adjust("1 hour")
      yield* once
      const left = (yield* (yield* KeptLogs).oldest(0)).map(({ path }) => path)
      assert.sameMembers(
        [...left],
        stay.map((id) => `/logs/${id}.log`)
      )
    })
  )

  test(
    "of many that somebody else removed each is noticed, a part of them each look",
    {},
    Effect.gen(function* () {
      const kept = yield* KeptLogs
      const many = Array.from({ length: 2 * pageSize + 50 }, (_, at) => `/elsewhere/${at}.log`)
      yield* kept.keep(many.map((path) => ({ path, inode: "1", size: 1, changed: 0 })))
      yield* file("/logs/zz.log", 1)
      yield* once
      assert.strictEqual(yield* kept.bytes, 51)
      yield* once
      assert.deepStrictEqual(yield* known, ["/logs/zz.log"])
      yield* (yield* MemoryFileTail).vanish("/logs/zz.log")
      yield* once
      yield* TestClock.adjust("1 hour")
      yield* once
      assert.deepStrictEqual(yield* known, [])
    })
  )

  test(
    "where far too many are away, ten thousand are remembered until they are gone, then the next ones",
    {},
    Effect.gen(function* () {
      const kept = yield* KeptLogs
      const many = Array.from({ length: 10_500 }, (_, at) => `/logs/${at}.log`)
      yield* kept.keep(many.map((path) => ({ path, inode: "1", size: 1, changed: 0 })))
      const allLooked = Effect.repeat(once, { times: 10 })
      for (const left of [500, 0]) {
        yield* allLooked
        yield* TestClock.adjust("1 hour")
        yield* allLooked
        assert.strictEqual(yield* kept.bytes, left)
      }
    })
  )

  test(
    "one that somebody else removed takes nothing of log_disk_budget",
    { logDiskBudget: 25 },
    Effect.gen(function* () {
      for (const name of ["a", "b"]) yield* file(`/logs/${name}.log`, 10)
      yield* once
      yield* (yield* MemoryFileTail).vanish("/logs/b.log")
      yield* TestClock.adjust("1 minute")
      yield* file("/logs/c.log", 10)
      yield* once
      for (const name of ["a", "c"]) assert.isTrue(yield* exists(`/logs/${name}.log`))
    })
  )

  test(
    "of log_disk_budget no log takes anything that lies elsewhere, and none takes it twice",
    { logDiskBudget: 25 },
    Effect.gen(function* () {
      const [kept, journal] = [yield* KeptLogs, yield* Journal]
      yield* (yield* MemoryFileTail).append("/elsewhere/old.log", "x".repeat(1_000))
      yield* kept.keep([{ path: "/elsewhere/old.log", inode: "1", size: 1_000, changed: 0 }])
      yield* TestClock.adjust("1 minute")
      for (const name of ["a", "b"]) yield* file(`/logs/${name}.log`, 10)
      yield* once
      yield* journal.claimed(claimOf("b"))
      yield* file("/logs/b.log", 5, 12)
      yield* once
      for (const path of ["/logs/a.log", "/logs/b.log", "/elsewhere/old.log"])
        assert.isTrue(yield* exists(path), path)
    })
  )

  test(
    "those that are away twice were not away in between: nobody forgets them for that",
    {},
    Effect.gen(function* () {
      const [files, kept] = [yield* MemoryFileTail, yield* KeptLogs]
      const many = Array.from({ length: 3 * pageSize }, (_, at) => `/logs/${at}.log`)
      yield* kept.keep(many.map((path) => ({ path, inode: "1", size: 1, changed: 0 })))
      yield* files.append("/logs/0.log", "x")
      // Each second look is at the first ones.
      const mount = yield* files.unmount("/logs/0.log")
      yield* once
      yield* mount
      yield* once
      yield* TestClock.adjust("59 minutes")
      yield* files.vanish("/logs/0.log")
      yield* once
      yield* TestClock.adjust("1 minute")
      yield* once
      yield* once
      assert.isDefined(yield* kept.find("/logs/0.log"))
    })
  )

  for (const [name, settings] of [
    ["age", { logRetention: Duration.hours(1) }],
    ["budget", { logDiskBudget: 15 }]
  ] as const)
    it.effect(
      `where the list cannot be written, the journal's go by their ${name}, and it is told once`,
      () => {
        const warnings: Array<string> = []
        const logger = Logger.layer([Logger.make(({ message }) => void warnings.push(String(message)))])
        const kept = new Map<string, KeptLog>()
        let isFull = true
        const list = Layer.effect(
          KeptLogs,
          Effect.map(KeptLogs, (real) => {
            const unless = <A>(effect: Effect.Effect<A, KeptLogsUnusable>) =>
              Effect.suspend(() => (isFull ? new KeptLogsUnusable({ reason: "disk full" }) : effect))
            return {
              ...real,
              keep: (logs) => unless(real.keep(logs)),
              oldest: (...page) => unless(real.oldest(...page)),
              byPath: (after) => unless(real.byPath(after)),
              bytes: unless(real.bytes)
            } satisfies KeptLogs["Service"]
          })
        ).pipe(Layer.provide(KeptLogs.layerMemory(kept)))
        return Effect.gen(function* () {
          const journal = yield* Journal
          yield* file("/logs/a.log", 10)
          yield* TestClock.adjust("59 minutes")
          yield* file("/logs/b.log", 10)
          yield* TestClock.adjust("1 minute")
          yield* once
          yield* once
          assert.deepStrictEqual(
            (yield* journal.logOffsets).map(({ path }) => path),
            ["/logs/b.log"]
          )
          assert.isFalse(yield* exists("/logs/a.log"))
          assert.deepStrictEqual(warnings, ["the list of the logs that are kept cannot be used: disk full"])
          isFull = false
          yield* once
          assert.deepStrictEqual(yield* journal.logOffsets, [])
          assert.deepStrictEqual([...kept.keys()], ["/logs/b.log"])
        }).pipe(Effect.provide(Layer.merge(make(settings, undefined, undefined, list).layer, logger)))
      }
    )

  it.effect("those that went make nobody wait, however long that took", () => {
    const slowly: Before = () => Effect.sleep("1 second")
    return Effect.gen(function* () {
      for (let at = 0; at < 500; at++) yield* file(`/logs/${at}.log`, 10)
      yield* Effect.forkChild((yield* LogRetention).run)
      yield* TestClock.adjust("20 minutes")
      assert.deepStrictEqual(yield* known, [])
      yield* file("/logs/late.log", 10)
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* known, [])
    }).pipe(Effect.provide(make({ logRetention: Duration.zero }, undefined, slowly).layer))
  })

  test(
    "a file that is gone again begins its hour anew",
    {},
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      yield* file("/logs/a.log", 10)
      const vanished = Effect.gen(function* () {
        yield* files.vanish("/logs/a.log")
        yield* once
        yield* TestClock.adjust("59 minutes")
        yield* once
        assert.deepStrictEqual(yield* known, ["/logs/a.log"])
        yield* TestClock.adjust("1 minute")
        yield* once
        assert.deepStrictEqual(yield* known, [])
      })
      yield* vanished
      yield* file("/logs/a.log", 10)
      yield* vanished
    })
  )

  test(
    "by never and no budget nothing goes",
    {},
    Effect.gen(function* () {
      yield* file("/logs/a.log", 10)
      yield* TestClock.adjust("1000 days")
      yield* once
      assert.deepStrictEqual(yield* known, ["/logs/a.log"])
    })
  )

  test(
    "forgets files that are gone: below the log folder after an hour, as it may be unmounted; never those of a claim",
    {},
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      const journal = yield* Journal
      const paths = [
        "/logs/a.log",
        "/logs/back.log",
        "/logs/open.log",
        "/state/jobs/c/task.log",
        "/state/jobs/d/task.log"
      ]
      for (const path of paths) yield* file(path, 10)
      yield* journal.claimed(claimOf("open"))
      yield* journal.claimed(claimOf("d", null))
      for (const path of paths) yield* files.vanish(path)
      yield* once
      assert.deepStrictEqual(yield* known, [
        "/logs/a.log",
        "/logs/back.log",
        "/logs/open.log",
        "/state/jobs/d/task.log"
      ])
      yield* files.append("/logs/back.log", "x")
      yield* once
      yield* files.vanish("/logs/back.log")
      yield* TestClock.adjust("59 minutes")
      yield* once
      assert.include(yield* known, "/logs/a.log")
      yield* TestClock.adjust("1 minute")
      yield* once
      assert.deepStrictEqual(yield* known, ["/logs/back.log", "/logs/open.log", "/state/jobs/d/task.log"])
    })
  )

  it.effect("an hour is an hour of the machine, not of its date: one that jumps forgets nothing", () => {
    let monotonic = 0
    const clock = Layer.succeed(
      MonotonicClock,
      Effect.sync(() => monotonic)
    )
    return Effect.gen(function* () {
      yield* file("/logs/a.log", 10)
      yield* (yield* MemoryFileTail).vanish("/logs/a.log")
      yield* once
      yield* TestClock.adjust("2 days")
      yield* once
      assert.deepStrictEqual(yield* known, ["/logs/a.log"])
      monotonic += 3_600_000
      yield* once
      assert.deepStrictEqual(yield* known, [])
    }).pipe(Effect.provide(make({}, clock).layer))
  })

  test(
    "does nothing where logs are not pushed",
    { pushLogs: false, logRetention: Duration.zero, logDiskBudget: 0 },
    Effect.gen(function* () {
      yield* file("/logs/a.log", 10)
      yield* (yield* LogRetention).run
      assert.isTrue(yield* exists("/logs/a.log"))
    })
  )

  it.effect(
    "a deferred task comes back after its log was handed on, and after it was removed: each byte is told once",
    () => {
      const site = make({ logRetention: Duration.hours(1) })
      const part = Effect.fnUntraced(function* (id: string, text: string) {
        const files = yield* MemoryFileTail
        const journal = yield* Journal
        const claim = claimOf(id, "same.log")
        yield* journal.claimed(claim)
        const tail = yield* (yield* LogPush).tail({ claim, file: "/logs/same.log" })
        yield* files.append("/logs/same.log", text)
        const finish = yield* Effect.forkChild(tail.finish)
        yield* advance("10 seconds")
        yield* Fiber.join(finish)
        yield* journal.settled(claim, "success")
        yield* journal.closed(claim)
      })
      return Effect.gen(function* () {
        yield* Effect.scoped(part("one", "before\n"))
        yield* once
        assert.deepStrictEqual(yield* (yield* Journal).logOffsets, [])
        yield* Effect.scoped(part("goes on", "more\n"))
        assert.strictEqual(site.file(), "before\nmore\n")
        yield* TestClock.adjust("2 hours")
        yield* once
        assert.isFalse(yield* exists("/logs/same.log"))
        yield* Effect.scoped(part("two", "after\n"))
        // The file that the site has of both parts is longer than the one here: nothing may be skipped or sent again.
        yield* Effect.scoped(part("three", "end\n"))
        assert.strictEqual(site.file(), "before\nmore\nafter\nend\n")
      }).pipe(Effect.provide(site.layer))
    }
  )

  it.effect("a worker with log_retention = 0 leaves no log and no offset of an ended job", () => {
    const kept = new Map<string, KeptLog>()
    return withWorker(
      { settings: { logRetention: Duration.zero }, keptLogs: kept },
      Effect.gen(function* () {
        const central = yield* TestCentral
        const files = yield* MemoryFileTail
        yield* central.addJob(testJob("t"))
        const runner = yield* TestRunner
        const [job] = yield* within(
          "10 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
        const path = job?.toRun.logFile ?? ""
        const offsets = Effect.flatMap(Journal, (journal) => journal.logOffsets)
        yield* files.append(path, "line\n")
        yield* advance("5 seconds")
        assert.isTrue(yield* exists(path))
        assert.lengthOf(yield* offsets, 1)
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* advance("5 seconds")
        assert.isFalse(yield* exists(path))
        assert.deepStrictEqual(yield* offsets, [])
        assert.strictEqual(kept.size, 0)
        assert.deepStrictEqual(
          [...(yield* central.get).jobs.values()].map(({ log }) => log),
          ["line\n"]
        )
      })
    )
  })
})
