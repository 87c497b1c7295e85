/** What a task asks for: where each request goes, what the task hears, and that both are the published protocol's. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Json from "../../../src/protocol/Json.ts"
import { TaskRequest } from "../../../src/protocol/TaskComms.ts"
import { SecretsBackendFailed } from "../../../src/runner/attempt/SecretsBackends.ts"
import { XComBackendFailed } from "../../../src/runner/attempt/XComBackend.ts"
import type { Answer, Asked } from "./fakeSite.ts"
import { begin, kind, type Options, runContext, stepOf, test } from "./harness.ts"
import { type Case, cases as requestCases } from "./requestCases.ts"
import { storeCases } from "./storeCases.ts"
import { described, wrongWith } from "./supervisorSchema.ts"

const cases = [...requestCases, ...storeCases]

/** What a task hears of one request, and what the site is asked for it. */
const ask = Effect.fnUntraced(function* (
  request: TaskRequest,
  site: (asked: Asked) => Answer,
  options: Partial<Options> = {}
) {
  const {
    answerTo,
    asks,
    lines,
    masker,
    site: seen
  } = yield* begin({
    ...options,
    site: (asked) => (stepOf(asked) === undefined ? site(asked) : kind(asked))
  })
  const id = yield* asks(request)
  const reply = answerTo(id)
  return {
    reply: reply !== undefined && "body" in reply ? reply : assert.fail("no answer"),
    asked: seen.asked.filter((asked) => stepOf(asked) === undefined),
    lines,
    masker
  }
})

const shown = ({ method, path, query }: Asked) =>
  `${method} ${path}${query.length === 0 ? "" : `?${query.map(([key, value]) => `${key}=${value}`).join("&")}`}`

describe("each request", () => {
  it.effect.each(cases)("$request.type: $asks", (one: Case) =>
    test(
      Effect.gen(function* () {
        assert.deepStrictEqual(wrongWith(one.request.type, one.request), [])
        assert.isTrue(Schema.is(TaskRequest)(one.request))
        const { asked, reply } = yield* ask(one.request, ({ method }) =>
          one.request.type === "DeleteXCom" && method === "GET"
            ? { status: 200, body: '{"value":1}' }
            : one.answer
        )
        const sent = asked.at(-1)
        assert.strictEqual(sent === undefined ? "" : shown(sent), one.asks)
        assert.deepStrictEqual(sent?.body === "" ? undefined : JSON.parse(sent?.body ?? "null"), one.sends)
        assert.deepStrictEqual([reply.body, reply.error], [one.hears as never, null])
        const type = (one.hears as { type?: string } | null)?.type
        if (type !== undefined) assert.deepStrictEqual(wrongWith(type, reply.body), [])
      })
    )
  )

  it("of the published protocol is among them", () => {
    const asked = new Set(cases.map(({ request }) => request.type as string))
    const askable = described.filter((name) =>
      /^(Get|Set|Put|Delete|Clear|Trigger|Skip|Create|Validate)/.test(name)
    )
    // Only triggers ask for it in Airflow 3.3.2.
    assert.deepStrictEqual(
      askable.filter((name) => !asked.has(name)),
      ["GetHITLDetailResponse"]
    )
  })

  it.effect("begins with details that are the published ones", () =>
    test(
      Effect.gen(function* () {
        const { sent } = yield* begin({
          site: () =>
            runContext({ next_kwargs: { a: 1 }, should_retry: true, start_date: "2026-01-01T00:00:00Z" })
        })
        const first = sent[0]
        if (first === undefined || !("details" in first)) return assert.fail("no details")
        const { ti, ...details } = first.details
        // What the executor adds to a task instance stands beside the schema's.
        const { pool_slots: _, priority_weight: __, ...published } = ti
        assert.deepStrictEqual(wrongWith("StartupDetails", { ...details, ti: published }), [])
        assert.strictEqual(details.start_date, "2026-01-01T00:00:00Z")
      })
    )
  )
})

const place = { dag_id: "dag", run_id: "run", task_id: "t", key: "k" }
const digits = '{"float":1.0,"large":123456789012345678901234567890,"exp":1e400,"minus":-0,"nested":[0.10]}'

describe("JSON", () => {
  it.effect("keeps every digit from the site to the task and back", () =>
    test(
      Effect.gen(function* () {
        const got = yield* ask({ type: "GetXCom", ...place }, () => ({
          status: 200,
          body: `{"key":"k","value":${digits}}`
        }))
        assert.strictEqual(Json.stringify(got.reply.body?.["value"]), digits)
        const value = Json.parse(digits)
        const set = yield* ask({ type: "SetXCom", ...place, value }, () => ({ status: 201, body: "null" }))
        assert.strictEqual(set.asked[0]?.body, digits)
        const kept = yield* ask({ type: "SetAssetStateStoreByName", name: "n", key: "k", value }, () => ({
          status: 204
        }))
        assert.strictEqual(kept.asked[0]?.body, `{"value":${digits}}`)
        const triggered = yield* ask(
          { type: "TriggerDagRun", dag_id: "d", run_id: "r", conf: value },
          () => ({ status: 204 })
        )
        assert.strictEqual(triggered.asked[0]?.body, `{"conf":${digits}}`)
      })
    )
  )

  it.effect("of a deferral keeps them too", () =>
    test(
      Effect.gen(function* () {
        const { asks, site } = yield* begin({ site: kind })
        yield* asks({
          type: "DeferTask",
          classpath: "a.B",
          next_method: "go",
          trigger_kwargs: Json.parse(digits)
        })
        const sent = site.asked.find((asked) => stepOf(asked) === "state")
        assert.include(sent?.body, `"trigger_kwargs":${digits}`)
      })
    )
  )
})

describe("a run that exists", () => {
  it.effect("is cleared where the task wants that", () =>
    test(
      Effect.gen(function* () {
        const { asked, reply } = yield* ask(
          { type: "TriggerDagRun", dag_id: "d", run_id: "r", reset_dag_run: true },
          ({ path }) =>
            path.endsWith("/clear")
              ? { status: 204 }
              : { status: 409, body: '{"detail":{"reason":"already_exists"}}' }
        )
        assert.deepStrictEqual(asked.map(shown), ["POST /dag-runs/d/r", "POST /dag-runs/d/r/clear"])
        assert.deepStrictEqual(reply.body, { type: "OKResponse", ok: true })
      })
    )
  )
})

const nothing = { connection: () => Effect.succeedNone, variable: () => Effect.succeedNone }

describe("secrets", () => {
  it.effect("of a connection and of sensitive variables are hidden from the log", () =>
    test(
      Effect.gen(function* () {
        const connection = cases.find(({ asks }) => asks === "GET /connections/db")
        const { masker } = yield* ask(
          { type: "GetConnection", conn_id: "db" },
          () => connection?.answer ?? "reset"
        )
        assert.strictEqual(masker.redactText("pw-secret extra-secret"), "*** ***")
        const variable = (key: string) =>
          ask({ type: "GetVariable", key }, () => ({
            status: 200,
            body: JSON.stringify({ key, value: "shown-or-not" })
          }))
        assert.strictEqual((yield* variable("api_key")).masker.redactText("shown-or-not"), "***")
        assert.strictEqual((yield* variable("plain")).masker.redactText("shown-or-not"), "shown-or-not")
      })
    )
  )

  it.effect("of a backend come before the site's, and are hidden too", () =>
    test(
      Effect.gen(function* () {
        const fields = {
          conn_id: "db",
          conn_type: "x",
          host: null,
          schema: null,
          login: null,
          port: null,
          extra: null
        }
        const secrets = {
          connection: () => Effect.succeedSome({ ...fields, password: "pw-secret" }),
          variable: () => Effect.succeedSome("")
        }
        const got = yield* ask({ type: "GetConnection", conn_id: "db" }, () => "reset", { secrets })
        assert.deepStrictEqual(got.reply.body, { type: "ConnectionResult", ...fields, password: "pw-secret" })
        assert.deepStrictEqual([got.asked, got.masker.redactText("pw-secret")], [[], "***"])
        const variable = yield* ask({ type: "GetVariable", key: "k" }, () => "reset", { secrets })
        assert.deepStrictEqual(variable.reply.body, { type: "VariableResult", key: "k", value: "" })
      })
    )
  )

  it.effect("are asked of the site where a backend fails, but not where it denies", () =>
    test(
      Effect.gen(function* () {
        const failing = (denied: boolean) => {
          const fail = () => new SecretsBackendFailed({ reason: "the vault is sealed", denied })
          return { secrets: { connection: fail, variable: fail } }
        }
        const site = () => ({ status: 200, body: '{"key":"k","value":"v"}' })
        const failed = yield* ask({ type: "GetVariable", key: "k" }, site, failing(false))
        assert.deepStrictEqual(failed.reply.body, { type: "VariableResult", key: "k", value: "v" })
        assert.deepStrictEqual(failed.lines, [
          { level: "warning", event: "a secrets backend failed: the vault is sealed" }
        ])
        const denied = yield* ask({ type: "GetVariable", key: "k" }, site, failing(true))
        assert.deepStrictEqual(denied.reply.body, {
          type: "ErrorResponse",
          error: "PERMISSION_DENIED",
          detail: { key: "k" }
        })
        assert.deepStrictEqual(denied.asked, [])
      })
    )
  )
})

describe("an XCom backend", () => {
  const purged: Array<unknown> = []
  const xcomBackend = {
    serialize: (value: unknown, { key }: { readonly key: string }) =>
      Effect.succeed({ at: `s3://${key}`, value }),
    deserialize: (stored: unknown, { map_index }: { readonly map_index: number }) =>
      Effect.succeed([map_index, (stored as { value: unknown }).value]),
    purge: (stored: unknown) => Effect.sync(() => void purged.push(stored))
  }
  const options = { xcomBackend, secrets: nothing }

  it.effect("sees every value on its way there and back, and removes what it had put away", () =>
    test(
      Effect.gen(function* () {
        const set = yield* ask(
          { type: "SetXCom", ...place, value: 1 },
          () => ({ status: 201, body: "null" }),
          options
        )
        assert.strictEqual(set.asked[0]?.body, '{"at":"s3://k","value":1}')
        const stored = '{"at":"s3://k","value":1}'
        const body = (text: string) => () => ({ status: 200, body: text })
        const get = yield* ask({ type: "GetXCom", ...place }, body(`{"value":${stored}}`), options)
        assert.deepStrictEqual(get.reply.body?.["value"], [-1, 1])
        const item = yield* ask({ type: "GetXComSequenceItem", ...place, offset: 2 }, body(stored), options)
        assert.deepStrictEqual(item.reply.body?.["root"], [2, 1])
        const slice = { type: "GetXComSequenceSlice", ...place, start: null, stop: null, step: null } as const
        const all = yield* ask(slice, body(`[${stored}]`), options)
        assert.deepStrictEqual(all.reply.body?.["root"], [[-1, 1]])
        yield* ask({ type: "DeleteXCom", ...place }, body(`{"value":${stored}}`), options)
        assert.deepStrictEqual(purged, [{ at: "s3://k", value: 1 }])
      })
    )
  )

  it.effect("that fails fails the request", () =>
    test(
      Effect.gen(function* () {
        const fail = () => new XComBackendFailed({ reason: "no bucket" })
        const backend = { serialize: fail, deserialize: fail, purge: fail }
        const { asked, reply } = yield* ask({ type: "SetXCom", ...place, value: 1 }, () => "reset", {
          xcomBackend: backend
        })
        assert.deepStrictEqual(asked, [])
        assert.deepStrictEqual(reply.error, {
          type: "ErrorResponse",
          error: "GENERIC_ERROR",
          detail: { message: "no bucket", exception_type: "XComBackendFailed" }
        })
      })
    )
  )
})

describe("what a task stores without saying for how long", () => {
  const stored = (settings: NonNullable<Options["settings"]>) =>
    Effect.map(
      ask(
        { type: "SetTaskStateStore", ti_id: "01900000-0000-7000-8000-000000000001", key: "k", value: 1 },
        () => ({ status: 204, body: "" }),
        { settings }
      ),
      ({ asked }) => JSON.parse(asked[0]?.body ?? "null")
    )
  it.effect("is kept as long as the worker's configuration says", () =>
    test(
      Effect.gen(function* () {
        // the test clock begins with 1970
        assert.deepStrictEqual(yield* stored({}), { value: 1, expires_at: "1970-01-31T00:00:00.000Z" })
        assert.deepStrictEqual(yield* stored({ stateRetentionDays: 0 }), { value: 1 })
      })
    )
  )
})

describe("a backend of a program that has a fault", () => {
  it.effect("leaves no task waiting", () =>
    test(
      Effect.gen(function* () {
        const fault = () => Effect.die(new Error("a fault"))
        const { reply } = yield* ask({ type: "GetVariable", key: "k" }, () => "reset", {
          secrets: { connection: fault, variable: fault }
        })
        assert.deepStrictEqual(reply.error, {
          type: "ErrorResponse",
          error: "GENERIC_ERROR",
          detail: { message: "the worker failed: Error: a fault" }
        })
      })
    )
  )
})

describe("a request that the API has no place for", () => {
  it.effect("is the task's error, and no request", () =>
    test(
      Effect.gen(function* () {
        const { asked, reply } = yield* ask(
          { type: "ClearTaskStateStore", ti_id: "../variables/x" },
          () => "reset"
        )
        assert.deepStrictEqual(asked, [])
        assert.deepStrictEqual(reply.error?.error, "API_SERVER_ERROR")
        assert.deepStrictEqual(wrongWith("ErrorResponse", reply.error), [])
      })
    )
  )
})
