/** The central's answers to workers, on a real socket: those that Airflow gives, and every refusal. */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Jobs } from "../../src/central/Jobs.ts"
import { Repository } from "../../src/central/Repository.ts"
import { ask, asWorker, port, raw, served, sign, sysinfo } from "./served.ts"

const body = { state: "starting", jobs_active: 0, queues: null, sysinfo }

const detail = (json: unknown): string =>
  typeof json === "object" && json !== null && "detail" in json && typeof json.detail === "string"
    ? json.detail
    : ""

/** Where FastAPI says that a request does not fit. */
const locs = (json: unknown): ReadonlyArray<string> =>
  typeof json === "object" && json !== null && "detail" in json && Array.isArray(json.detail)
    ? json.detail.map(({ loc }: { readonly loc: ReadonlyArray<unknown> }) => loc.join("."))
    : []

layer(served(), { excludeTestServices: true })("a worker at the embedded central", (it) => {
  it.effect("registers, is seen, and gets orders with its heartbeats", () =>
    Effect.gen(function* () {
      const at = yield* port
      const first = yield* asWorker(at, "POST", "worker/h%C3%B6st%201", body)
      assert.strictEqual(first.status, 200, first.text)
      assert.deepInclude(first.json, { versions_match: true })
      const again = yield* asWorker(at, "POST", "worker/h%C3%B6st%201", body)
      assert.deepStrictEqual(
        [again.status, detail(again.json)],
        [
          409,
          "Worker 'höst 1' is already active in state 'starting'. Cannot start a duplicate worker with the same name."
        ]
      )
      const idle = yield* asWorker(at, "PATCH", "worker/h%C3%B6st%201", {
        ...body,
        state: "idle",
        queues: ["x"]
      })
      assert.deepStrictEqual(
        [idle.status, idle.json],
        [
          200,
          { state: "idle", queues: null, maintenance_comments: null, concurrency: null, versions_match: true }
        ]
      )
      const queues = yield* asWorker(at, "PATCH", "worker/queues/h%C3%B6st%201", {
        new_queues: ["a", "b"],
        remove_queues: ["a"]
      })
      assert.deepStrictEqual([queues.status, queues.json], [200, null], queues.text)
      const after = yield* asWorker(at, "PATCH", "worker/h%C3%B6st%201", { ...body, state: "running" })
      assert.deepInclude(after.json, { queues: ["b"] })
    })
  )

  it.effect("is refused with its versions, but its heartbeat is stored first", () =>
    Effect.gen(function* () {
      const at = yield* port
      const old = { ...sysinfo, airflow_version: "3.1.0" }
      const refused = yield* asWorker(at, "POST", "worker/old", { ...body, sysinfo: old })
      assert.strictEqual(refused.status, 400)
      assert.match(detail(refused.json), /^Edge Worker runs on Airflow 3\.1\.0 which is below/)
      yield* asWorker(at, "POST", "worker/old", body)
      const late = yield* asWorker(at, "PATCH", "worker/old", {
        ...body,
        state: "running",
        jobs_active: 3,
        sysinfo: old
      })
      assert.strictEqual(late.status, 400)
      const [stored] = yield* Repository.use((repository) => repository.workers({ name: "old" }))
      assert.deepInclude(stored, { state: "running", jobsActive: 3 })
    })
  )

  it.effect("that is not known hears so, in Airflow's words", () =>
    Effect.gen(function* () {
      const at = yield* port
      const free = { queues: null, free_concurrency: 1, supports_task_instance_uuid: true }
      for (const [method, path, payload] of [
        ["PATCH", "worker/nobody", body],
        ["POST", "jobs/fetch/nobody", free],
        ["PATCH", "worker/queues/nobody", { new_queues: null, remove_queues: ["a"] }]
      ] as const) {
        const heard = yield* asWorker(at, method, path, payload)
        assert.deepStrictEqual([heard.status, heard.json], [404, { detail: "Worker not found" }], path)
      }
    })
  )

  it.effect("gets a job, reports it, and sends its log once", () =>
    Effect.gen(function* () {
      const at = yield* port
      const jobs = yield* Jobs
      yield* asWorker(at, "POST", "worker/w1", body)
      const free = { queues: ["q"], free_concurrency: 2, supports_task_instance_uuid: true }
      const none = yield* asWorker(at, "POST", "jobs/fetch/w1", free)
      assert.deepStrictEqual([none.status, none.text], [200, "null"])
      const submitted = yield* jobs.submit({ dag_id: "d", task_id: "t", run_id: "r", queue: "q" }, "ada")
      const given = yield* asWorker(at, "POST", "jobs/fetch/w1", free)
      assert.strictEqual(given.status, 200, given.text)
      assert.deepInclude(given.json, { dag_id: "d", task_id: "t", run_id: "r", concurrency_slots: 1 })
      const id = (yield* jobs.get(submitted.key)).taskInstanceId
      assert.deepInclude(given.json, { task_instance_id: id })
      const key = "d/t/r/1/-1"
      const running = yield* asWorker(at, "PATCH", `jobs/state/${key}/running`, { task_instance_id: id })
      assert.deepStrictEqual([running.status, running.text], [200, "null"])
      const chunk = {
        log_chunk_time: "2026-01-01T00:00:00.000001Z",
        log_chunk_data: "hello",
        task_instance_id: id
      }
      const push = (changes: object) => asWorker(at, "POST", `logs/push/${key}`, { ...chunk, ...changes })
      assert.deepStrictEqual((yield* push({})).status, 200)
      assert.deepStrictEqual((yield* push({})).status, 200)
      const other = yield* push({ log_chunk_data: "" })
      assert.deepStrictEqual(
        [other.status, detail(other.json)],
        [500, "there is another log chunk of that time"]
      )
      assert.strictEqual((yield* jobs.readLog(submitted.key, 0)).text, "hello")
      const stale = yield* asWorker(at, "PATCH", `jobs/state/${key}/success`, {
        task_instance_id: "0190fc8e-0000-7000-8000-000000000000"
      })
      assert.strictEqual(stale.status, 409, stale.text)
      const done = yield* asWorker(at, "PATCH", `jobs/state/${key}/success`, { task_instance_id: id })
      assert.strictEqual(done.status, 200)
      assert.strictEqual((yield* jobs.get(submitted.key)).state, "success")
    })
  )

  it.effect("that cannot tell attempts apart gets no job, and without free slots none either", () =>
    Effect.gen(function* () {
      const at = yield* port
      yield* asWorker(at, "POST", "worker/w2", body)
      const old = yield* asWorker(at, "POST", "jobs/fetch/w2", { queues: null, free_concurrency: 1 })
      assert.deepStrictEqual(
        [old.status, detail(old.json)],
        [409, "Upgrade this Edge worker to report task-instance UUIDs."]
      )
      const full = yield* asWorker(at, "POST", "jobs/fetch/w2", {
        queues: null,
        free_concurrency: 0,
        supports_task_instance_uuid: true
      })
      assert.deepStrictEqual([full.status, full.text], [200, "null"])
    })
  )

  it.effect("that registers anew gives back what it did not confirm", () =>
    Effect.gen(function* () {
      const at = yield* port
      const jobs = yield* Jobs
      yield* asWorker(at, "POST", "worker/w3", body)
      const { key } = yield* jobs.submit({ dag_id: "d", task_id: "again", queue: "q3" }, "ada")
      yield* asWorker(at, "POST", "jobs/fetch/w3", {
        queues: ["q3"],
        free_concurrency: 1,
        supports_task_instance_uuid: true
      })
      assert.strictEqual((yield* jobs.get(key)).state, "restarting")
      yield* asWorker(at, "POST", "worker/w3", body)
      assert.strictEqual(
        (yield* jobs.get(key)).state,
        "restarting",
        "a refused registration releases nothing"
      )
      yield* asWorker(at, "PATCH", "worker/w3", { ...body, state: "offline" })
      yield* asWorker(at, "POST", "worker/w3", body)
      assert.strictEqual((yield* jobs.get(key)).state, "queued")
    })
  )

  describe("with something that does not fit", () => {
    for (const [what, method, path, payload, loc] of [
      ["broken JSON", "POST", "worker/w", "{", "body"],
      ["no body", "POST", "worker/w", "", "body"],
      ["a list", "POST", "worker/w", [], "body"],
      ["a state that is none", "POST", "worker/w", { ...body, state: "asleep" }, "body.state"],
      ["queues that are no list", "POST", "worker/w", { ...body, queues: "a" }, "body.queues"],
      ["a sysinfo that nests", "POST", "worker/w", { ...body, sysinfo: { a: {} } }, "body.sysinfo.a"],
      ["a long name", "POST", `worker/${"w".repeat(65)}`, body, "path.worker_name"],
      ["a line end in its name", "POST", "worker/a%0Ab", body, "path.worker_name"],
      ["long queues", "POST", "worker/w", { ...body, queues: ["q".repeat(257)] }, "body.queues"],
      [
        "a long comment",
        "POST",
        "worker/w",
        { ...body, maintenance_comments: "c".repeat(1025) },
        "body.maintenance_comments"
      ],
      ["a count beyond the store", "POST", "worker/w", { ...body, jobs_active: 2 ** 31 }, "body.jobs_active"],
      ["a try that is no number", "PATCH", "jobs/state/d/t/r/x/-1/running", {}, "path.try_number"],
      ["a try beyond the store", "PATCH", "jobs/state/d/t/r/9999999999/-1/running", {}, "path.try_number"],
      ["a state of jobs that is none", "PATCH", "jobs/state/d/t/r/1/-1/done", {}, "path.state"],
      [
        "a time that is none",
        "POST",
        "logs/push/d/t/r/1/-1",
        { log_chunk_time: "now", log_chunk_data: "x" },
        "body.log_chunk_time"
      ]
    ] as const) {
      it.effect(`${what} is told where`, () =>
        Effect.gen(function* () {
          const at = yield* port
          // Python's urlsplit drops line ends, and so does the claim.
          const token = yield* Effect.promise(() => sign(decodeURIComponent(path).replaceAll("\n", "")))
          const heard = yield* ask(at, method, `/edge_worker/v1/${path}`, { token, body: payload })
          assert.strictEqual(heard.status, 422, heard.text)
          assert.include(locs(heard.json), loc)
        })
      )
    }
    it.effect("a state that no worker reports is refused", () =>
      Effect.gen(function* () {
        const heard = yield* asWorker(yield* port, "PATCH", "jobs/state/d/t/r/1/-1/scheduled", {})
        assert.strictEqual(heard.status, 400, heard.text)
      })
    )
  })

  describe("whose token is not good", () => {
    const now = () => Math.floor(Date.now() / 1000)
    const cases: ReadonlyArray<readonly [string, () => Promise<string | undefined>]> = [
      ["missing", async () => undefined],
      ["empty", async () => ""],
      ["no token at all", async () => "Basic YTpi"],
      ["a Bearer's", async () => `Bearer ${await sign("worker/w")}`],
      ["signed with another secret", () => sign("worker/w", {}, "another secret of more than 32 bytes!")],
      ["signed with a weaker algorithm", () => sign("worker/w", {}, undefined, "HS256")],
      ["expired", () => sign("worker/w", { exp: now() - 11, iat: now() - 60, nbf: now() - 60 })],
      ["not yet good", () => sign("worker/w", { nbf: now() + 30 })],
      ["issued in the future", () => sign("worker/w", { iat: now() + 30 })],
      ["without an end", () => sign("worker/w", { exp: undefined })],
      ["without a beginning", () => sign("worker/w", { nbf: undefined })],
      ["without its time", () => sign("worker/w", { iat: undefined })],
      ["for another audience", () => sign("worker/w", { aud: "urn:airflow.apache.org:task" })],
      ["for no audience", () => sign("worker/w", { aud: undefined })],
      ["for another method", () => sign("worker/v")],
      ["for the encoded path", () => sign("/edge_worker/v1/worker/w")],
      ["for no method", () => sign("worker/w", { method: undefined })],
      ["for a list of methods", () => sign("worker/w", { method: ["worker/w"] })],
      [
        "unsigned",
        async () => {
          const [, payload] = (await sign("worker/w")).split(".")
          return `${Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url")}.${payload}.`
        }
      ],
      ["of two parts", async () => (await sign("worker/w")).split(".").slice(0, 2).join(".")]
    ]
    for (const [what, make] of cases) {
      it.effect(`it is ${what}: refused, and nothing is told`, () =>
        Effect.gen(function* () {
          const at = yield* port
          const token = yield* Effect.promise(make)
          const heard = yield* ask(at, "POST", "/edge_worker/v1/worker/w", { token, body })
          assert.strictEqual(heard.status, 403, heard.text)
          assert.match(
            detail(heard.json),
            /^Forbidden\. The server side traceback may be identified with error_id=[0-9a-f-]{36}$/
          )
          assert.notMatch(heard.headers, /www-authenticate/i)
        })
      )
    }
    it.effect("a clock that is a little off is borne", () =>
      Effect.gen(function* () {
        const at = yield* port
        const token = yield* Effect.promise(() =>
          sign("worker/clock", { iat: now() + 8, nbf: now() + 8, exp: now() + 18 })
        )
        const heard = yield* ask(at, "POST", "/edge_worker/v1/worker/clock", { token, body })
        assert.strictEqual(heard.status, 200, heard.text)
      })
    )
  })

  describe("that plays tricks", () => {
    const good = (path: string) => Effect.promise(() => sign(path))
    it.effect("with paths finds nothing", () =>
      Effect.gen(function* () {
        const at = yield* port
        const token = yield* good("worker/w")
        for (const [path, statuses] of [
          ["/edge_worker/v1/worker/", [403, 404]],
          ["/edge_worker/v1/worker", [404]],
          ["/edge_worker/v1/worker/w/", [403, 404]],
          ["/edge_worker/v1//worker/w", [403, 404]],
          ["//edge_worker/v1/worker/w", [403, 404]],
          ["/edge_worker/v1/../v1/worker/w", [404]],
          ["/edge_worker/v1/worker/..%2fw", [404]],
          ["/edge_worker/v1/worker/..", [403, 404, 422]],
          ["/edge_worker/v1/worker/%2e%2e", [403, 404, 422]],
          ["/edge_worker/v1/worker/queues%2Fw", [404]],
          ["/edge_worker/v1/worker/%", [400, 403, 404]],
          ["/edge_worker/v1/worker/%ff", [400, 403, 404, 422]],
          ["/edge_worker/v1/worker/%00", [403, 422]],
          ["/edge_worker/v1/worker/w%23", [403]],
          ["/EDGE_WORKER/V1/WORKER/w", [404]],
          ["/edge_worker/v2/worker/w", [404]],
          ["/nothing", [404]],
          ["*", [400, 404]],
          [`/edge_worker/v1/worker/${"w".repeat(5000)}`, [403, 404, 422]]
        ] as const) {
          const heard = yield* ask(at, "POST", path, { token, body })
          assert.include(statuses, heard.status, `${path}: ${heard.status} ${heard.text}`)
          if (heard.status !== 0) assert.isObject(heard.json, path)
        }
      })
    )
    it.effect("with a query or a fragment says the same path", () =>
      Effect.gen(function* () {
        const at = yield* port
        const token = yield* good("worker/query")
        const heard = yield* ask(at, "POST", "/edge_worker/v1/worker/query?x=%2F", { token, body })
        assert.strictEqual(heard.status, 200, heard.text)
      })
    )
    it.effect("with methods finds nothing", () =>
      Effect.gen(function* () {
        const at = yield* port
        const token = yield* good("worker/w")
        for (const method of ["GET", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]) {
          const heard = yield* ask(at, method, "/edge_worker/v1/worker/w", { token, body })
          assert.strictEqual(heard.status, 404, `${method} ${heard.text}`)
        }
        assert.strictEqual((yield* ask(at, "HEAD", "/edge_worker/v1/worker/w", { token })).status, 404)
      })
    )
    it.effect("with bodies is refused, and the server lives on", () =>
      Effect.gen(function* () {
        const at = yield* port
        const path = "/edge_worker/v1/worker/w"
        const token = yield* good("worker/w")
        const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${token}\r\nConnection: close\r\n`
        const big = "x".repeat(9 * 2 ** 20)
        const declared = yield* raw(
          at,
          `${head}Content-Type: application/json\r\nContent-Length: ${big.length}\r\n\r\n`
        )
        assert.deepStrictEqual(
          [declared.status, declared.json],
          [413, { detail: "the request's body is too large" }]
        )
        const chunked = yield* raw(at, [
          `${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
          `${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`
        ])
        assert.include([413, 0], chunked.status, chunked.text)
        const form = yield* raw(
          at,
          `${head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b`
        )
        assert.deepStrictEqual(
          [form.status, form.json],
          [415, { detail: "the request's body must be application/json" }]
        )
        const bytes = yield* ask(at, "POST", path, {
          token: yield* good("worker/w"),
          body: '{"state":"\\ud800","sysinfo":{}}'
        })
        assert.strictEqual(bytes.status, 422, bytes.text)
        const deep = yield* ask(at, "POST", path, {
          token: yield* good("worker/w"),
          body: `${"[".repeat(100_000)}${"]".repeat(100_000)}`
        })
        assert.strictEqual(deep.status, 422, deep.text.slice(0, 200))
        const polluted = yield* ask(at, "POST", path, {
          token: yield* good("worker/w"),
          body: `{"__proto__":{"state":"idle"},"constructor":1,"sysinfo":{"__proto__":"x"}}`
        })
        assert.strictEqual(polluted.status, 422)
        assert.strictEqual((yield* ask(at, "GET", "/edge_worker/v1/health")).status, 200)
      })
    )
  })

  it.effect("is counted with each heartbeat", () =>
    Effect.gen(function* () {
      const at = yield* port
      yield* asWorker(at, "POST", "worker/counted", body)
      yield* asWorker(at, "PATCH", "worker/counted", { ...body, state: "idle" })
      yield* asWorker(at, "PATCH", "worker/counted", { ...body, state: "idle" })
      const metrics = yield* ask(at, "GET", "/metrics", { token: "Bearer the-admin-token-of-a-test-000000" })
      assert.match(metrics.text, /^edge_worker_heartbeat_count\{worker_name="counted"\} 2$/m)
      assert.strictEqual((yield* ask(at, "GET", "/metrics")).status, 401)
    })
  )

  it.effect("needs no token to ask for health, the version and the description", () =>
    Effect.gen(function* () {
      const at = yield* port
      assert.deepStrictEqual((yield* ask(at, "GET", "/edge_worker/v1/health")).json, { status: "healthy" })
      assert.deepInclude((yield* ask(at, "GET", "/api/v2/version")).json, { version: "3.3.2" })
      const edge = yield* ask(at, "GET", "/edge_worker/openapi.json")
      assert.include(edge.text, '"/edge_worker/v1/worker/{worker_name}"')
      assert.include((yield* ask(at, "GET", "/central/openapi.json")).text, "/central/v1/")
    })
  )
})
