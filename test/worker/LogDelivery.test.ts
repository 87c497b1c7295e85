/** LogDelivery: each row of its two tables, and its waits. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { makeBackoff, makeChunkTimes, makeDelivery } from "../../src/worker/LogDelivery.ts"
import { type Fate, makeLogSite } from "./logSite.ts"

const key = { dag_id: "d", task_id: "t", run_id: "r", try_number: 1, map_index: -1 }
const settings = { apiRetryWaitMin: Duration.seconds(1), apiRetryWaitMax: Duration.seconds(300) }
const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 20 }))

/** Runs the clock until the effect has ended: its result, and the seconds that it took. */
const timed = Effect.fnUntraced(function* <A, E>(effect: Effect.Effect<A, E>) {
  const fiber = yield* Effect.forkChild(effect)
  yield* settle
  let seconds = 0
  for (; fiber.pollUnsafe() === undefined; seconds++) {
    yield* TestClock.adjust("1 second")
    yield* settle
  }
  return [yield* Fiber.join(fiber), seconds] as const
})

/** Delivers "text" to a site whose next answers are `script`. */
const deliver = (
  script: ReadonlyArray<Fate>,
  hasTaskInstance = true,
  hopelessAfter = Number.POSITIVE_INFINITY
) => {
  const site = makeLogSite()
  site.script.push(...script)
  return Effect.gen(function* () {
    const client = yield* EdgeClient
    let doubles = 0
    const failedAt: Array<number> = []
    const backoff = makeBackoff(settings)
    const delivery = makeDelivery({
      push: (time, text) =>
        client.pushLog(key, { log_chunk_time: time, log_chunk_data: text, task_instance_id: null }),
      nextTime: yield* makeChunkTimes,
      backoff,
      hasTaskInstance,
      hopeless: Effect.sync(() => site.requests.length >= hopelessAfter),
      possibleDouble: Effect.sync(() => {
        doubles += 1
      }),
      failed: (_, tries) => Effect.sync(() => void failedAt.push(tries))
    })
    const [{ _tag: ended }, seconds] = yield* timed(delivery("text"))
    const times = site.requests.map((request) => request.time)
    const names = [...new Set(times)]
    return {
      ended,
      doubles,
      failedAt,
      seconds,
      appended: site.appended,
      times: names,
      /** One word a request: the number of its time, and whether it carried the text. */
      asked: site.requests.map(
        ({ time, text }) => `${text === "" ? "empty" : "text"}@${names.indexOf(time) + 1}`
      )
    }
  }).pipe(Effect.provide(site.layer))
}

describe("LogDelivery", () => {
  const rows: ReadonlyArray<{
    readonly row: string
    readonly script: ReadonlyArray<Fate>
    readonly ended?: string
    readonly asked: ReadonlyArray<string>
    readonly doubles?: number
    readonly copies?: number
  }> = [
    { row: "2xx", script: ["ok"], asked: ["text@1"] },
    { row: "413", script: [2], ended: "TooLarge", asked: ["text@1"], copies: 0 },
    { row: "not taken", script: ["away", "busy", "ok"], asked: ["text@1", "text@2", "text@3"] },
    {
      row: "a first 500: waits for the site, not with the text",
      script: ["500-after", "500-after", "away", "lost-after", "502-after", "500-before", "ok"],
      ended: "Refused",
      asked: ["text@1", "empty@2", "empty@3", "empty@4", "empty@5", "empty@6", "empty@7"],
      doubles: 1
    },
    {
      row: "answer lost, chunk not there",
      script: ["lost-before"],
      asked: ["text@1", "empty@2", "empty@1", "text@3"]
    },
    {
      row: "answer lost, chunk there",
      script: ["lost-after"],
      asked: ["text@1", "empty@2", "empty@1", "empty@3", "empty@1", "empty@4", "empty@1"]
    },
    {
      row: "a gateway's 502 for a chunk that is there, and 502 for a while",
      script: ["502-after", "502-after", "502-after"],
      asked: [
        "text@1",
        "empty@2",
        "empty@3",
        "empty@4",
        "empty@1",
        "empty@5",
        "empty@1",
        "empty@6",
        "empty@1"
      ]
    },
    {
      row: "answer lost, then the site is away, also for the question",
      script: ["lost-after", "away", "busy", "ok", "away", "ok"],
      asked: [
        "text@1",
        "empty@2",
        "empty@3",
        "empty@4",
        "empty@1",
        "empty@5",
        "empty@1",
        "empty@6",
        "empty@1",
        "empty@7",
        "empty@1"
      ]
    },
    {
      row: "one 500 to the question is not believed",
      script: ["lost-before", "ok", "500-before"],
      asked: ["text@1", "empty@2", "empty@1", "empty@3", "empty@1", "text@4"]
    },
    {
      row: "500 to the question, and the site does not work: asked again, a 2xx is believed",
      script: ["lost-before", "ok", "500-before", "500-before", "500-before"],
      asked: ["text@1", "empty@2", "empty@1", "empty@3", "empty@4", "empty@5", "empty@1", "text@6"]
    },
    {
      row: "the same, and it was there: a 500 is not believed any more",
      script: ["lost-after", "ok", "500-before", "500-before", "500-before"],
      asked: [
        "text@1",
        "empty@2",
        "empty@1",
        "empty@3",
        "empty@4",
        "empty@5",
        "empty@1",
        "empty@6",
        "text@7"
      ],
      doubles: 1,
      copies: 2
    },
    {
      row: "the question's own answer is lost, and it left its row: that proves nothing",
      script: ["lost-before", "ok", "lost-after"],
      asked: ["text@1", "empty@2", "empty@1", "empty@3", "empty@1", "empty@4", "text@5"],
      doubles: 1
    },
    {
      row: "the question itself is lost",
      script: ["lost-before", "ok", "lost-before"],
      asked: ["text@1", "empty@2", "empty@1", "empty@3", "empty@1", "text@4"]
    }
  ]
  it.effect.each(rows)("$row", ({ script, ended = "Accepted", asked, doubles = 0, copies = 1 }) =>
    Effect.gen(function* () {
      const result = yield* deliver(script)
      expect(result).toMatchObject({ ended, asked, doubles })
      expect(result.appended.filter((text) => text === "text").length).toBe(copies)
    })
  )

  it.effect("tells of each failure, with the tries since the last success; a gateway's limit is none", () =>
    Effect.gen(function* () {
      expect((yield* deliver(["away", "busy", "ok"])).failedAt).toEqual([0, 1])
      expect((yield* deliver(["ok"])).failedAt).toEqual([])
      expect((yield* deliver([2])).failedAt).toEqual([])
    })
  )

  it.effect("waits longer each time that a site refuses one text only, until it has taken one", () => {
    const site = makeLogSite()
    site.site.otherwise = ({ text }) => (text === "bad" ? "500-before" : "ok")
    return Effect.gen(function* () {
      const client = yield* EdgeClient
      const delivery = makeDelivery({
        push: (time, text) =>
          client.pushLog(key, { log_chunk_time: time, log_chunk_data: text, task_instance_id: null }),
        nextTime: yield* makeChunkTimes,
        backoff: makeBackoff(settings),
        hasTaskInstance: true,
        hopeless: Effect.succeed(false),
        possibleDouble: Effect.void,
        failed: () => Effect.void
      })
      const refused = Effect.map(timed(delivery("bad")), ([, seconds]) => seconds)
      for (let times = 0; times < 8; times++) yield* refused
      let waited = 0
      for (let times = 0; times < 5; times++) waited += yield* refused
      expect(waited).toBeGreaterThan(10)
      yield* timed(delivery("good"))
      expect(yield* refused).toBeLessThanOrEqual(2)
    }).pipe(Effect.provide(site.layer))
  })

  it.effect("gives a callback's log up at the first 500, and only then", () =>
    Effect.gen(function* () {
      const result = yield* deliver(["away", "lost-before", "500-before"], false)
      expect(result).toMatchObject({ ended: "GivenUp", asked: ["text@1", "text@2", "text@3"], doubles: 0 })
    })
  )

  it.effect("gives up a site that does not work where the caller knows that it never will for this log", () =>
    Effect.gen(function* () {
      const script = Array.from({ length: 40 }, (): Fate => "500-before")
      expect(yield* deliver(script, true, 20)).toMatchObject({ ended: "GivenUp", doubles: 0 })
      expect((yield* deliver(script, true, 20)).asked.length).toBe(20)
      const asking = yield* deliver(["lost-before", ...script], true, 20)
      expect(asking).toMatchObject({ ended: "GivenUp", doubles: 0 })
    })
  )

  it.effect("an hour of 500 costs one possible double and few questions", () =>
    Effect.gen(function* () {
      const result = yield* deliver([...Array.from({ length: 80 }, (): Fate => "500-after"), "ok"])
      expect(result).toMatchObject({ ended: "Refused", doubles: 1, appended: ["text"] })
      expect(result.seconds).toBeGreaterThan(1_200) // 80 tries, on average 45 s apart
      expect(result.seconds).toBeLessThan(80 * 91)
    })
  )

  it.effect("obeys Retry-After", () =>
    Effect.gen(function* () {
      expect((yield* deliver(["busy", "ok"])).seconds).toBeGreaterThanOrEqual(120)
    })
  )

  it.effect("gives each chunk a later time than all before, in microseconds", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 0, 2, 3, 4, 5, 678))
      const next = yield* makeChunkTimes
      expect([yield* next, yield* next]).toEqual([
        "2026-01-02T03:04:05.678000Z",
        "2026-01-02T03:04:05.678001Z"
      ])
      yield* TestClock.setTime(Date.UTC(2025, 0, 1))
      expect(yield* next).toBe("2026-01-02T03:04:05.678002Z")
    })
  )
})

describe("the waits between tries", () => {
  it.effect("are at least the least one, at most twice the last limit, and never more than 90 s", () =>
    Effect.gen(function* () {
      let longest = 0
      for (let sample = 0; sample < 5; sample++) {
        const { wait } = makeBackoff(settings)
        for (const most of [2, 4, 8, 16, 32, 64, 90, 90, 90]) {
          const [, seconds] = yield* timed(wait())
          expect(seconds).toBeGreaterThanOrEqual(1)
          expect(seconds).toBeLessThanOrEqual(most)
          if (most === 90) longest += seconds
        }
      }
      expect(longest / 15).toBeGreaterThan(10)
    })
  )

  it.effect("end when the site is back, but not before a moment that it has named", () =>
    Effect.gen(function* () {
      const back = yield* Deferred.make<void>()
      const slow = { apiRetryWaitMin: Duration.seconds(60), apiRetryWaitMax: Duration.seconds(90) }
      const wait = makeBackoff(slow, Deferred.await(back)).wait
      const plain = yield* Effect.forkChild(wait())
      const asked = yield* Effect.forkChild(wait(300_000))
      yield* TestClock.adjust("10 seconds")
      yield* Deferred.succeed(back, undefined)
      yield* settle
      expect(plain.pollUnsafe()).toBeDefined()
      expect(asked.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("290 seconds")
      yield* settle
      expect(asked.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("60 seconds")
      yield* settle
      expect(asked.pollUnsafe()).toBeDefined()
    })
  )
})
