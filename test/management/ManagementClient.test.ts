/** The client against a site that answers anything: each refusal is sorted, and no secret is told. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { ManagementClient } from "../../src/management/ManagementClient.ts"
import type { Credential } from "../../src/management/ManagementConfig.ts"
import { type Asked, clientOf, listed, type Said, scriptedSite } from "./site.ts"

const secret = "s3cret-of-mine"
const token: Credential = { _tag: "Token", token: Redacted.make(secret) }
const password: Credential = { _tag: "Password", user: "me", password: Redacted.make(secret) }
const none: Credential = { _tag: "None" }

const noWorkers: Said = [200, { workers: [], total_entries: 0 }]

/** Runs something on the client of a site; gives what it was asked too. */
const on = <A, E>(
  answer: (asked: Asked) => Said,
  credential: Credential,
  use: (client: ManagementClient["Service"]) => Effect.Effect<A, E>,
  path = "/"
) =>
  Effect.gen(function* () {
    const site = yield* scriptedSite(answer)
    const result = yield* Effect.flatMap(ManagementClient, use).pipe(
      Effect.provide(clientOf(`${site.url}${path}`, credential)),
      Effect.result
    )
    return { result, asked: site.asked }
  })

const failure = (answer: Said, credential: Credential = token) =>
  Effect.map(
    on(
      () => answer,
      credential,
      (client) => client.removeWorker("one")
    ),
    ({ result }) => {
      assert(result._tag === "Failure")
      assert.notInclude(result.failure.message, secret)
      return result.failure
    }
  )

describe("the calls", () => {
  it.live("each goes to its own address, encoded, with the token", () =>
    Effect.gen(function* () {
      const { asked, result } = yield* on(
        ({ line }) => (line.startsWith("GET") ? noWorkers : [200, null]),
        token,
        (client) =>
          Effect.gen(function* () {
            yield* client.workers({ worker_name_pattern: "a b", state: ["idle", "maintenance mode"] })
            yield* client.requestMaintenance("ü 1%", "why?")
            yield* client.updateMaintenance("one", "still")
            yield* client.exitMaintenance("one")
            yield* client.shutdown("one")
            yield* client.addQueue("one", "q#1")
            yield* client.removeQueue("one", "q?")
            yield* client.setConcurrency("one", 3)
            yield* client.removeWorker("one")
          }),
        "/sub/path/"
      )
      assert.strictEqual(result._tag, "Success")
      const at = "/sub/path/edge_worker/ui/worker"
      assert.deepStrictEqual(
        asked.map(({ body, line }) => `${line} ${body}`.trimEnd()),
        [
          `GET ${at}?worker_name_pattern=a+b&state=idle&state=maintenance+mode`,
          `POST ${at}/%C3%BC%201%25/maintenance {"maintenance_comment":"why?"}`,
          `PATCH ${at}/one/maintenance {"maintenance_comment":"still"}`,
          `DELETE ${at}/one/maintenance`,
          `POST ${at}/one/shutdown`,
          `PUT ${at}/one/queues/q%231`,
          `DELETE ${at}/one/queues/q%3F`,
          `PATCH ${at}/one/concurrency {"concurrency":3}`,
          `DELETE ${at}/one`
        ]
      )
      assert.isTrue(asked.every(({ authorization }) => authorization === `Bearer ${secret}`))
    })
  )

  it.live("lists are read as the site tells them", () =>
    Effect.gen(function* () {
      const job = {
        dag_id: "d",
        task_id: "t",
        run_id: "r",
        map_index: -1,
        try_number: 1,
        task_instance_id: "",
        state: "running",
        queue: "default",
        queued_dttm: "2026-01-01T00:00:00Z",
        edge_worker: "one",
        last_update: null
      }
      const { result } = yield* on(
        ({ line }) =>
          line.includes("/jobs")
            ? [200, { jobs: [job], total_entries: 1 }]
            : [200, { workers: [listed("one", { unknown_key: 1 })], total_entries: 1 }],
        token,
        (client) => Effect.all([client.workers({}), client.jobs({ state: ["running"] })])
      )
      assert(result._tag === "Success")
      assert.deepStrictEqual(result.success, [[listed("one")], [job]] as unknown as typeof result.success)
    })
  )
})

describe("the credential", () => {
  it.live("user and password are exchanged once, and again after a 401", () =>
    Effect.gen(function* () {
      let [given, asks] = [0, 0]
      const { asked, result } = yield* on(
        ({ authorization, line }) => {
          if (line === "POST /sub/auth/token") return [201, { access_token: `t${++given}` }]
          return authorization === "Bearer t1" && given === 1 && asks++ > 0
            ? [401, { detail: "Token Expired" }]
            : noWorkers
        },
        password,
        (client) => Effect.repeat(client.workers({}), { times: 2 }),
        "/sub/"
      )
      assert.strictEqual(result._tag, "Success")
      assert.deepStrictEqual(
        asked.map(({ authorization, line }) => [line, authorization]),
        [
          ["POST /sub/auth/token", undefined],
          ["GET /sub/edge_worker/ui/worker", "Bearer t1"],
          ["GET /sub/edge_worker/ui/worker", "Bearer t1"],
          ["POST /sub/auth/token", undefined],
          ["GET /sub/edge_worker/ui/worker", "Bearer t2"],
          ["GET /sub/edge_worker/ui/worker", "Bearer t2"]
        ]
      )
      assert.deepStrictEqual(JSON.parse(asked[0]?.body ?? ""), { username: "me", password: secret })
    })
  )
  it.live("a second 401 is told, and a given token is not exchanged", () =>
    Effect.gen(function* () {
      for (const [credential, requests] of [
        [password, 4],
        [token, 1]
      ] as const) {
        const { asked, result } = yield* on(
          ({ line }) =>
            line.endsWith("/auth/token") ? [201, { access_token: "t" }] : [401, { detail: "Token Expired" }],
          credential,
          (client) => client.shutdown("one")
        )
        assert(result._tag === "Failure")
        assert.strictEqual(result.failure.why, "credentials")
        assert.include(result.failure.message, "Token Expired")
        assert.strictEqual(asked.length, requests)
      }
    })
  )

  it.live("without one a site that lets everyone in gives a token, another says what it wants", () =>
    Effect.gen(function* () {
      const open = yield* on(
        ({ line }) => (line === "GET /auth/token" ? [201, { access_token: "all" }] : noWorkers),
        none,
        (client) => client.workers({})
      )
      assert.strictEqual(open.asked[1]?.authorization, "Bearer all")
      for (const status of [401, 403, 404, 405]) {
        const { why, message } = yield* failure([status, { detail: "no" }], none)
        assert.strictEqual(why, "credentials")
        assert.include(message, "--token-file")
      }
    })
  )

  it.live("a wrong password is said without it", () =>
    Effect.gen(function* () {
      const { message, why } = yield* failure([401, { detail: "Invalid credentials" }], password)
      assert.strictEqual(why, "credentials")
      assert.include(message, "Invalid credentials")
      const echo = yield* failure([422, { detail: [{ loc: ["body"], msg: "bad", input: secret }] }], password)
      assert.strictEqual(echo.why, "credentials")
      const page = yield* failure([200, "<html>"], password)
      assert.include(page.message, "not with a token")
    })
  )
})

describe("a refusal", () => {
  it.live("is sorted by what to do about it", () =>
    Effect.gen(function* () {
      const cases = [
        [[404, { detail: "Worker one not found" }], "unknownWorker", "is unknown"],
        [[404, { detail: "Not Found" }], "unreachable", "no management API"],
        [
          [400, { detail: "Cannot remove edge worker one as it is in idle state!" }],
          "refused",
          "in idle state!"
        ],
        [[422, { detail: [{ loc: ["body", "x"], msg: "too big" }] }], "refused", "body.x: too big"],
        [[400, "<html>proxy</html>"], "unreachable", "HTTP 400"],
        [[401, { detail: "Not authenticated" }], "credentials", "Not authenticated"],
        [[403, { detail: "Invalid JWT token" }], "credentials", "Invalid JWT token"],
        [[500, "Internal Server Error"], "unreachable", "log of its API server"],
        [[302, ""], "unreachable", "redirects to http://elsewhere.test/x,"],
        [[200, "<html>"], "unreachable", "gateway's page"]
      ] as const
      for (const [answer, why, words] of cases) {
        const error = yield* failure(answer)
        assert.deepStrictEqual([error.why, error.message.includes(words)], [why, true], error.message)
      }
    })
  )

  it.live("a text of the site cannot drive the terminal", () =>
    Effect.gen(function* () {
      const { message } = yield* failure([400, { detail: "no\u001b[2J\u202e eyJhbGciOi.eyJz.x" }])
      assert.strictEqual(message, "no\ufffd[2J\ufffd <token>")
    })
  )

  it.live("a site that is away is said so, with the key that names it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.flatMap(ManagementClient, (client) => client.workers({})).pipe(
          Effect.provide(clientOf("http://127.0.0.1:9/", token))
        )
      )
      assert.strictEqual(error.why, "unreachable")
      assert.include(error.message, "[edge_worker] management_url")
    })
  )
})
