/** What somebody without a credential, or with a small one, tries; each was possible once. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { Accounts } from "../../src/central/Accounts.ts"
import { prometheus } from "../../src/central/CentralMetrics.ts"
import { Repository, RepositoryUnavailable } from "../../src/central/Repository.ts"
import { RepositoryMemory } from "../../src/central/RepositoryMemory.ts"
import { logPart } from "../../src/central/ui/log.ts"
import { hash } from "../../src/platform/PasswordHash.ts"
import { key } from "./jobsHarness.ts"
import { peopleSite } from "./peopleSite.ts"
import { jobRecord, workerRecord } from "./records.ts"
import { ask, type Heard, port, served } from "./served.ts"

const password = await Effect.runPromise(hash(Redacted.make("lovelace")))
const users = JSON.stringify({ ada: { password, roles: ["view"] } })

const gone = Effect.fail(new RepositoryUnavailable({ reason: "away" }))
/** A store that has forgotten who logged in. */
const away = Layer.effect(
  Repository,
  Effect.map(Repository, (store) => ({ ...store, login: () => gone, addLogin: () => gone }))
).pipe(Layer.provide(RepositoryMemory.layer))

/** A central with a user, on a socket. */
const withAda = (changes: Parameters<typeof served>[0] = {}, store = RepositoryMemory.layer) =>
  Layer.mergeAll(served(changes, { users: () => users }, store), Logger.layer([]))

const logIn = (at: number, body: string, headers = ""): Effect.Effect<Heard> =>
  ask(at, "POST", "/login", { body, headers: `Origin: http://localhost\r\n${headers}`, form: true })

describe("a login", () => {
  it.live("has no long body: nobody's megabytes are read", () =>
    Effect.gen(function* () {
      const at = yield* port
      const good = "username=ada&password=lovelace"
      assert.strictEqual((yield* logIn(at, good)).status, 303)
      assert.strictEqual((yield* logIn(at, `${good}&more=${"x".repeat(20_000)}`)).status, 400)
      const json = { username: "ada", password: "lovelace" }
      assert.strictEqual((yield* ask(at, "POST", "/auth/token", { body: json })).status, 201)
      const long = { ...json, more: "x".repeat(20_000) }
      assert.strictEqual((yield* ask(at, "POST", "/auth/token", { body: long })).status, 400)
    }).pipe(Effect.provide(withAda()))
  )

  it.live("behind a proxy counts for who makes it, and not for all who use the proxy", () =>
    Effect.gen(function* () {
      const at = yield* port
      const from = (address: string, word: string, user = "ada") =>
        logIn(at, `username=${user}&password=${word}`, `X-Forwarded-For: 10.9.9.9, ${address}\r\n`)
      for (let n = 0; n < 20; n++)
        assert.strictEqual((yield* from("198.51.100.7", "guess", `user${n}`)).status, 401)
      assert.strictEqual((yield* from("198.51.100.7", "lovelace")).status, 429)
      const good = yield* from("203.0.113.5", "lovelace")
      assert.strictEqual(good.status, 303)
      // it has come by the proxy's TLS
      assert.match(good.headers, /set-cookie: [^\r]*; Secure/i)
      const [entry] = yield* Repository.use(({ audits }) => audits(1))
      assert.strictEqual(entry?.detail, "203.0.113.5")
    }).pipe(Effect.provide(withAda({ trustedProxy: ["127.0.0.1"] })))
  )

  it.live("by a link is for this machine, however near the proxy is", () =>
    Effect.gen(function* () {
      const at = yield* port
      const link = Redacted.value(yield* Accounts.use(({ makeLink }) => makeLink))
      const far = yield* ask(at, "GET", `/login?link=${link}`, {
        headers: "X-Forwarded-For: 198.51.100.7\r\n"
      })
      assert.strictEqual(far.status, 403)
      assert.strictEqual((yield* ask(at, "GET", `/login?link=${link}`)).status, 200)
      assert.strictEqual((yield* ask(at, "GET", `/login?link=${link}`)).status, 401)
    }).pipe(Effect.provide(withAda({ trustedProxy: ["127.0.0.1"] })))
  )
})

describe("an answer", () => {
  it.live("is what it says it is, and is kept by nobody on the way", () =>
    Effect.gen(function* () {
      const at = yield* port
      for (const path of [
        "/metrics",
        "/central/v1/jobs/a/b/c/1/-1",
        "/edge_worker/ui/worker",
        "/",
        "/none"
      ]) {
        const { headers } = yield* ask(at, "GET", path)
        assert.match(headers, /x-content-type-options: nosniff/i, path)
        assert.match(headers, /cache-control: no-store/i, path)
      }
    }).pipe(Effect.provide(withAda()))
  )
})

describe("text of a worker or a task", () => {
  it("that no address can hold does not take the pages from everybody", async () => {
    const site = peopleSite()
    const odd = { ...jobRecord("t"), key: { ...key, dag_id: "\ud800", task_id: "\udfff" } }
    await site.run(Repository.use((store) => store.addJob(odd)))
    assert.strictEqual((await site.call("GET", "/ui/jobs", { as: "olga" })).status, 200)
    await site.dispose()
  })

  it("that is nested too deep does not take its log", () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`
    const text = `{"event":"boom","exception":${deep}}\n`
    const { markup } = logPart(key, 0, { text, next: text.length, state: "running", ended: false })
    assert.include(markup, "boom\n(nested too deep to be shown)")
  })

  it.effect("makes no sample of its own in the metrics", () =>
    Effect.gen(function* () {
      const evil = 'q"} 1\nedge_worker_fake{a="b'
      const text = yield* prometheus([workerRecord("w", { queues: [evil], team: evil })])
      assert.isFalse(text.split("\n").some((line) => line.startsWith("edge_worker_fake")))
    })
  )
})

describe("a central whose store is away", () => {
  it.live("lets nobody in, and says so", () =>
    Effect.gen(function* () {
      const at = yield* port
      const asked = { headers: "Authorization: Bearer nothing\r\n" }
      for (const path of ["/metrics", "/central/v1/jobs/a/b/c/1/-1", "/edge_worker/ui/worker", "/"])
        assert.strictEqual((yield* ask(at, "GET", path, asked)).status, 503, path)
      assert.strictEqual((yield* logIn(at, "username=ada&password=lovelace")).status, 503)
    }).pipe(Effect.provide(withAda({}, away)))
  )
})
