/** Who may be which worker: tokens of an identity provider on the real socket, and the rules that bind them. */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { SignJWT } from "jose/jwt/sign"
import { exportJWK } from "jose/key/export"
import { generateKeyPair } from "jose/key/generate/keypair"
import { Jobs } from "../../src/central/Jobs.ts"
import { allows, glob, methodOf } from "../../src/central/WorkerAccess.ts"
import type { OidcSettings } from "../../src/config/CentralConfig.ts"
import { httpServer } from "../platform/localServer.ts"
import { ask, port, served, sign, sysinfo } from "./served.ts"

describe("a rule", () => {
  const rule = { claim: "sub", value: "site-a", names: "a-*", teams: ["red"], queues: ["gpu", "cpu"] }
  const may = allows([rule], { sub: "site-a" })
  it("binds an identity to names, teams and queues", () => {
    assert.isTrue(may({ name: "a-1", team: "red", queues: ["gpu"] }))
    assert.isTrue(may({ name: "a-1" }))
    assert.isFalse(may({ name: "b-1" }))
    assert.isFalse(may({ name: "xa-1" }))
    assert.isFalse(may({ name: "a-1", team: "blue" }))
    assert.isFalse(may({ name: "a-1", team: null }))
    assert.isFalse(may({ name: "a-1", queues: ["gpu", "other"] }))
  })
  it("with queues lets nobody serve every queue", () => {
    assert.isFalse(may({ name: "a-1", queues: null }))
    assert.isFalse(may({ name: "a-1", queues: [] }))
  })
  it("is about this claim, as a text or a list of texts", () => {
    assert.isFalse(allows([rule], { sub: "site-b" })({ name: "a-1" }))
    assert.isFalse(allows([rule], {})({ name: "a-1" }))
    assert.isFalse(allows([rule], { sub: 7 })({ name: "a-1" }))
    assert.isFalse(allows([{ ...rule, claim: "toString" }], {})({ name: "a-1" }))
    assert.isTrue(allows([rule], { sub: ["x", "site-a"] })({ name: "a-1" }))
  })
  it("has to allow all of it itself", () => {
    const split = allows(
      [
        { claim: "sub", value: "s", names: "a", queues: ["q"] },
        { claim: "sub", value: "s", names: "b" }
      ],
      { sub: "s" }
    )
    assert.isFalse(split({ name: "a", queues: null }))
    assert.isTrue(split({ name: "b", queues: null }))
  })
  it("has patterns in which only * and ? are special", () => {
    assert.isTrue(glob("a?c*")("abc.d\ne"))
    assert.isFalse(glob("a.c")("abc"))
    assert.isTrue(glob("(a|b)+")("(a|b)+"))
    assert.isFalse(glob("*")("") === false)
    assert.isTrue(glob("?")("😀"))
    assert.isTrue(glob("a*b*c")("a-b-b-c"))
    assert.isFalse(glob("a*b*c")("a-b-b"))
    assert.isTrue(glob("*.a.*")("x.a.a.y"))
    // a regular expression of these takes longer than anybody waits
    assert.isFalse(glob("*-*-*-*-*-x")("-".repeat(4096)))
  })
})

describe("the method of a request", () => {
  it("is the decoded path after the first edge_worker/v1", () => {
    assert.strictEqual(methodOf("/edge_worker/v1/worker/h%C3%B6st%201?x=1#y"), "worker/höst 1")
    assert.strictEqual(methodOf("/sub/edge_worker/v1/worker/a"), "worker/a")
    assert.strictEqual(methodOf("/edge_worker/v1/edge_worker/v1/a"), "edge_worker/v1/a")
    assert.strictEqual(methodOf("/edge_worker/v1/worker/a%3Fb%23c"), "worker/a%3Fb%23c")
    assert.strictEqual(methodOf("/edge_worker/v1/worker/%ff"), undefined)
  })
})

/** A provider that signs for whoever asks, and one that nobody trusts under the same key id. */
const provider = Effect.gen(function* () {
  const [own, foreign, elliptic] = yield* Effect.promise(() =>
    Promise.all([
      generateKeyPair("RS256", { extractable: true }),
      generateKeyPair("RS256", { extractable: true }),
      generateKeyPair("ES256", { extractable: true })
    ])
  )
  const keys = yield* Effect.promise(async () => [
    { ...(await exportJWK(own.publicKey)), kid: "k1", alg: "RS256" },
    { ...(await exportJWK(elliptic.publicKey)), kid: "k2", alg: "ES256" }
  ])
  const { port } = yield* httpServer((_request, response) =>
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys }))
  )
  const token = (
    changes: Readonly<Record<string, unknown>> = {},
    { alg = "RS256", key = own.privateKey, kid = "k1" as string | null } = {}
  ) => {
    const now = Math.floor(Date.now() / 1000)
    const header = kid === null ? { alg } : { alg, kid }
    return Effect.promise(() =>
      new SignJWT({ iss: "https://id.test", aud: "edge", sub: "site-a", iat: now, exp: now + 60, ...changes })
        .setProtectedHeader(header)
        .sign(key)
    )
  }
  return {
    url: `http://127.0.0.1:${port}/keys`,
    token,
    foreign: foreign.privateKey,
    elliptic: elliptic.privateKey
  }
})

const oidc = (jwksUrl: string, changes: Partial<OidcSettings> = {}): OidcSettings => ({
  jwksUrl,
  issuer: "https://id.test",
  audience: "edge",
  algorithms: ["RS256"],
  leeway: Duration.seconds(30),
  rules: [],
  ...changes
})

const body = { state: "starting", jobs_active: 0, queues: ["gpu"], team_name: "red", sysinfo }
const path = "/edge_worker/v1/worker/a-1"
const now = () => Math.floor(Date.now() / 1000)

describe("a central that takes tokens of an identity provider", () => {
  it.live("takes good ones, and refuses all others alike", () =>
    Effect.gen(function* () {
      const { elliptic, foreign, token, url } = yield* provider
      yield* Effect.gen(function* () {
        const at = yield* port
        const status = (given: Effect.Effect<string>) =>
          Effect.flatMap(given, (one) => ask(at, "POST", path, { token: one, body })).pipe(
            Effect.map((heard) => heard.status)
          )
        assert.strictEqual(yield* status(token()), 200)
        for (const [what, refused] of [
          ["another issuer", token({ iss: "https://evil.test" })],
          ["no issuer", token({ iss: undefined })],
          ["another audience", token({ aud: "other" })],
          ["no audience", token({ aud: undefined })],
          ["expired", token({ exp: now() - 31 })],
          ["no end", token({ exp: undefined })],
          ["no time", token({ iat: undefined })],
          ["from the future", token({ iat: now() + 60 })],
          ["a foreign key under a known name", token({}, { key: foreign })],
          ["an unknown key", token({}, { kid: "k9" })],
          ["no key's name", token({}, { kid: null })],
          ["an algorithm that is not accepted", token({}, { alg: "ES256", key: elliptic, kid: "k2" })],
          ["the shared secret", Effect.promise(() => sign("worker/a-1"))]
        ] as const)
          assert.strictEqual(yield* status(refused), 403, what)
        // The window of 30 s is open at both ends.
        assert.notStrictEqual(yield* status(token({ exp: now() - 20 })), 403)
      }).pipe(Effect.provide(served({ oidc: oidc(url) })))
    }).pipe(Effect.scoped)
  )

  it.live("without an audience takes only tokens that name none", () =>
    Effect.gen(function* () {
      const { token, url } = yield* provider
      yield* Effect.gen(function* () {
        const at = yield* port
        const named = yield* ask(at, "POST", path, { token: yield* token(), body })
        assert.strictEqual(named.status, 403)
        const none = yield* ask(at, "POST", path, { token: yield* token({ aud: undefined }), body })
        assert.strictEqual(none.status, 200, none.text)
      }).pipe(Effect.provide(served({ oidc: oidc(url, { audience: undefined }) })))
    }).pipe(Effect.scoped)
  )

  it.live("that does not answer says so: it is no fault of the worker", () =>
    Effect.gen(function* () {
      const { token } = yield* provider
      const broken = yield* httpServer((_request, response) => response.writeHead(500).end())
      const url = `http://127.0.0.1:${broken.port}/keys`
      yield* Effect.gen(function* () {
        const heard = yield* ask(yield* port, "POST", path, { token: yield* token(), body })
        assert.deepStrictEqual(
          [heard.status, heard.json],
          [503, { detail: "the identity provider does not answer" }]
        )
      }).pipe(Effect.provide(served({ oidc: oidc(url) })))
    }).pipe(Effect.scoped)
  )

  it.live("lets an identity do what a rule names, and touch no other worker's jobs", () =>
    Effect.gen(function* () {
      const { token, url } = yield* provider
      const rules = [
        { claim: "sub", value: "site-a", names: "a-*", teams: ["red"], queues: ["gpu"] },
        { claim: "sub", value: "site-b", names: "b" }
      ]
      yield* Effect.gen(function* () {
        const at = yield* port
        const jobs = yield* Jobs
        const call = (sub: string, method: string, path: string, payload: unknown) =>
          Effect.flatMap(token({ sub }), (one) =>
            ask(at, method, `/edge_worker/v1/${path}`, { token: one, body: payload })
          )
        const b = { ...body, queues: null, team_name: null }
        assert.strictEqual((yield* call("site-a", "POST", "worker/a-1", body)).status, 200)
        assert.strictEqual((yield* call("site-b", "POST", "worker/b", b)).status, 200)
        for (const [what, changes, name] of [
          ["another name", {}, "b"],
          ["another team", { team_name: "blue" }, "a-2"],
          ["another queue", { queues: ["gpu", "cpu"] }, "a-2"],
          ["every queue", { queues: null }, "a-2"]
        ] as const)
          assert.strictEqual(
            (yield* call("site-a", "POST", `worker/${name}`, { ...body, ...changes })).status,
            403,
            what
          )
        assert.strictEqual(
          (yield* call("site-a", "PATCH", "worker/b", { ...b, state: "offline" })).status,
          403
        )
        assert.strictEqual(
          (yield* call("site-c", "PATCH", "worker/b", { ...b, state: "offline" })).status,
          403
        )
        const fetch = { queues: null, free_concurrency: 1, supports_task_instance_uuid: true }
        assert.strictEqual((yield* call("site-a", "POST", "jobs/fetch/a-1", fetch)).status, 403)
        assert.strictEqual((yield* call("site-a", "POST", "jobs/fetch/b", fetch)).status, 403)
        assert.strictEqual(
          (yield* call("site-a", "PATCH", "worker/queues/a-1", { new_queues: ["cpu"], remove_queues: null }))
            .status,
          403
        )
        const { key } = yield* jobs.submit({ dag_id: "d", task_id: "t", run_id: "r" }, "ada")
        assert.strictEqual((yield* call("site-b", "POST", "jobs/fetch/b", fetch)).status, 200)
        const { taskInstanceId } = yield* jobs.get(key)
        const report = { task_instance_id: taskInstanceId }
        const state = "jobs/state/d/t/r/1/-1/running"
        assert.strictEqual((yield* call("site-a", "PATCH", state, report)).status, 403)
        const chunk = { ...report, log_chunk_time: "2026-01-01T00:00:00Z", log_chunk_data: "x" }
        assert.strictEqual((yield* call("site-a", "POST", "logs/push/d/t/r/1/-1", chunk)).status, 403)
        assert.strictEqual((yield* jobs.get(key)).state, "restarting")
        assert.strictEqual((yield* call("site-b", "PATCH", state, report)).status, 200)
        assert.strictEqual((yield* call("site-b", "POST", "logs/push/d/t/r/1/-1", chunk)).status, 200)
      }).pipe(Effect.provide(served({ oidc: oidc(url, { rules }) })))
    }).pipe(Effect.scoped)
  )
})

layer(served({ jwtAlgorithms: ["HS256", "HS384"] }), { excludeTestServices: true })(
  "with [api_auth] jwt_algorithm",
  (it) => {
    it.effect("a token must be signed with one of them", () =>
      Effect.gen(function* () {
        const at = yield* port
        for (const [alg, status] of [
          ["HS256", 200],
          ["HS384", 409],
          ["HS512", 403]
        ] as const) {
          const token = yield* Effect.promise(() => sign("worker/a-1", {}, undefined, alg))
          assert.strictEqual((yield* ask(at, "POST", path, { token, body })).status, status, alg)
        }
      })
    )
  }
)

layer(served({ jwtIssuers: ["me", "you"] }), { excludeTestServices: true })(
  "with [api_auth] jwt_issuer",
  (it) => {
    it.effect("a token must name one of them", () =>
      Effect.gen(function* () {
        const at = yield* port
        for (const [iss, status] of [
          ["you", 200],
          ["me", 409],
          ["other", 403],
          [undefined, 403]
        ] as const) {
          const token = yield* Effect.promise(() => sign("worker/a-1", { iss }))
          assert.strictEqual((yield* ask(at, "POST", path, { token, body })).status, status, iss)
        }
      })
    )
  }
)
