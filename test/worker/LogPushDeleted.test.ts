/** LogPush and a deleted task instance: its log is given up at last, and never where the site may only be ill. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { JournalStore } from "../../src/platform/JournalStore.ts"
import { KeptLogs } from "../../src/platform/KeptLogs.ts"
import { monotonicOfClock } from "../../src/platform/MonotonicClock.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { deletedAfter, LogPush } from "../../src/worker/LogPush.ts"
import { type Fate, makeLogSite } from "./logSite.ts"

const claimOf = (id: string) => ({ id, claimedAt: 0, expires: null, job: testJob(id) })
const fileOf = (id: string) => `/logs/${id}.log`
const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 30 }))
const advance = Effect.fnUntraced(function* (minutes: number) {
  for (let left = minutes * 12; left > 0; left--)
    yield* Effect.andThen(Effect.andThen(settle, TestClock.adjust("5 seconds")), settle)
})

/** A site that answers as the task's name says, and the lines that were logged. */
const make = (fateOf: (task: string, text: string) => Fate) => {
  const site = makeLogSite()
  site.site.otherwise = ({ key, text }) => fateOf(key.task_id, text)
  const lines: Array<string> = []
  const layer = LogPush.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        site.layer,
        MemoryFileTail.layer,
        monotonicOfClock,
        Layer.provide(Journal.layer, [JournalStore.layerMemory(), KeptLogs.layerMemory()]),
        Layer.succeed(EdgeConfig, testSettings()),
        Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
      )
    )
  )
  return { ...site, lines, layer }
}

/** The log of a job whose process is gone; true once nothing of it is pushed any more. */
const ended = Effect.fnUntraced(function* (id: string, siteAnswers = true) {
  const tail = yield* (yield* LogPush).tail({
    claim: claimOf(id),
    file: fileOf(id),
    siteAnswers: Effect.succeed(siteAnswers)
  })
  yield* (yield* MemoryFileTail).append(fileOf(id), "line\n")
  const fiber = yield* Effect.forkChild(tail.finish)
  return { tail, done: Effect.sync(() => fiber.pollUnsafe() !== undefined), finish: Fiber.join(fiber) }
})

const refuses = (): Fate => "500-before"

describe("a log that the site refuses", () => {
  it.effect("is given up after ten minutes, with one warning that names the file", () => {
    const site = make(refuses)
    return Effect.gen(function* () {
      const log = yield* ended("a")
      yield* advance(deletedAfter / 60_000 - 0.5)
      assert.isFalse(yield* log.done)
      assert.isTrue(yield* log.tail.refused)
      yield* advance(2.5)
      yield* log.finish
      assert.strictEqual(yield* log.tail.waiting, 0)
      const asked = site.requests.length
      yield* advance(10)
      assert.strictEqual(site.requests.length, asked)
      const said = site.lines.filter((line) => line.includes("deleted"))
      assert.strictEqual(said.length, 1)
      assert.include(said[0], fileOf("a"))
      assert.include(said[0], "for 10 minutes")
      assert.isFalse(yield* log.tail.refused)
      // What was given up stands in the way of no other: the next is given up in its own ten minutes.
      const next = yield* ended("b")
      yield* advance(12)
      assert.isTrue(yield* next.done)
    }).pipe(Effect.scoped, Effect.provide(site.layer))
  })

  it.effect("is not given up while the job's end is not accepted", () => {
    const site = make(refuses)
    return Effect.gen(function* () {
      const journal = yield* Journal
      yield* journal.settled(claimOf("a"), "success")
      const log = yield* ended("a")
      yield* advance(60)
      assert.isFalse(yield* log.done)
      for (const report of yield* journal.reports) yield* journal.accepted(report)
      yield* advance(2)
      assert.isTrue(yield* log.done)
    }).pipe(Effect.scoped, Effect.provide(site.layer))
  })

  it.effect("is given up although the end of another job is not accepted", () => {
    const site = make(refuses)
    return Effect.gen(function* () {
      yield* (yield* Journal).settled(claimOf("other"), "success")
      const log = yield* ended("a")
      yield* advance(12)
      assert.isTrue(yield* log.done)
    }).pipe(Effect.scoped, Effect.provide(site.layer))
  })

  it.effect(
    "is not given up where only the log of another job is refused, and its own is not answered",
    () => {
      const site = make((task) => (task === "refused" ? "500-before" : "lost-before"))
      return Effect.gen(function* () {
        const [refused, unheard] = [yield* ended("refused"), yield* ended("unheard")]
        yield* (yield* Journal).settled(claimOf("refused"), "success")
        yield* advance(60)
        assert.deepStrictEqual([yield* refused.done, yield* unheard.done], [false, false])
      }).pipe(Effect.scoped, Effect.provide(site.layer))
    }
  )

  it.effect("is not given up while the job runs", () => {
    const site = make(refuses)
    return Effect.gen(function* () {
      yield* (yield* MemoryFileTail).append(fileOf("a"), "line\n")
      const siteAnswers = Effect.succeed(true)
      const tail = yield* (yield* LogPush).tail({ claim: claimOf("a"), file: fileOf("a"), siteAnswers })
      yield* advance(60)
      assert.isFalse(site.lines.some((line) => line.includes("deleted")))
      assert.strictEqual(yield* tail.waiting, 5)
    }).pipe(Effect.scoped, Effect.provide(site.layer))
  })

  for (const [what, fateOf, siteAnswers] of [
    ["nothing else is answered either", refuses, false],
    [
      "it is only this text that is refused",
      (_: string, text: string) => (text === "" ? "ok" : "500-before"),
      true
    ]
  ] as const) {
    it.effect(`is not given up where ${what}`, () => {
      const site = make(fateOf)
      return Effect.gen(function* () {
        const log = yield* ended("a", siteAnswers)
        yield* advance(60)
        assert.isFalse(yield* log.done)
      }).pipe(Effect.scoped, Effect.provide(site.layer))
    })
  }

  it.effect("is not given up where an outage came between: the ten minutes begin anew", () => {
    let fate: Fate = "500-before"
    const site = make(() => fate)
    return Effect.gen(function* () {
      const log = yield* ended("a")
      yield* advance(8)
      fate = "away"
      yield* advance(3)
      fate = "500-before"
      yield* advance(8)
      assert.isFalse(yield* log.done)
      yield* advance(5)
      assert.isTrue(yield* log.done)
    }).pipe(Effect.scoped, Effect.provide(site.layer))
  })

  it.effect("is not alone: the site can write no log, until it takes one of another job", () => {
    const site = make((task) => (task === "fine" ? "ok" : "500-before"))
    return Effect.gen(function* () {
      const [one, two] = [yield* ended("one"), yield* ended("two")]
      yield* advance(60)
      assert.deepStrictEqual([yield* one.done, yield* two.done], [false, false])
      yield* (yield* ended("fine")).finish
      yield* advance(2)
      assert.deepStrictEqual([yield* one.done, yield* two.done], [true, true])
    }).pipe(Effect.scoped, Effect.provide(site.layer))
  })
})
