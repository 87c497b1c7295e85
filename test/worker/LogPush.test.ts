/** LogPush: what a job appends to its log reaches the site whole, soon, in few requests, whatever happens meanwhile. */
import { describe, expect, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { JournalStore } from "../../src/platform/JournalStore.ts"
import { KeptLogs } from "../../src/platform/KeptLogs.ts"
import { monotonicOfClock } from "../../src/platform/MonotonicClock.ts"
import type { Claim, Job } from "../../src/protocol/Job.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { decodeLog } from "../../src/worker/LogChunks.ts"
import { LogPush } from "../../src/worker/LogPush.ts"
import { type Fate, makeLogSite } from "./logSite.ts"

const ti = {
  id: "019c0000-0000-7000-8000-000000000001",
  task_id: "t",
  dag_id: "d",
  run_id: "r",
  try_number: 1,
  dag_version_id: "v",
  pool_slots: 1,
  priority_weight: 1
}
const body = { token: "", dag_rel_path: "d.py", bundle_info: { name: "b" }, log_path: "a.log" }
const job: Job = {
  dag_id: "d",
  task_id: "t",
  run_id: "r",
  try_number: 1,
  map_index: -1,
  concurrency_slots: 1,
  task_instance_id: ti.id,
  command: { type: "ExecuteTask", ...body, ti }
}
const claim: Claim = { id: "c1", claimedAt: 0, expires: null, job }
const callback: Claim = {
  ...claim,
  job: {
    ...job,
    task_instance_id: null,
    command: {
      type: "ExecuteCallback",
      ...body,
      callback: { id: "x", fetch_method: "import_path", data: {} }
    }
  }
}
const file = "/logs/a.log"

const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 30 }))
const advance = (duration: Duration.Input) =>
  settle.pipe(Effect.andThen(TestClock.adjust(duration)), Effect.andThen(settle))
/** Runs the effect to its end, the clock moving on meanwhile. */
const drive = <A, E, R>(effect: Effect.Effect<A, E, R>, step: Duration.Input = "1 second") =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    for (let i = 0; fiber.pollUnsafe() === undefined; i++) {
      if (i > 20_000) return yield* Effect.die(new Error("does not end"))
      yield* advance(step)
    }
    return yield* Fiber.join(fiber)
  })

const make = (options: { chunkSize?: number; pushLogs?: boolean } = {}) => {
  const site = makeLogSite()
  const settings = testSettings({
    pushLogs: options.pushLogs ?? true,
    pushLogChunkSize: options.chunkSize ?? 524_288
  })
  const layer = LogPush.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        site.layer,
        MemoryFileTail.layer,
        Layer.provide(Journal.layer, [JournalStore.layerMemory(), KeptLogs.layerMemory()]),
        Layer.succeed(EdgeConfig, settings),
        monotonicOfClock
      )
    ),
    // What is logged is not looked at here.
    Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "None"))
  )
  return { ...site, layer, texts: () => site.requests.map((request) => request.text) }
}
type Made = ReturnType<typeof make>
const test = <A, E>(
  name: string,
  made: () => Made,
  body: (made: Made) => Effect.Effect<A, E, LogPush | MemoryFileTail | Journal | Scope.Scope>
) =>
  it.effect(name, () => {
    const one = made()
    return body(one).pipe(Effect.provide(one.layer))
  })

describe("LogPush", () => {
  test("a line is at the site within a second", make, (site) =>
    Effect.gen(function* () {
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* advance("1 minute")
      yield* (yield* MemoryFileTail).append(file, "hello\n")
      expect(yield* tail.waiting).toBe(6)
      yield* advance("900 millis")
      expect(site.file()).toBe("hello\n")
      expect(yield* tail.waiting).toBe(0)
      expect(site.requests[0]).toMatchObject({
        key: { dag_id: "d", task_id: "t", run_id: "r", try_number: 1, map_index: -1 },
        taskInstanceId: ti.id
      })
    })
  )

  test("an idle log asks nothing of the site", make, (site) =>
    Effect.gen(function* () {
      yield* (yield* MemoryFileTail).append(file, "x\n")
      yield* (yield* LogPush).tail({ claim, file })
      yield* advance("1 hour")
      expect(site.requests.length).toBe(1)
    })
  )

  test("lines that keep coming travel together, none later than a second", make, (site) =>
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      yield* (yield* LogPush).tail({ claim, file })
      let written = ""
      for (let i = 0; i < 1_000; i++) {
        const late = written.slice(0, Math.max(0, (i - 90) * 10))
        expect(site.file().length).toBeGreaterThanOrEqual(late.length)
        const line = `line ${String(i).padStart(4, "0")}\n`
        written += line
        yield* files.append(file, line)
        yield* TestClock.adjust("10 millis")
      }
      yield* advance("1 second")
      expect(site.file()).toBe(written)
      expect(site.requests.length).toBeLessThan(25)
    })
  )

  test(
    "a full chunk does not wait for more",
    () => make({ chunkSize: 100 }),
    (site) =>
      Effect.gen(function* () {
        const text = "0123456789".repeat(98)
        yield* (yield* LogPush).tail({ claim, file })
        yield* advance("1 minute")
        yield* (yield* MemoryFileTail).append(file, text)
        yield* settle
        yield* settle
        expect(site.file()).toBe(text)
        expect(site.requests.length).toBe(10)
      })
  )

  test("a job that is over at once has its log told at once, in one request", make, (site) =>
    Effect.gen(function* () {
      const tail = yield* (yield* LogPush).tail({ claim, file })
      const files = yield* MemoryFileTail
      yield* files.append(file, "begins\n")
      yield* settle
      yield* files.append(file, "ends\n")
      yield* settle
      expect(site.requests).toEqual([])
      // The clock stands: nothing waits once the job has ended.
      yield* tail.finish
      expect(site.texts()).toEqual(["begins\nends\n"])
    })
  )

  test("what a job wrote before anybody looked is told within a quarter of a second", make, (site) =>
    Effect.gen(function* () {
      yield* (yield* MemoryFileTail).append(file, "begins\n")
      yield* (yield* LogPush).tail({ claim, file })
      yield* advance("250 millis")
      expect(site.file()).toBe("begins\n")
    })
  )

  test("finish pushes the rest at once, an incomplete character too", make, (site) =>
    Effect.gen(function* () {
      const tail = yield* (yield* LogPush).tail({ claim, file })
      const files = yield* MemoryFileTail
      yield* files.append(file, new Uint8Array([0x61, 0xc3]))
      yield* advance("1 minute")
      expect(site.file()).toBe("a")
      expect(yield* tail.waiting).toBe(1)
      yield* files.append(file, new Uint8Array([0xa9, 0x62, 0xe2, 0x82]))
      yield* tail.finish // no clock is needed
      expect(site.file()).toBe("aéb\\xe2\\x82")
      expect(yield* tail.waiting).toBe(0)
    })
  )

  test("finish of a log that never was ends", make, (site) =>
    Effect.gen(function* () {
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* tail.finish
      expect(site.requests).toEqual([])
    })
  )

  test("finish does not wait for what is appended later", make, (site) =>
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      yield* files.append(file, "one\n")
      const tail = yield* (yield* LogPush).tail({ claim, file })
      const run = Effect.runSyncWith(yield* Effect.context<never>())
      site.site.otherwise = (request) => {
        if (request.text !== "") run(files.append(file, "more\n"))
        return "ok"
      }
      yield* drive(tail.finish, "20 seconds")
      expect(site.appended.length).toBeLessThan(3)
    })
  )

  test("an outage of an hour loses nothing, and interrupting finish leaves the tail at work", make, (site) =>
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      site.site.otherwise = () => "away"
      yield* files.append(file, "before\n")
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* advance("30 minutes")
      yield* files.append(file, "during\n")
      const waiting = yield* Effect.forkChild(tail.finish)
      yield* advance("30 minutes")
      expect(waiting.pollUnsafe()).toBeUndefined()
      yield* Fiber.interrupt(waiting)
      expect(yield* tail.waiting).toBe(14)
      expect(site.requests.length).toBeLessThan(150)
      site.site.otherwise = () => "ok"
      yield* advance("90 seconds")
      yield* drive(tail.finish, "20 seconds")
      expect(site.file()).toBe("before\nduring\n")
      expect(yield* (yield* LogPush).doubles).toBe(0)
    })
  )

  test("the offset moves after a 2xx, and never sooner", make, (site) =>
    Effect.gen(function* () {
      const journal = yield* Journal
      site.site.otherwise = () => "away"
      yield* (yield* MemoryFileTail).append(file, "hello\n")
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* advance("10 minutes")
      expect((yield* journal.logOffset(file))?.offset ?? 0).toBe(0)
      site.site.otherwise = () => "ok"
      yield* drive(tail.finish, "20 seconds")
      expect(yield* journal.logOffset(file)).toEqual({ path: file, inode: "1", offset: 6 })
    })
  )

  test("a task that comes back to its file is not pushed twice", make, (site) =>
    Effect.gen(function* () {
      const push = yield* LogPush
      const files = yield* MemoryFileTail
      yield* files.append(file, "first part\n")
      yield* Effect.scoped(Effect.flatMap(push.tail({ claim, file }), (tail) => tail.finish))
      yield* files.append(file, "second part\n")
      yield* Effect.scoped(
        Effect.flatMap(push.tail({ claim: { ...claim, id: "c2" }, file }), (tail) => tail.finish)
      )
      expect(site.appended).toEqual(["first part\n", "second part\n"])
      const times = site.requests.map((request) => request.time)
      expect(times).toEqual([...new Set(times)].sort())
    })
  )

  test("nor while its first part still waits for the site", make, (site) =>
    Effect.gen(function* () {
      const push = yield* LogPush
      const files = yield* MemoryFileTail
      site.site.otherwise = () => "away"
      yield* files.append(file, "first part\n")
      const first = yield* push.tail({ claim, file })
      yield* Effect.forkChild(first.finish)
      yield* advance("1 minute")
      const second = yield* push.tail({ claim: { ...claim, id: "c2" }, file })
      yield* files.append(file, "second part\n")
      yield* advance("1 minute")
      site.site.otherwise = () => "ok"
      yield* drive(second.finish)
      yield* drive(first.finish)
      expect(site.file()).toBe("first part\nsecond part\n")
    })
  )

  test("another file under the path starts at its beginning", make, (site) =>
    Effect.gen(function* () {
      yield* (yield* Journal).saveLogOffset({ path: file, inode: "other", offset: 3 })
      yield* (yield* MemoryFileTail).append(file, "hello\n")
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* tail.finish
      expect(site.file()).toBe("hello\n")
    })
  )

  test("files that rotate, shrink and vanish are read to their end", make, (site) =>
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* files.append(file, "one\n")
      yield* advance("1 second")
      yield* files.append(file, "two\n\xc3")
      yield* files.append(file, new Uint8Array([0xc3]))
      yield* files.rotate(file)
      yield* files.append(file, "three\n")
      yield* advance("2 seconds")
      yield* files.truncate(file)
      yield* advance("2 seconds")
      yield* files.append(file, "four, longer\n")
      yield* advance("2 seconds")
      yield* files.append(file, "five\n")
      yield* files.vanish(file)
      yield* advance("2 seconds")
      yield* files.append(file, "six\n")
      yield* drive(tail.finish, "20 seconds")
      expect(site.file()).toBe("one\ntwo\nÃ\\xc3three\nfour, longer\nfive\nsix\n")
      expect(yield* tail.waiting).toBe(0)
    })
  )

  test("a file that cannot be read is tried again, and given up only after its job", make, (site) =>
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      yield* files.append(file, "hello\n")
      yield* files.failing(file, true)
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* advance("30 minutes")
      yield* files.failing(file, false)
      yield* advance("2 minutes")
      expect(site.file()).toBe("hello\n")
      yield* files.failing(file, true)
      yield* drive(tail.finish, "20 seconds")
    })
  )

  test("one that can be read again after its job has ended is told to its end", make, (site) =>
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      yield* files.append(file, "hello\n")
      yield* files.failing(file, true)
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* advance("1 second")
      const finish = yield* Effect.forkChild(tail.finish)
      yield* advance("1 second")
      expect(finish.pollUnsafe()).toBeUndefined()
      yield* files.failing(file, false)
      yield* drive(Fiber.join(finish))
      expect(site.file()).toBe("hello\n")
    })
  )

  test("an error that nobody expected does not end a log: it is tried again", make, (site) =>
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      yield* files.append(file, "one\n")
      site.site.otherwise = () => {
        throw new Error("a bug")
      }
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* advance("5 minutes")
      site.site.otherwise = () => "ok"
      yield* advance("2 minutes")
      expect(site.file()).toBe("one\n")
      yield* files.append(file, "two\n")
      yield* drive(tail.finish)
      expect(site.file()).toBe("one\ntwo\n")
    })
  )

  test("what waits is counted over a file that was rotated away, and one that is gone", make, (site) =>
    Effect.gen(function* () {
      const files = yield* MemoryFileTail
      yield* files.append(file, "told\n")
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* advance("2 seconds")
      site.site.otherwise = () => "away"
      yield* files.append(file, "old\n")
      yield* advance("2 seconds")
      yield* files.rotate(file)
      expect(yield* tail.waiting).toBe(4)
      yield* files.append(file, "newer\n")
      expect(yield* tail.waiting).toBe(4 + 6)
      site.site.otherwise = () => "ok"
      yield* drive(tail.finish, "20 seconds")
      expect(site.file()).toBe("told\nold\nnewer\n")
      expect(yield* tail.waiting).toBe(0)
    })
  )

  test("a gateway's 413 halves the chunks of all jobs, and nothing is missing", make, (site) =>
    Effect.gen(function* () {
      const push = yield* LogPush
      const files = yield* MemoryFileTail
      const text = 'é"\n0123456789'.repeat(3_000)
      site.site.otherwise = () => 5_000
      yield* files.append(file, text)
      const tail = yield* push.tail({ claim, file })
      yield* drive(tail.finish, "20 seconds")
      expect(site.file()).toBe(text)
      const refused = site.requests.length - site.appended.length
      expect(refused).toBeLessThan(6)
      yield* files.append("/logs/b.log", text)
      const other = yield* push.tail({ claim: { ...claim, id: "c2" }, file: "/logs/b.log" })
      yield* drive(other.finish)
      expect(site.file()).toBe(text + text)
      expect(site.requests.length - site.appended.length).toBe(refused)
    })
  )

  test(
    "no chunk is larger than the setting, down to some hundred bytes",
    () => make({ chunkSize: 200 }),
    (site) =>
      Effect.gen(function* () {
        const text = '😀é"\\\n\u0001\0'.repeat(500)
        yield* (yield* MemoryFileTail).append(file, text)
        const tail = yield* (yield* LogPush).tail({ claim, file })
        yield* drive(tail.finish, "20 seconds")
        expect(site.file()).toBe(text.replaceAll("\0", "\ufffd"))
        expect(
          Math.max(...site.texts().map((chunk) => Buffer.byteLength(JSON.stringify(chunk))))
        ).toBeLessThanOrEqual(200)
      })
  )

  test("413 for a single character is asked slowly and never dropped", make, (site) =>
    Effect.gen(function* () {
      site.site.otherwise = () => 1
      yield* (yield* MemoryFileTail).append(file, "hello\n")
      const tail = yield* (yield* LogPush).tail({ claim, file })
      yield* advance("1 hour")
      expect(site.requests.length).toBeLessThan(150)
      expect(yield* tail.waiting).toBe(6)
      site.site.otherwise = () => "ok"
      yield* drive(tail.finish, "20 seconds")
      expect(site.file()).toBe("hello\n")
    })
  )

  test(
    "a text that the site refuses shrinks to what it refuses, and is asked ever more slowly",
    make,
    (site) =>
      Effect.gen(function* () {
        site.site.otherwise = (request) => (request.text.includes("#") ? "500-after" : "ok")
        yield* (yield* MemoryFileTail).append(file, `${"good ".repeat(100)}#${" fine".repeat(100)}`)
        const tail = yield* (yield* LogPush).tail({ claim, file })
        yield* advance("6 hours")
        expect(yield* tail.waiting).toBe(501)
        expect(site.file().length).toBeLessThan(501 + 5 * 1_001 + 600)
        site.site.otherwise = () => "ok"
        yield* drive(tail.finish, "20 seconds")
        expect(yield* tail.waiting).toBe(0)
        expect(site.file().endsWith(`#${" fine".repeat(100)}`)).toBe(true)
      })
  )

  test("a callback's log is pushed once, then kept", make, (site) =>
    Effect.gen(function* () {
      site.site.otherwise = () => "500-before"
      const files = yield* MemoryFileTail
      yield* files.append(file, "hello\n")
      const tail = yield* (yield* LogPush).tail({ claim: callback, file })
      yield* advance("1 minute")
      yield* files.append(file, "again\n")
      yield* advance("1 hour")
      yield* tail.finish
      expect(site.requests.length).toBe(1)
      expect(yield* tail.waiting).toBe(0)
    })
  )

  test(
    "nothing is pushed where push_logs is off",
    () => make({ pushLogs: false }),
    (site) =>
      Effect.gen(function* () {
        yield* (yield* MemoryFileTail).append(file, "hello\n")
        const tail = yield* (yield* LogPush).tail({ claim, file })
        yield* advance("1 minute")
        yield* tail.finish
        expect(site.requests).toEqual([])
        expect(yield* tail.waiting).toBe(0)
      })
  )

  test("finish ends when the scope closes first", make, (site) =>
    Effect.gen(function* () {
      site.site.otherwise = () => "away"
      yield* (yield* MemoryFileTail).append(file, "hello\n")
      const scope = yield* Scope.make()
      const tail = yield* Scope.provide((yield* LogPush).tail({ claim, file }), scope)
      const waiting = yield* Effect.forkChild(tail.finish)
      yield* advance("1 minute")
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(waiting)
    })
  )

  /** The copies in `appended` that `text` does not explain; none if a byte is missing or out of order. */
  const copies = (appended: ReadonlyArray<string>, text: string): number | undefined => {
    // From each offset that may be accepted by now to the copies that this takes.
    let states = new Map([[0, 0]])
    for (const chunk of appended) {
      const next = new Map<number, number>()
      const add = (offset: number, count: number) =>
        next.set(offset, Math.min(count, next.get(offset) ?? count))
      for (const [offset, count] of states) {
        if (!text.startsWith(chunk, offset)) continue
        add(offset + chunk.length, count)
        add(offset, count + 1)
      }
      states = next
    }
    return states.get(text.length)
  }

  const piece = fc.oneof(
    fc.stringMatching(/^[a-z0-9 ]{0,12}\n$/).map((text) => Buffer.from(text)),
    fc.constantFrom("é", "😀", "\0", '"', "€uro").map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes))
  )
  const phase = fc.oneof(
    fc
      .constantFrom<Fate>("ok", "away", "lost-before", "lost-after", "502-after", 12, 40)
      .map((fate) => [fate]),
    // A single 500 to a question, twice, with a 2xx between: that is a chunk that arrived. An outage lasts longer.
    fc
      .tuple(fc.constantFrom<Fate>("500-before", "500-after"), fc.integer({ min: 2, max: 5 }))
      .map(([fate, times]) => Array.from({ length: times }, () => fate))
  )
  it.effect(
    "whatever happens, the site's file is decodeLog of the worker's, with at most the doubles counted",
    () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.array(piece, { minLength: 1, maxLength: 25 }),
            fc.array(fc.nat({ max: 8 }), { maxLength: 20 }),
            fc.array(phase, { maxLength: 14 }),
            fc.integer({ min: 10, max: 80 }),
            (pieces, cuts, phases, chunkSize) => {
              const site = make({ chunkSize })
              site.script.push(...phases.flat())
              const bytes = new Uint8Array(Buffer.concat(pieces))
              return Effect.gen(function* () {
                const files = yield* MemoryFileTail
                const push = yield* LogPush
                const tail = yield* push.tail({ claim, file })
                let at = 0
                for (const cut of cuts) {
                  yield* files.append(file, bytes.subarray(at, at + cut))
                  at = Math.min(bytes.length, at + cut)
                  yield* advance("700 millis")
                }
                yield* files.append(file, bytes.subarray(at))
                yield* drive(tail.finish, "20 seconds")
                const extra = copies(site.appended, decodeLog(bytes))
                expect(extra, "a byte is missing or out of order").toBeDefined()
                expect(extra).toBeLessThanOrEqual(yield* push.doubles)
                expect(yield* tail.waiting).toBe(0)
              }).pipe(
                Effect.scoped,
                Effect.provide(Layer.merge(site.layer, TestClock.layer())),
                Effect.runPromise
              )
            }
          ),
          { numRuns: 150 }
        )
      ),
    60_000
  )
})
