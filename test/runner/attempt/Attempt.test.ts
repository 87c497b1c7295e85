/** An attempt from its first request to its outcome, as a site and a task see it. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { TaskEnd } from "../../../src/protocol/TaskComms.ts"
import { refusal, token } from "./fakeSite.ts"
import { advance, begin, ended, kind, runContext, settle, stepOf, test, tiId } from "./harness.ts"

const end_date = "2026-01-01T00:00:00Z"
const succeed: TaskEnd = { type: "SucceedTask", end_date }
const succeeded = { _tag: "Succeeded" } as const

describe("an attempt", () => {
  it.effect("asks, begins, beats, tells, and is done when the task is gone", () =>
    test(
      Effect.gen(function* () {
        const { asks, gone, kills, running, sent, site, states, steps, told } = yield* begin({ site: kind })
        const [run] = site.asked
        assert.deepStrictEqual(JSON.parse(run?.body ?? ""), {
          state: "running",
          hostname: "edge-1",
          unixname: "me",
          pid: 4711,
          start_date: "1970-01-01T00:00:00.000Z"
        })
        const details = sent[0]
        assert.isTrue(
          details !== undefined && "details" in details && details.details.type === "StartupDetails"
        )
        yield* advance("12 seconds")
        assert.deepStrictEqual(steps(), ["run", "heartbeat", "heartbeat"])
        assert.deepStrictEqual(JSON.parse(site.asked[1]?.body ?? ""), { hostname: "edge-1", pid: 4711 })
        yield* asks(succeed)
        assert.deepStrictEqual(states(), [{ state: "success", end_date }])
        assert.deepStrictEqual(sent.at(-1), { id: 1, body: null, error: null })
        assert.deepStrictEqual(told, ["success"])
        yield* gone({ _tag: "Exited", code: 0 })
        assert.deepStrictEqual(yield* ended(running), succeeded)
        yield* advance("1 minute")
        assert.deepStrictEqual(steps(), ["run", "heartbeat", "heartbeat", "state"])
        assert.deepStrictEqual(kills, [])
      })
    )
  )

  it.effect("speaks with the newest token, names the version, and carries the trace on", () =>
    test(
      Effect.gen(function* () {
        const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        const { site } = yield* begin({
          site: (asked, n) =>
            n === 2 ? { status: 204, headers: { "refreshed-api-token": token(900, "second") } } : kind(asked),
          task: {
            ti: {
              id: tiId,
              dag_id: "dag",
              task_id: "t",
              run_id: "run",
              try_number: 1,
              dag_version_id: tiId,
              pool_slots: 1,
              priority_weight: 1,
              context_carrier: { traceparent, tracestate: "a=1", baggage: "no", bad: "x\ny" }
            }
          }
        })
        yield* advance("15 seconds")
        assert.deepStrictEqual(
          site.asked.map(({ headers }) => headers["authorization"]),
          ["workload", "execution", "second", "second"].map(
            (name) => `Bearer ${token(name === "second" ? 900 : 600, name)}`
          )
        )
        for (const { headers } of site.asked) {
          assert.strictEqual(headers["airflow-api-version"], "2026-06-30")
          assert.strictEqual(headers["traceparent"], traceparent)
          assert.strictEqual(headers["tracestate"], "a=1")
          assert.match(headers["correlation-id"] ?? "", /^[0-9a-f-]{36}$/)
          assert.notProperty(headers, "baggage")
        }
        assert.strictEqual(new Set(site.asked.map(({ headers }) => headers["correlation-id"])).size, 4)
      })
    )
  )

  it.effect("removes what a former try left before the task begins", () =>
    test(
      Effect.gen(function* () {
        const { sent, site } = yield* begin({
          site: (asked) =>
            stepOf(asked) === "run"
              ? runContext({ xcom_keys_to_clear: ["return_value", "a/b"] })
              : asked.method === "GET"
                ? refusal(404, { reason: "not_found", message: "no XCom" })
                : { status: 200, body: "null" }
        })
        assert.deepStrictEqual(
          site.asked.filter(({ method }) => method === "DELETE").map(({ path }) => path),
          ["/xcoms/dag/run/t/return_value", "/xcoms/dag/run/t/a/b"]
        )
        assert.strictEqual(sent.length, 1)
      })
    )
  )

  it.effect("removes also what is larger than it reads: else no try of the task could ever begin again", () =>
    test(
      Effect.gen(function* () {
        const { sent, steps, site } = yield* begin({
          site: (asked) =>
            stepOf(asked) === "run"
              ? runContext({ xcom_keys_to_clear: ["return_value"] })
              : asked.method === "GET"
                ? { status: 200, headers: { "content-length": String(2 ** 26) }, body: "" }
                : { status: 200, body: "null" }
        })
        assert.deepStrictEqual(
          site.asked.filter(({ method }) => method === "DELETE").map(({ path }) => path),
          ["/xcoms/dag/run/t/return_value"]
        )
        assert.deepStrictEqual([sent.length, ...steps()], [1, "run"])
      })
    )
  )

  it.effect(
    "writes what the task logs and prints in the order in which it was heard, with secrets known by then",
    () =>
      test(
        Effect.gen(function* () {
          const { answerTo, asks, lines, masker, says, wrote } = yield* begin({ site: kind })
          yield* says({ log: { timestamp: "2026-01-01T00:00:00Z", level: "info", event: "one" } })
          yield* wrote("stderr", "two")
          const id = yield* asks({ type: "MaskSecret", value: "hunter22", name: null })
          assert.deepStrictEqual(
            lines.map(({ event }) => event),
            ["one", "two"]
          )
          assert.strictEqual(masker.redactText("it is hunter22"), "it is ***")
          assert.deepStrictEqual(answerTo(id), { id, body: null, error: null })
        })
      )
  )

  it.effect("tells the site that its process died, with the line that Airflow's log has", () =>
    test(
      Effect.gen(function* () {
        const { gone, lines, running, states } = yield* begin({
          site: (asked) => (stepOf(asked) === "run" ? runContext({ should_retry: true }) : { status: 204 })
        })
        yield* gone({ _tag: "Exited", code: 3 })
        assert.deepStrictEqual(yield* ended(running), succeeded)
        assert.deepStrictEqual(
          states().map(({ state }) => state),
          ["up_for_retry"]
        )
        assert.deepStrictEqual(lines, [
          { level: "warning", event: "Process exited abnormally", more: { exit_code: 3 } }
        ])
      })
    )
  )

  it.effect(
    "tells nobody a secret that stands in what a task's process said last, also where that is cut",
    () =>
      test(
        Effect.gen(function* () {
          const { asks, gone, lines, running, states } = yield* begin({
            site: (asked) => (stepOf(asked) === "run" ? runContext({ should_retry: true }) : { status: 204 })
          })
          yield* asks({ type: "MaskSecret", value: "hunter22", name: null })
          yield* gone({
            _tag: "Garbled",
            reason: "a line that is no message",
            said: `hunter22 ${"x".repeat(187)} hunter22 and more`
          })
          yield* ended(running)
          const [{ retry_reason } = { retry_reason: "" }] = states()
          assert.match(
            String(retry_reason),
            /\(a line that is no message: \*\*\* x{187} \*\*\*… \(214 characters\)\)$/
          )
          assert.strictEqual(lines[0]?.event, retry_reason)
        })
      )
  )

  it.effect("kills a task that does not end, five seconds after the site gave it away", () =>
    test(
      Effect.gen(function* () {
        const { kills, running, sent, states } = yield* begin({
          obeys: "kill",
          site: (asked) =>
            stepOf(asked) === "heartbeat" ? refusal(409, { reason: "not_running" }) : kind(asked)
        })
        assert.deepStrictEqual(yield* ended(running), succeeded)
        assert.deepStrictEqual(sent.filter((message) => "cancel" in message).length, 1)
        assert.deepStrictEqual(kills, [10_000])
        assert.deepStrictEqual(states(), [])
      })
    )
  )

  for (const [what, detail, expected] of [
    ["it must not run any more", { reason: "not_running" }, succeeded],
    ["somebody else runs it", { reason: "running_elsewhere" }, { _tag: "Left" }]
  ] as const)
    it.effect(`knows what the job comes to when the site says that ${what}, while the task still runs`, () =>
      test(
        Effect.gen(function* () {
          const { kills, known } = yield* begin({
            obeys: "kill",
            site: (asked) => (stepOf(asked) === "heartbeat" ? refusal(409, detail) : kind(asked))
          })
          yield* advance("5 seconds")
          assert.deepStrictEqual(kills, [])
          assert.strictEqual(known.length, 1)
          assert.deepInclude(known[0], expected)
        })
      )
    )

  it.effect("knows it also where the site does not take its last word, or does not let it begin", () =>
    test(
      Effect.gen(function* () {
        const decided = yield* begin({
          site: (asked) => (stepOf(asked) === "state" ? refusal(404, { reason: "gone" }) : kind(asked))
        })
        yield* decided.asks(succeed)
        assert.deepStrictEqual(decided.known, [succeeded])
        const elsewhere = yield* begin({
          obeys: "kill",
          site: () => refusal(409, { reason: "invalid_state", previous_state: "running" })
        })
        assert.deepStrictEqual(
          elsewhere.known.map(({ _tag }) => _tag),
          ["Left"]
        )
      })
    )
  )

  it.effect("gives a task that has said its last word its overtime", () =>
    test(
      Effect.gen(function* () {
        const { asks, kills, lines, running } = yield* begin({ obeys: "kill", site: kind })
        yield* asks(succeed)
        assert.deepStrictEqual(yield* ended(running), succeeded)
        assert.deepStrictEqual(kills, [25_000])
        assert.match(lines[0]?.event ?? "", /^Task success overtime reached/)
      })
    )
  )

  it.effect("bears an outage for as long as the site does", () =>
    test(
      Effect.gen(function* () {
        let away = false
        const { asks, gone, running, sent, states, told } = yield* begin({
          site: (asked) => (away ? "reset" : kind(asked))
        })
        yield* advance("20 seconds")
        away = true
        yield* advance("290 seconds", 1_000)
        assert.isFalse(sent.some((message) => "cancel" in message))
        away = false
        yield* advance("20 seconds")
        away = true
        yield* asks(succeed)
        yield* gone({ _tag: "Exited", code: 0 })
        yield* advance("200 seconds", 1_000)
        away = false
        assert.deepStrictEqual(yield* ended(running), succeeded)
        assert.deepStrictEqual(told, ["success"])
        assert.isAbove(states().length, 5)
      })
    )
  )

  it.effect("ends a task whose site has been away for too long, and still tells its state", () =>
    test(
      Effect.gen(function* () {
        let away = false
        const { lines, running, told } = yield* begin({ site: (asked) => (away ? "reset" : kind(asked)) })
        away = true
        yield* advance("304 seconds", 1_000)
        assert.match(
          lines[0]?.event ?? "",
          /^Too many failed heartbeats \(60\), the last one: the connection to site.test broke/
        )
        away = false
        assert.deepStrictEqual(yield* ended(running), succeeded)
        assert.deepStrictEqual(told, ["failed"])
      })
    )
  )

  it.effect("is as patient as Airflow where the operator wants that", () =>
    test(
      Effect.gen(function* () {
        let away = false
        const { running, sent } = yield* begin({
          settings: { outageTolerance: Duration.zero },
          site: (asked) => (away ? "reset" : kind(asked))
        })
        away = true
        // Three times the mean of its four waits: 1, 1.5, 2.5 and 4.5 seconds.
        yield* advance("29 seconds")
        assert.isFalse(sent.some((message) => "cancel" in message))
        yield* advance("2 seconds")
        assert.isTrue(sent.some((message) => "cancel" in message))
        away = false
        assert.deepStrictEqual(yield* ended(running), succeeded)
      })
    )
  )

  it.effect("is stopped by the worker: asked, then killed, and its state is told", () =>
    test(
      Effect.gen(function* () {
        const { kills, running, sent, states } = yield* begin({ obeys: "kill", site: kind })
        yield* running.stop("term")
        yield* advance("1 minute")
        assert.deepStrictEqual([sent.filter((message) => "cancel" in message).length, kills.length], [1, 0])
        yield* running.stop("kill")
        assert.deepStrictEqual(yield* ended(running), succeeded)
        assert.deepStrictEqual(
          states().map(({ state }) => state),
          ["failed"]
        )
      })
    )
  )

  it.effect("does not hold up a worker that is stopped while the site is away", () =>
    test(
      Effect.gen(function* () {
        let away = false
        const { running } = yield* begin({ site: (asked) => (away ? "silence" : kind(asked)) })
        away = true
        yield* running.stop("kill")
        yield* advance("31 seconds")
        const outcome = yield* ended(running)
        assert.strictEqual(
          outcome._tag === "Failed" ? outcome.reason : "",
          "the site could not be told that the task is failed: the worker was stopped while the site was away"
        )
      })
    )
  )

  it.effect("answers side by side, keeps changes in their order, and ends after all of them", () =>
    test(
      Effect.gen(function* () {
        let away: string | undefined = "/variables/slow"
        const { asks, gone, running, site, states } = yield* begin({
          site: (asked) => {
            if (asked.path === away) return "silence"
            if (asked.path.startsWith("/variables/")) return { status: 200, body: '{"key":"k","value":"v"}' }
            return kind(asked)
          }
        })
        const put = (key: string) => asks({ type: "PutVariable", key, value: "1", description: null })
        const names = () =>
          site.asked.flatMap(({ path }) => (path.startsWith("/variables/") ? [path.slice(11)] : []))
        yield* asks({ type: "GetVariable", key: "slow" })
        yield* asks({ type: "GetVariable", key: "quick" })
        yield* put("changed")
        yield* asks({ type: "GetVariable", key: "after" })
        assert.deepStrictEqual(names(), ["slow", "quick"])
        away = "/variables/last"
        // The first attempt of the slow one has to run into its limit.
        yield* advance("10 seconds")
        assert.deepStrictEqual(names(), ["slow", "quick", "slow", "changed", "after"])
        yield* put("last")
        yield* asks(succeed)
        yield* gone({ _tag: "Exited", code: 0 })
        yield* settle
        assert.deepStrictEqual(states(), [])
        away = undefined
        assert.deepStrictEqual(yield* ended(running), succeeded)
        assert.deepStrictEqual(names().slice(5), ["last", "last"])
        assert.strictEqual(states().length, 1)
      })
    )
  )

  it.effect("does not let the end wait for what the task has asked and wants to know no more", () =>
    test(
      Effect.gen(function* () {
        const { answerTo, asks, site, states } = yield* begin({
          site: (asked) => (asked.method === "GET" ? "silence" : kind(asked))
        })
        const slow = yield* asks({ type: "GetVariable", key: "slow" })
        yield* asks({ type: "PutVariable", key: "changed", value: "1", description: null })
        yield* asks({ type: "GetVariable", key: "after" })
        yield* asks(succeed)
        assert.strictEqual(states().length, 1)
        // The change is made in its turn; what stands behind it is not asked any more.
        assert.deepStrictEqual(
          site.asked.map(({ path }) => path).filter((path) => path.startsWith("/variables/")),
          ["/variables/slow", "/variables/changed"]
        )
        assert.match(JSON.stringify(answerTo(slow)), /the task has said its last word/)
        const late = yield* asks({ type: "GetVariable", key: "late" })
        assert.isUndefined(answerTo(late))
      })
    )
  )

  it.effect("refuses more requests at once than memory bears", () =>
    test(
      Effect.gen(function* () {
        const { answerTo, asks, says } = yield* begin({
          site: (asked) => (asked.method === "GET" ? "silence" : kind(asked))
        })
        for (let id = 2; id <= 1_001; id++) yield* says({ id, body: { type: "GetVariable", key: "slow" } })
        const id = yield* asks({ type: "GetVariable", key: "slow" })
        assert.deepStrictEqual(answerTo(id), {
          id,
          body: null,
          error: {
            type: "ErrorResponse",
            error: "GENERIC_ERROR",
            detail: { message: "more than 1000 requests at once" }
          }
        })
      })
    )
  )
})
