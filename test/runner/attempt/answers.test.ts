/** Every answer that a site can give, at every step of an attempt, for once and for ever: what becomes of the task and the job. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { TaskEnd } from "../../../src/protocol/TaskComms.ts"
import { type Answer, type Asked, refusal } from "./fakeSite.ts"
import { begin, ended, kind, runContext, stepOf, test } from "./harness.ts"

const faults = {
  "400": refusal(400, { reason: "invalid_format", message: "no" }),
  "401": refusal(401, "Missing auth token"),
  "403": refusal(403, "Invalid auth token"),
  "404": refusal(404, { reason: "not_found", message: "no such thing" }),
  "409": refusal(409, { reason: "invalid_state", message: "no", previous_state: "success" }),
  "409 running": refusal(409, { reason: "invalid_state", message: "no", previous_state: "running" }),
  "409 elsewhere": refusal(409, { reason: "running_elsewhere", message: "no", current_pid: 1 }),
  "410": refusal(410, { reason: "not_found", message: "archived" }),
  "422": refusal(422, [{ loc: ["body", "x"], msg: "bad", type: "t", input: "what was sent" }]),
  "429": { status: 429, body: "slow down" },
  "500": { status: 500, body: '{"message":"Internal server error","correlation-id":"x"}' },
  "503": { status: 503, body: "<html><title>maintenance</title></html>" },
  reset: "reset",
  silence: "silence",
  garbage: { status: 200, body: "<html>log in to the hotel's wifi</html>" },
  "a gateway's 404": { status: 404, body: "<html>nothing here</html>" },
  "no such route": refusal(404, "Not Found"),
  redirect: { status: 302, headers: { location: "http://elsewhere.test/" } }
} satisfies Record<string, Answer>
type Fault = keyof typeof faults

const outages = [
  "429",
  "500",
  "503",
  "reset",
  "silence",
  "garbage",
  "a gateway's 404",
  "no such route",
  "redirect"
] as const
const outage = <A>(value: A) =>
  Object.fromEntries(outages.map((fault) => [fault, value])) as Record<(typeof outages)[number], A>

/** The job's outcome, and the state that the site has taken, if any. */
type Expected = readonly [outcome: "Succeeded" | "Failed" | "Left", state: string | undefined]
const failedJob: Expected = ["Failed", undefined]
const toldFailed: Expected = ["Succeeded", "failed"]
const toldSuccess: Expected = ["Succeeded", "success"]
const untold: Expected = ["Succeeded", undefined]
const left: Expected = ["Left", undefined]

const steps = {
  run: (asked: Asked) => stepOf(asked) === "run",
  "xcom clear": ({ path }: Asked) => path.startsWith("/xcoms/"),
  heartbeat: (asked: Asked) => stepOf(asked) === "heartbeat",
  request: ({ path }: Asked) => path.startsWith("/variables/"),
  state: (asked: Asked) => stepOf(asked) === "state"
}
type Step = keyof typeof steps

/** Where the answer never changes. */
const forEver: Readonly<Record<Step, Readonly<Record<Fault, Expected>>>> = {
  run: {
    "400": failedJob,
    "401": failedJob,
    "403": failedJob,
    "404": failedJob,
    "409": failedJob,
    "409 running": left,
    "409 elsewhere": failedJob,
    "410": failedJob,
    "422": failedJob,
    ...outage(failedJob)
  },
  "xcom clear": {
    "400": toldFailed,
    "401": toldFailed,
    "403": toldFailed,
    "404": toldSuccess,
    "409": toldFailed,
    "409 running": toldFailed,
    "409 elsewhere": toldFailed,
    "410": toldFailed,
    "422": toldFailed,
    ...outage(toldFailed)
  },
  heartbeat: {
    "400": toldFailed,
    "401": toldFailed,
    "403": toldFailed,
    "404": untold,
    "409": untold,
    "409 running": untold,
    "409 elsewhere": left,
    "410": untold,
    "422": toldFailed,
    ...outage(toldFailed)
  },
  request: {
    "400": toldSuccess,
    "401": toldSuccess,
    "403": toldSuccess,
    "404": toldSuccess,
    "409": toldSuccess,
    "409 running": toldSuccess,
    "409 elsewhere": toldSuccess,
    "410": toldSuccess,
    "422": toldSuccess,
    ...outage(toldSuccess)
  },
  state: {
    "400": failedJob,
    "401": failedJob,
    "403": failedJob,
    "404": untold,
    "409": untold,
    "409 running": untold,
    "409 elsewhere": untold,
    "410": untold,
    "422": failedJob,
    ...outage(failedJob)
  }
}

/** Where the first two answers are such; what is not here ends as above. */
const twice: Readonly<Record<Step, Readonly<Partial<Record<Fault, Expected>>>>> = {
  run: outage(toldSuccess),
  "xcom clear": outage(toldSuccess),
  heartbeat: {
    "400": toldSuccess,
    "401": toldSuccess,
    "403": toldSuccess,
    "422": toldSuccess,
    ...outage(toldSuccess)
  },
  request: {},
  // A second word is taken once the first is refused; a refused token may be good again.
  state: {
    "400": failedJob,
    "401": toldSuccess,
    "403": toldSuccess,
    "422": failedJob,
    ...outage(toldSuccess)
  }
}

const permission = (status_code: number) => ({
  body: { type: "ErrorResponse", error: "PERMISSION_DENIED", detail: { key: "k", status_code } },
  error: null
})
const serverError = (status_code: number | null) => ({
  body: null,
  error: { type: "ErrorResponse", error: "API_SERVER_ERROR", detail: { status_code } }
})

/** What a task hears that asks for a variable. */
const replies: Readonly<Record<Fault, { readonly body: unknown; readonly error: unknown }>> = {
  "400": serverError(400),
  "401": permission(401),
  "403": permission(403),
  "404": { body: { type: "ErrorResponse", error: "VARIABLE_NOT_FOUND", detail: { key: "k" } }, error: null },
  "409": serverError(409),
  "409 running": serverError(409),
  "409 elsewhere": serverError(409),
  "410": serverError(410),
  "422": serverError(422),
  "429": serverError(429),
  "500": serverError(500),
  "503": serverError(503),
  reset: serverError(null),
  silence: serverError(null),
  garbage: serverError(200),
  "a gateway's 404": serverError(404),
  "no such route": serverError(404),
  redirect: serverError(302)
}

const succeed: TaskEnd = { type: "SucceedTask", end_date: "2026-01-01T00:00:00Z" }

/** A task that asks for a variable, waits, and says that it has succeeded when it is not stopped before. */
const live = Effect.fnUntraced(function* (step: Step, fault: Fault, times: number) {
  let seen = 0
  const attempt = yield* begin({
    site: (asked) => {
      if (steps[step](asked) && ++seen <= times) return faults[fault]
      if (stepOf(asked) === "run") return runContext({ xcom_keys_to_clear: ["return_value"] })
      if (asked.path.startsWith("/xcoms/") && asked.method === "GET")
        return { status: 200, body: '{"key":"k","value":1}' }
      return asked.path.startsWith("/variables/")
        ? { status: 200, body: '{"key":"k","value":"v"}' }
        : kind(asked)
    }
  })
  // What it does when it is begun, in the order of a task.
  const task = Effect.gen(function* () {
    while (!attempt.sent.some((message) => "details" in message)) yield* Effect.sleep(100)
    const id = yield* attempt.asks({ type: "GetVariable", key: "k" })
    while (attempt.answerTo(id) === undefined) yield* Effect.sleep(100)
    yield* Effect.sleep(step === "heartbeat" ? 700_000 : 1_000)
    const last = yield* attempt.asks(succeed)
    while (attempt.answerTo(last) === undefined) yield* Effect.sleep(100)
    yield* attempt.gone({ _tag: "Exited", code: 0 })
  })
  yield* Effect.forkChild(task)
  const outcome = yield* ended(attempt.running, 5_000)
  return { outcome, attempt }
})

const cases = (Object.keys(steps) as ReadonlyArray<Step>).flatMap((step) =>
  (Object.keys(faults) as ReadonlyArray<Fault>).map((fault) => [step, fault] as const)
)

describe.each([
  ["for ever", Number.POSITIVE_INFINITY],
  ["twice", 2]
] as const)("%s", (_, times) => {
  it.effect.each(cases)("%s: %s", ([step, fault]) =>
    test(
      Effect.gen(function* () {
        const { attempt, outcome } = yield* live(step, fault, times)
        const expected = times === 2 ? (twice[step][fault] ?? forEver[step][fault]) : forEver[step][fault]
        assert.deepStrictEqual([outcome._tag, attempt.told[0]], expected)
        assert.isAtMost(attempt.told.length, 1)
        // Neither a token nor what was sent comes back in a message.
        const shown = JSON.stringify([outcome, attempt.lines])
        assert.notMatch(shown, /eyJ|Bearer|what was sent/)
        if (outcome._tag === "Failed") assert.isAbove(outcome.reason.length, 20)
        if (step !== "request" || times === 2) return
        const reply = attempt.sent.find((message) => "id" in message && message.id === 1)
        const { body, error } = replies[fault]
        if (reply === undefined || !("id" in reply)) return assert.fail("no answer")
        assert.deepStrictEqual(reply.body, body as never)
        assert.strictEqual(reply.error?.error, (error as { error?: string } | null)?.error as never)
        if (reply.error !== null)
          assert.strictEqual(
            reply.error.detail?.["status_code"],
            (error as { detail: { status_code: number } }).detail.status_code
          )
      })
    )
  )
})

it.effect("is told as failed where the site dislikes only what a task said", () =>
  test(
    Effect.gen(function* () {
      const { asks, gone, running, sent, told } = yield* begin({
        site: (asked) =>
          asked.body.includes("outlet_events")
            ? refusal(422, { reason: "invalid_partition_key", message: "bad key" })
            : kind(asked)
      })
      const id = yield* asks({ ...succeed, outlet_events: [{}] } as TaskEnd)
      yield* gone({ _tag: "Exited", code: 0 })
      assert.deepStrictEqual(yield* ended(running), { _tag: "Succeeded" })
      assert.deepStrictEqual(told, ["failed"])
      const answer = sent.find((message) => "id" in message && message.id === id)
      assert.match(JSON.stringify(answer), /bad key/)
    })
  )
)
