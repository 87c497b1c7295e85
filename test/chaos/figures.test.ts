/** What the figures of a chaos excuse as ambiguous, and what they count as a broken promise. */
import { expect, test } from "vitest"
import type { Exchange, Gateway } from "../../scripts/airflow/gateway.ts"
import type { Fault } from "../../scripts/chaos/faults.ts"
import { print } from "../../scripts/chaos/figures.ts"
import type { Verdict } from "../../scripts/chaos/verdict.ts"

const nothing: Verdict = {
  ...{ jobs: 1, tries: 1, missingBytes: 0, missingLines: 0, extraBytes: 0 },
  ...{ lost: [], twice: [], wrong: [], missing: [], copies: [], cutShort: [], neverBegan: [] }
}

const push = (run: string, at: number, text = "line", status = 200): Exchange => ({
  ...{ method: "POST", path: `logs/push/counting/counts/${run}/1/-1`, response: "", status, at },
  request: JSON.stringify({ log_chunk_time: "t", log_chunk_data: text })
})
const registered = (at: number): Exchange => ({
  ...{ method: "POST", path: "worker/chaos", request: "", response: "", status: 200, at }
})

const printed = (
  copies: ReadonlyArray<string>,
  faults: ReadonlyArray<Fault>,
  exchanges: ReadonlyArray<Exchange>,
  unanswered: ReadonlyArray<Exchange> = []
) => {
  let text = ""
  const gateway: Pick<Gateway, "exchanges" | "unanswered"> = { exchanges, unanswered }
  const broken = print({ ...nothing, copies }, faults, gateway, (more) => {
    text += more
  })
  return { broken, text }
}

const kill = (at: number): Fault => ({ kind: "kill", from: at, to: at })

test("a copy is excused by a push of its own try that was unanswered, failed at the site or was cut by a kill", () => {
  expect(printed(["a try 1"], [], []).broken).toBe(1)
  expect(printed(["a try 1"], [], [], [push("a", 1)]).broken).toBe(0)
  expect(printed(["a try 1"], [], [push("a", 1, "line", 500)]).broken).toBe(0)
  expect(printed(["a try 1"], [kill(50_000)], [push("a", 49_500)]).broken).toBe(0)
})

test("no other push excuses it: an earlier one, one of another run, one without text, one for two copies", () => {
  expect(printed(["a try 1"], [kill(50_000)], [push("a", 40_000)]).broken).toBe(1)
  expect(printed(["a try 1"], [], [], [push("b", 1)]).broken).toBe(1)
  expect(printed(["a try 1"], [], [], [push("a", 1, "")]).broken).toBe(1)
  expect(printed(["a try 1", "a try 1"], [], [], [push("a", 1)]).broken).toBe(1)
})

test("each promise counts", () => {
  for (const name of ["lost", "twice", "wrong", "missing"] as const)
    expect(print({ ...nothing, [name]: ["x"] }, [], { exchanges: [], unanswered: [] }, () => {})).toBe(1)
})

test("the time until the worker is back, with and without what other faults took of it", () => {
  const faults = [kill(1000), kill(20_000), { kind: "hang", from: 20_100, to: 24_100 }]
  const { text } = printed([], faults, [registered(1400), registered(24_600)])
  expect(text).toMatch(/worker back after a kill +p50 400 ms, p99 4600 ms \(2 kills\)/)
  expect(text).toMatch(/where nothing else was wrong +p50 400 ms, p99 400 ms \(1 kills\)/)
  expect(text).toMatch(/without the time of other faults +p50 400 ms, p99 600 ms \(2 kills\)/)
})
