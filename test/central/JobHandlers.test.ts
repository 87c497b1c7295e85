/** The central's own API as it is on the wire: who may do what, what is refused, and with which words. */

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as fc from "fast-check"
import { Accounts, type Identity, Unauthenticated } from "../../src/central/Accounts.ts"
import * as JobHandlers from "../../src/central/JobHandlers.ts"
import { Jobs } from "../../src/central/Jobs.ts"
import { CentralConfig } from "../../src/config/CentralConfig.ts"
import { testCentralSettings } from "../../src/testing/centralSettings.ts"
import { parameters } from "../fuzz/fuzz.ts"
import { claim, jobsLayer, report } from "./jobsHarness.ts"

const people: Readonly<Record<string, Identity>> = {
  vera: { name: "vera", roles: new Set(["view"]) },
  olga: { name: "olga", roles: new Set(["operate"]) },
  sam: { name: "sam", roles: new Set(["submit", "view"]) },
  sue: { name: "sue", roles: new Set(["submit"]) }
}

const accounts = Layer.mock(Accounts)({
  authenticate: ({ value }) => {
    const known = people[Redacted.value(value)]
    return known === undefined
      ? Effect.fail(new Unauthenticated({ reason: "Not logged in, or no longer" }))
      : Effect.succeed(known)
  }
})

const services = jobsLayer()
const runtime = ManagedRuntime.make(services)

/** A server without a socket, over the same jobs. */
const server = (allowRawWorkloads: boolean) =>
  HttpRouter.toWebHandler(
    JobHandlers.layer.pipe(
      Layer.provide([accounts, Layer.succeed(CentralConfig, testCentralSettings({ allowRawWorkloads }))]),
      Layer.provide(Layer.effectContext(runtime.contextEffect)),
      Layer.provide(HttpServer.layerServices)
    ),
    { disableLogger: true }
  )

let strict: ReturnType<typeof server>
let open: ReturnType<typeof server>
beforeAll(() => {
  strict = server(false)
  open = server(true)
})
afterAll(async () => {
  await strict.dispose()
  await open.dispose()
  await runtime.dispose()
})

const call = async (who: string | undefined, method: string, path: string, body?: unknown, at = strict) => {
  const response = await at.handler(
    new Request(`http://central/central/v1${path}`, {
      method,
      headers: {
        host: "localhost",
        ...(who === undefined ? {} : { authorization: `Bearer ${who}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" })
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
    })
  )
  const text = await response.text()
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) }
}

const job = (run: string) => ({ dag_id: "dag", task_id: "task", run_id: run })
const path = (run: string) => `/jobs/dag/task/${run}/1/-1`

describe("submit", () => {
  it("answers 201 with the job, and 409 for the same key", async () => {
    const first = await call("sam", "POST", "/jobs", { ...job("r1"), conf: { a: 1 }, slots: 2, priority: 5 })
    assert.strictEqual(first.status, 201)
    assert.deepStrictEqual(
      { ...first.body, task_instance_id: "", queued: "", last_update: "" },
      {
        ...job("r1"),
        try_number: 1,
        map_index: -1,
        task_instance_id: "",
        state: "queued",
        queue: "default",
        slots: 2,
        priority: 5,
        team: null,
        worker: null,
        submitted_by: "sam",
        reason: null,
        claims: 0,
        retries: 0,
        next_try: null,
        queued: "",
        last_update: ""
      }
    )
    assert.deepStrictEqual(await call("sam", "POST", "/jobs", job("r1")), {
      status: 409,
      body: { detail: "there is a job dag.task run=r1 try=1 already" }
    })
  })

  it.each([
    ["no task", { dag_id: "dag" }, "task_id"],
    ["a folder for a name", { ...job("r"), dag_id: ".." }, "dag_id"],
    ["a path for a name", { ...job("r"), task_id: "a/b" }, "task_id"],
    ["a script for a name", { ...job("r"), task_id: "<script>" }, "task_id"],
    ["a control character", { ...job("r"), dag_id: "a\u001b[31m" }, "dag_id"],
    ["a line end", { ...job("r"), dag_id: "a\n" }, "dag_id"],
    ["a path for a run", { ...job("../../etc"), dag_id: "d" }, "run_id"],
    ["a long name", { ...job("r"), dag_id: "a".repeat(251) }, "dag_id"],
    ["a long queue", { ...job("r"), queue: "q".repeat(257) }, "queue"],
    ["no slots", { ...job("r"), slots: 0 }, "slots"],
    ["half a slot", { ...job("r"), slots: 0.5 }, "slots"],
    ["a huge priority", { ...job("r"), priority: 2 ** 40 }, "priority"],
    ["retries for ever", { ...job("r"), retries: 1001 }, "retries"],
    ["half a retry", { ...job("r"), retries: 0.5 }, "retries"],
    ["a delay of two years", { ...job("r"), retry_delay: 63_072_000 }, "retry_delay"],
    ["a large conf", { ...job("r"), conf: "x".repeat(65_535) }, "conf"]
  ])("refuses %s", async (_, body, field) => {
    const answer = await call("sam", "POST", "/jobs", body)
    assert.strictEqual(answer.status, 422)
    assert.deepStrictEqual(answer.body.detail[0].loc, ["body", field])
  })

  it("refuses what is no JSON", async () => {
    assert.include([400, 422], (await call("sam", "POST", "/jobs", "{")).status)
  })

  it.each([
    ["deep", 3_000],
    ["very deep", 32_000],
    ["absurdly deep", 400_000]
  ])("survives a %s conf", async (_, depth) => {
    const nested = `${"[".repeat(depth)}${"]".repeat(depth)}`
    const body = JSON.stringify({ ...job(`deep${depth}`), conf: 0 }).replace(":0}", `:${nested}}`)
    assert.isBelow((await call("sam", "POST", "/jobs", body)).status, 500)
    const raw = await call("sam", "POST", "/workloads", `{"workload": ${nested}}`, open)
    assert.isBelow(raw.status, 500)
  })

  it("answers whatever is sent without an error of its own", async () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("..", "%2f", "\u0000", "x".repeat(300))
    )
    const value = fc.oneof(text, fc.jsonValue(), fc.double(), fc.constant({ __proto__: null }))
    const names = [
      "dag_id",
      "task_id",
      "run_id",
      "map_index",
      "queue",
      "slots",
      "priority",
      "retries",
      "retry_delay",
      "conf",
      "workload"
    ]
    const bodies = fc.oneof(
      fc.dictionary(fc.constantFrom(...names), value).map((body) => ({ ...job("any"), ...body })),
      fc.jsonValue()
    )
    await fc.assert(
      fc.asyncProperty(bodies, fc.array(text, { maxLength: 6 }), async (body, parts) => {
        for (const at of ["/jobs", "/workloads"]) {
          assert.isBelow((await call("sam", "POST", at, body, open)).status, 500)
        }
        const key = `/jobs/${parts.map((part) => encodeURIComponent(part.toWellFormed())).join("/")}`
        for (const at of [key, `${key}/log?from=${encodeURIComponent(parts.join("").toWellFormed())}`]) {
          assert.isBelow((await call("vera", "GET", at)).status, 500)
        }
        assert.isBelow((await call("olga", "POST", `${key}/cancel`)).status, 500)
      }),
      parameters(150)
    )
  })

  it("takes a conf of the largest size", async () => {
    const answer = await call("sam", "POST", "/jobs", { ...job("large"), conf: "x".repeat(65_534) })
    assert.strictEqual(answer.status, 201)
  })
})

describe("a caller", () => {
  it("has to be known", async () => {
    for (const who of [undefined, "nobody", ""]) {
      for (const [method, at] of [
        ["POST", "/jobs"],
        ["POST", "/workloads"],
        ["GET", path("r1")],
        ["GET", `${path("r1")}/log`],
        ["POST", `${path("r1")}/cancel`]
      ] as const) {
        const answer = await call(who, method, at, method === "POST" ? {} : undefined)
        assert.deepStrictEqual(answer, { status: 401, body: { detail: "Not logged in, or no longer" } })
      }
    }
  })

  it.each([
    ["vera", "POST", "/jobs", job("r9"), "submit"],
    ["olga", "POST", "/jobs", job("r9"), "submit"],
    ["olga", "GET", path("r1"), undefined, "view"],
    ["sue", "GET", `${path("r1")}/log`, undefined, "view"],
    ["vera", "POST", `${path("r1")}/cancel`, undefined, "operate"],
    // a job of somebody else
    ["sue", "POST", `${path("r1")}/cancel`, undefined, "operate"]
  ])("%s needs a permission for %s %s", async (who, method, at, body, role) => {
    assert.deepStrictEqual(await call(who, method, at, body), {
      status: 403,
      body: { detail: `${who} has no permission to ${role}` }
    })
  })
})

describe("a job", () => {
  it("is seen, logged and cancelled", async () => {
    const run = "manual__2026-01-01T00:00:00.000000+00:00"
    await call("sam", "POST", "/jobs", { ...job(run), priority: 100 })
    const held = await runtime.runPromise(claim("w1"))
    assert.strictEqual(held.run_id, run)
    await runtime.runPromise(report(held, "running"))
    await runtime.runPromise(
      Jobs.use((jobs) => jobs.pushLog(held, { time: "t", text: "hello\n" }, held.task_instance_id ?? null))
    )
    const at = path(encodeURIComponent(run))
    const seen = await call("vera", "GET", at)
    assert.deepStrictEqual([seen.status, seen.body.state, seen.body.worker], [200, "running", "w1"])
    assert.deepStrictEqual((await call("vera", "GET", `${at}/log?from=2`)).body, {
      text: "llo\n",
      next: 6,
      ended: false,
      state: "running"
    })
    assert.strictEqual((await call("vera", "GET", `${at}/log?from=-1`)).status, 422)
    const cancelled = await call("olga", "POST", `${at}/cancel`)
    assert.deepStrictEqual(
      [cancelled.status, cancelled.body.state, cancelled.body.reason],
      [200, "removed", "cancelled by olga"]
    )
    // its own: needs no `operate`
    assert.strictEqual((await call("sam", "POST", `${path("large")}/cancel`)).status, 200)
  })

  it("that is not there is 404, one that has ended is not cancelled", async () => {
    assert.strictEqual((await call("vera", "GET", path("no"))).status, 404)
    assert.strictEqual((await call("vera", "GET", `${path("no")}/log`)).status, 404)
    assert.strictEqual((await call("olga", "POST", `${path("no")}/cancel`)).status, 404)
    assert.strictEqual((await call("vera", "GET", "/jobs/dag/task/r1/x/-1")).status, 422)
    await call("sam", "POST", "/jobs", { ...job("done"), priority: 200 })
    const held = await runtime.runPromise(claim("w1"))
    await runtime.runPromise(report(held, "success"))
    assert.deepStrictEqual(await call("olga", "POST", `${path("done")}/cancel`), {
      status: 409,
      body: { detail: "the job has ended already: success" }
    })
  })
})

describe("a job with retries", () => {
  it("names the try that follows, and is cancelled with it", async () => {
    const again = { ...job("again"), priority: 300, retries: 1, retry_delay: 60.5 }
    assert.deepInclude((await call("sam", "POST", "/jobs", again)).body, { retries: 1, next_try: null })
    const held = await runtime.runPromise(claim("w1"))
    await runtime.runPromise(report(held, "running"))
    await runtime.runPromise(report(held, "failed"))
    const first = await call("vera", "GET", path("again"))
    assert.deepInclude(first.body, { state: "failed", try_number: 1, next_try: 2 })
    const { body } = await call("vera", "GET", path("again").replace("/1/", "/2/"))
    assert.deepInclude(body, { state: "up_for_retry", try_number: 2, next_try: null, claims: 0 })
    assert.strictEqual(Date.parse(body.queued) - Date.parse(body.last_update), 60_500)
    const cancelled = await call("sam", "POST", `${path("again")}/cancel`)
    assert.deepInclude(cancelled.body, { state: "removed", try_number: 2 })
  })
})

describe("a raw workload", () => {
  const ti = {
    ...job("raw"),
    try_number: 1,
    map_index: -1,
    id: "01900000-0000-7000-8000-000000000000",
    dag_version_id: "01900000-0000-7000-8000-000000000001",
    pool_slots: 1,
    priority_weight: 1
  }
  const workload = {
    type: "ExecuteTask",
    token: "",
    dag_rel_path: "d.py",
    bundle_info: { name: "b" },
    log_path: null,
    ti
  }

  it("is refused unless the central was started to take it", async () => {
    assert.strictEqual((await call("sam", "POST", "/workloads", { workload })).status, 403)
    assert.strictEqual((await call("vera", "POST", "/workloads", { workload }, open)).status, 403)
    assert.strictEqual((await call("sam", "POST", "/workloads", { workload }, open)).status, 201)
    assert.strictEqual((await call("sam", "POST", "/workloads", { workload }, open)).status, 409)
    const callback = { ...workload, type: "ExecuteCallback" }
    assert.strictEqual((await call("sam", "POST", "/workloads", { workload: callback }, open)).status, 400)
  })
})
