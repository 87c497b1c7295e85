/** The contract of the repository's logs on every store: each chunk once, in order, positions that fit together. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { Repository } from "../../src/central/Repository.ts"
import { jobRecord } from "../central/records.ts"
import { onEach } from "../central/stores.ts"

type Store = Repository["Service"]

const { key } = jobRecord("t")

/** The log in parts of at most `limit` characters, as one who follows it reads it. */
export const inParts = (store: Store, limit: number, of = key) =>
  Effect.gen(function* () {
    const parts: Array<string> = []
    let from = 0
    for (;;) {
      const { next, text } = yield* store.readLog(of, from, limit)
      if (text === "") return { parts, end: next }
      assert.strictEqual(next, from + text.length)
      parts.push(text)
      from = next
    }
  })

export const logSuite = <E>(name: string, layer: Layer.Layer<Repository, E>) => {
  const test = onEach(layer)
  describe(`Repository on ${name}: logs`, () => {
    test("chunks stand in the order of their arrival, whatever their times; the job need not be there", (store) =>
      Effect.gen(function* () {
        for (const [time, text] of [
          ["3", "one\n"],
          ["1", "two\n"],
          ["2", "three\n"]
        ] as const)
          assert.strictEqual(yield* store.appendLog(key, { time, text }), "appended")
        yield* store.appendLog({ ...key, map_index: 0 }, { time: "3", text: "another job's" })
        assert.deepStrictEqual(yield* store.readLog(key, 0, 100), { text: "one\ntwo\nthree\n", next: 14 })
        assert.deepStrictEqual(yield* store.readLog(key, 5, 4), { text: "wo\nt", next: 9 })
        assert.deepStrictEqual(yield* store.readLog(key, 14, 100), { text: "", next: 14 })
        assert.deepStrictEqual(yield* store.readLog(key, 999, 100), { text: "", next: 14 })
        assert.deepStrictEqual(yield* store.readLog({ ...key, try_number: 9 }, 5, 100), { text: "", next: 0 })
      }))

    test("a chunk that is sent again is not added; another of its time is told apart", (store) =>
      Effect.gen(function* () {
        const append = (time: string, text: string) => store.appendLog(key, { time, text })
        assert.strictEqual(yield* append("1", "one"), "appended")
        assert.strictEqual(yield* append("2", "two"), "appended")
        assert.strictEqual(yield* append("1", "one"), "repeated")
        assert.strictEqual(yield* append("1", "One"), "taken")
        assert.strictEqual(yield* append("1", ""), "taken")
        // nothing is kept of an empty chunk, so its time is still free
        assert.strictEqual(yield* append("3", ""), "appended")
        assert.strictEqual(yield* append("3", "three"), "appended")
        assert.deepStrictEqual(yield* store.readLog(key, 0, 100), { text: "onetwothree", next: 11 })
      }))

    test("any text comes back as it was, and no part ends within a character", (store) =>
      Effect.gen(function* () {
        const chunks = [
          "a😀b",
          "\u0000\u001a\u001b[31m",
          "😀",
          "half \ud83d",
          "\ude00 half",
          "漢é",
          "x".repeat(500)
        ]
        for (const [i, text] of chunks.entries()) {
          assert.strictEqual(yield* store.appendLog(key, { time: `${i}`, text }), "appended")
          assert.strictEqual(yield* store.appendLog(key, { time: `${i}`, text }), "repeated")
        }
        const whole = chunks.join("")
        for (const limit of [1, 2, 3, 7, 1000, 100_000]) {
          const { end, parts } = yield* inParts(store, limit)
          assert.strictEqual(parts.join(""), whole)
          assert.strictEqual(end, whole.length)
          assert.isTrue(parts.every((part) => part.isWellFormed() && part.length <= limit + 1))
        }
      }))

    test("chunks that come at once are all there, each whole", (store) =>
      Effect.gen(function* () {
        const times = Array.from({ length: 20 }, (_, i) => `${i}`)
        const arrived = yield* Effect.forEach(
          [...times, ...times],
          (time) => store.appendLog(key, { time, text: `<${time}>` }),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(arrived.filter((each) => each === "appended").length, 20)
        assert.strictEqual(arrived.filter((each) => each === "repeated").length, 20)
        const { text } = yield* store.readLog(key, 0, 1000)
        assert.sameMembers(
          [...(text.match(/<\d+>/g) ?? [])],
          times.map((time) => `<${time}>`)
        )
        assert.strictEqual(
          text.length,
          times.reduce((sum, time) => sum + time.length + 2, 0)
        )
      }))

    test("the log goes with its job, and with no other", (store) =>
      Effect.gen(function* () {
        const other = jobRecord("u").key
        const third = jobRecord("v").key
        for (const task of ["t", "u", "v"]) yield* store.addJob(jobRecord(task))
        for (const each of [third, other, key]) yield* store.appendLog(each, { time: "1", text: "log" })
        yield* store.changeJob(key, () => Result.succeed([undefined, undefined]))
        yield* store.changeJobs({ task: "u" }, () => undefined)
        yield* store.changeJobs({ task: "v" }, (job) => ({ ...job, state: "success" }))
        assert.deepStrictEqual(yield* store.readLog(key, 0, 100), { text: "", next: 0 })
        assert.deepStrictEqual(yield* store.readLog(other, 0, 100), { text: "", next: 0 })
        assert.strictEqual((yield* store.readLog(third, 0, 100)).text, "log")
        assert.strictEqual(yield* store.appendLog(key, { time: "1", text: "anew" }), "appended")
        assert.deepStrictEqual(yield* store.readLog(key, 0, 100), { text: "anew", next: 4 })
      }))
  })
}
