/** Whatever a task's process says, with whatever token: an answer in JSON, and never a failure of the central. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { executionDocument, executionOperations } from "../protocol/executionOperations.ts"
import { ask, port, served, sign } from "./served.ts"
import { claimed, idOf, started, tokenFor } from "./taskSite.ts"

const operations = executionOperations(executionDocument()).filter(([, path]) => path !== "/health")

const word = fc.oneof(
  fc.constantFrom(
    "dag",
    "task",
    "return_value",
    "keys",
    "..",
    "%",
    "a b",
    "a/b",
    "-1",
    "<script>",
    "😀",
    "\u0000"
  ),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 12 })
)
const anything = fc.oneof(word, fc.double(), fc.integer(), fc.constant(null), fc.boolean(), fc.object())
const time = fc.constantFrom("2026-01-01T00:00:00Z", "", "yesterday", "+275760-09-13T00:00:00Z")
const state = fc.record(
  {
    state: fc.oneof(
      fc.constantFrom("success", "failed", "up_for_retry", "deferred", "up_for_reschedule", "queued"),
      anything
    ),
    end_date: fc.oneof(time, anything),
    reschedule_date: fc.oneof(time, anything),
    classpath: word,
    next_method: word,
    next_kwargs: anything,
    retry_delay_seconds: anything,
    tasks: fc.array(fc.oneof(word, fc.tuple(word, fc.integer()))),
    val: fc.oneof(word, fc.constant(null)),
    hostname: anything,
    pid: anything
  },
  { requiredKeys: [] }
)
const body = fc.oneof(
  state.map((one) => JSON.stringify(one)),
  anything.map((one) => JSON.stringify(one) ?? ""),
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "{",
    "[".repeat(50_000),
    `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
    '{"a":1e999}',
    "\ufeff1"
  )
)

const filled = (path: string, id: string, words: ReadonlyArray<string>) => {
  let at = 0
  return path.replace(/\{(\w+)\}/g, (_, name: string) =>
    name === "task_instance_id" ? id : encodeURIComponent((words[at++ % words.length] ?? "").toWellFormed())
  )
}

const request = fc.record({
  operation: fc.constantFrom(...operations),
  words: fc.array(word, { minLength: 4, maxLength: 4 }),
  query: fc.dictionary(
    fc.constantFrom(
      "map_index",
      "offset",
      "start",
      "step",
      "dag_id",
      "run_id",
      "name",
      "uri",
      "key",
      "prefix",
      "limit"
    ),
    word
  ),
  body
})

layer(served(), { excludeTestServices: true })("the Execution API of the embedded central", (it) => {
  it.effect(
    "answers whatever it hears",
    () =>
      Effect.gen(function* () {
        const at = yield* port
        const jobs = yield* Effect.forEach(Array.from({ length: 3 }), () => started())
        const tokens = yield* Effect.forEach(jobs, (job) => tokenFor(idOf(job)))
        const context = yield* Effect.context<never>()
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(request, fc.nat({ max: 2 }), async ({ body, operation, query, words }, n) => {
              const [method, path] = operation
              const job = jobs[n]
              const asked = new URLSearchParams(
                Object.entries(query).map(([name, value]): [string, string] => [name, value.toWellFormed()])
              )
              const url = `/execution${filled(path, job === undefined ? "" : idOf(job), words)}?${asked}`
              const heard = await Effect.runPromiseWith(context)(
                ask(at, method.toUpperCase(), url, { token: `Bearer ${tokens[n]}`, body })
              )
              assert.isTrue(
                heard.status >= 200 && heard.status < 500,
                `${method} ${url}: ${heard.status} ${heard.text}`
              )
              if (heard.status >= 400 && method !== "head") assert.property(heard.json, "detail", heard.text)
            }),
            { numRuns: 600, seed: 5 }
          )
        )
      }),
    60_000
  )

  it.effect("lets nobody in without a token that is good, for that task, for that", () =>
    Effect.gen(function* () {
      const at = yield* port
      const job = yield* started()
      const other = yield* claimed()
      const now = Math.floor(Date.now() / 1000)
      const claims = { aud: "urn:airflow.apache.org:task", sub: idOf(job), scope: "execution" }
      const signed = (changes: Readonly<Record<string, unknown>>, key?: string, alg?: string) =>
        Effect.map(
          Effect.promise(() => sign("x", { ...claims, ...changes }, key, alg)),
          (token) => `Bearer ${token}`
        )
      const path = `/execution/task-instances/${idOf(job)}/heartbeat`
      const body = { hostname: "edge-1", pid: 41 }
      const status = (token: string | undefined, url = path, method = "PUT") =>
        Effect.map(ask(at, method, url, { token, body }), (heard) => {
          assert.property(heard.json ?? { detail: "" }, "detail")
          return heard.status
        })
      assert.strictEqual(yield* status(yield* signed({})), 204)
      assert.strictEqual(yield* status(undefined), 401)
      assert.strictEqual(yield* status("Bearer "), 401)
      for (const token of [
        "Bearer x",
        "Bearer a.b.c",
        yield* signed({}, "another secret"),
        yield* signed({}, undefined, "HS256"),
        yield* signed({ aud: "api" }),
        yield* signed({ exp: now - 11 }),
        yield* signed({ nbf: now + 60 }),
        yield* signed({ scope: "workload" }),
        yield* signed({ scope: "admin" }),
        yield* signed({ sub: idOf(other) }),
        yield* signed({ sub: undefined })
      ])
        assert.strictEqual(yield* status(token), 403, token)
      const workload = yield* signed({ scope: "workload" })
      for (const [method, one] of operations) {
        if (one.endsWith("/run")) continue
        const url = `/execution${filled(one, idOf(job), ["1"])}?dag_id=d&run_id=r&name=n&uri=u&key=k&alias_name=a&logical_date=2026-01-01T00:00:00Z`
        const told = yield* status(workload, url, method.toUpperCase())
        assert.include([403, 422], told, `${method} ${one}`)
      }
      const foreign = yield* signed({ sub: idOf(other) })
      for (const [method, one] of operations) {
        if (!one.includes("{task_instance_id}")) continue
        const told = yield* status(
          foreign,
          `/execution${filled(one, idOf(job), ["1"])}`,
          method.toUpperCase()
        )
        assert.include([403, 422], told, `${method} ${one}`)
      }
    })
  )

  it.effect("gives the next token before the present one ends", () =>
    Effect.gen(function* () {
      const at = yield* port
      const job = yield* started()
      const now = Math.floor(Date.now() / 1000)
      const told = (life: number, age: number) =>
        Effect.gen(function* () {
          const claims = {
            aud: "urn:airflow.apache.org:task",
            sub: idOf(job),
            scope: "execution",
            iat: now - age,
            exp: now - age + life
          }
          const token = `Bearer ${yield* Effect.promise(() => sign("x", claims))}`
          const path = `/execution/task-instances/${idOf(job)}/heartbeat`
          const heard = yield* ask(at, "PUT", path, { token, body: { hostname: "edge-1", pid: 41 } })
          assert.strictEqual(heard.status, 204)
          const next = /^refreshed-api-token: (\S+)/im.exec(heard.headers)?.[1]
          if (next === undefined) return false
          assert.strictEqual(
            (yield* ask(at, "PUT", path, { token: `Bearer ${next}`, body: { hostname: "edge-1", pid: 41 } }))
              .status,
            204
          )
          return true
        })
      assert.isFalse(yield* told(600, 0))
      assert.isFalse(yield* told(600, 470))
      assert.isTrue(yield* told(600, 485))
      assert.isFalse(yield* told(60, 20))
      assert.isTrue(yield* told(60, 35))
    })
  )
})
