/** Time: tokens carry the site's, whatever this machine's date is, and only a clock that is off is called so. */
import { createHmac } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { MonotonicClock } from "../../src/platform/MonotonicClock.ts"
import { TokenSigner } from "../../src/platform/TokenSigner.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { SiteClock } from "../../src/worker/SiteClock.ts"

const second = 1000
const day = 86_400 * second
const leeway = 10 * second
const born = Date.UTC(2026, 10, 24, 12)

/** What a test turns: the site's clock apart from its beginning, its gateway's, the network's slowness. */
interface Site {
  /** Milliseconds since the test began; only it moves the site's clock. */
  elapsed: number
  /** How far the `Date` of the answers is ahead of the clock that looks at tokens. */
  gatewayAhead: number
  secret: string
  /** How long each answer takes. */
  slow: number
  /** What stands before the site while it is in maintenance. */
  maintenance: boolean
  requests: Array<number>
}

const header = (millis: number) => new Date(Math.floor(millis / 1000) * 1000).toUTCString()

/** Looks at a token as Airflow's JWTValidator does (PyJWT: `exp`, `nbf` and `iat`, each with the leeway). */
const admits = (site: Site, token: string): boolean => {
  const [head, payload, signature] = token.split(".")
  const expected = createHmac("sha512", site.secret).update(`${head}.${payload}`).digest("base64url")
  const { exp, iat, nbf } = JSON.parse(Buffer.from(payload ?? "", "base64url").toString())
  const now = (born + site.elapsed) / 1000
  const allowed = leeway / 1000
  return signature === expected && exp > now - allowed && nbf <= now + allowed && iat <= now + allowed
}

const layer = (site: Site) => {
  const http = HttpClient.make((request) =>
    Effect.sync(() => {
      site.elapsed += site.slow
      const ok =
        !site.maintenance && admits(site, (request.headers["authorization"] ?? "").replace("Bearer ", ""))
      const status = ok ? 200 : 403
      site.requests.push(status)
      const date = header(born + site.elapsed + site.gatewayAhead)
      const text = ok ? "null" : '{"detail":"Forbidden"}'
      return HttpClientResponse.fromWeb(request, new Response(text, { status, headers: { date } }))
    })
  )
  return Layer.provideMerge(EdgeClient.layer, SiteClock.layer).pipe(
    Layer.provide(TokenSigner.layer),
    Layer.provide([
      Layer.succeed(HttpClient.HttpClient, http),
      Layer.succeed(WorkerIdentity, { name: "edge-1", queues: null, team: null, concurrency: 1 }),
      Layer.succeed(
        EdgeConfig,
        testSettings({ jwtSecret: Redacted.make("the-secret"), jwtLeeway: Duration.millis(leeway) })
      )
    ])
  )
}

interface World {
  readonly site: Site
  readonly logged: Array<string>
}

/** A worker of a machine whose date is `machine`; the test clock is the machine's date and nothing else. */
const withSite = <E>(
  machine: number,
  test: (world: World) => Effect.Effect<void, E, EdgeClient | SiteClock>
) => {
  const site: Site = {
    elapsed: 0,
    gatewayAhead: 0,
    secret: "the-secret",
    slow: 40,
    maintenance: false,
    requests: []
  }
  const logged: Array<string> = []
  const logger = Logger.make(({ message }) => logged.push(String(message)))
  return Effect.andThen(
    TestClock.setTime(machine),
    Effect.suspend(() => test({ site, logged })).pipe(Effect.provide(layer(site)))
  ).pipe(
    Effect.provideService(
      MonotonicClock,
      Effect.sync(() => 77 + site.elapsed)
    ),
    Effect.provide(Logger.layer([logger]))
  )
}

const ask = Effect.flatMap(EdgeClient, (client) => client.fetch({ queues: null, free_concurrency: 1 }))
const refusedWith = Effect.map(Effect.flip(ask), (error) => error.message)
const siteTime = Effect.flatMap(SiteClock, (clock) => clock.now)
const jumpBy = (millis: number) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => TestClock.setTime(now + millis))

describe("a machine whose clock is off", () => {
  it.effect("is in 1970: the first refusal teaches the time, and the call is made at once", () =>
    withSite(0, ({ logged, site }) =>
      Effect.gen(function* () {
        yield* ask
        assert.deepStrictEqual(site.requests, [403, 200])
        assert.strictEqual(logged.length, 1)
        assert.match(logged[0] ?? "", /clock was 1795\d{6} s behind the site's: synchronise it/)
        site.elapsed += 3 * day
        yield* ask
        assert.deepStrictEqual(site.requests, [403, 200, 200])
        assert.isBelow(Math.abs((yield* siteTime) - (born + site.elapsed)), 1001)
      })
    )
  )

  for (const by of [day, -day]) {
    it.effect(`jumps by ${by / day} day between two calls: the site notices nothing`, () =>
      withSite(born, ({ logged, site }) =>
        Effect.gen(function* () {
          yield* ask
          yield* jumpBy(by)
          site.elapsed += 30 * second
          yield* ask
          assert.deepStrictEqual(site.requests, [200, 200])
          assert.deepStrictEqual(logged, [])
        })
      )
    )
  }

  it.effect("slept for an hour, which its monotonic clock did not count: the next call tells", () =>
    withSite(born, ({ site }) =>
      Effect.gen(function* () {
        yield* ask
        const { observe } = yield* SiteClock
        // As if the site were an hour behind: what is learned then is what a sleeping machine has left.
        yield* observe(header(born - 3600 * second), 77 + site.elapsed, 77 + site.elapsed)
        yield* ask
        assert.deepStrictEqual(site.requests, [200, 403, 200])
      })
    )
  )
})

describe("a refusal", () => {
  it.effect("for the secret is told as that, and is not tried again", () =>
    withSite(born, ({ logged, site }) =>
      Effect.gen(function* () {
        site.secret = "another"
        assert.match(yield* refusedWith, /jwt_secret differs from the site's/)
        assert.deepStrictEqual(site.requests, [403])
        assert.deepStrictEqual(logged, [])
      })
    )
  )

  it.effect("for the secret, on a machine in 1970: still the secret, asked twice at most", () =>
    withSite(0, ({ logged, site }) =>
      Effect.gen(function* () {
        site.secret = "another"
        const told = yield* refusedWith
        assert.match(told, /jwt_secret differs from the site's/)
        assert.notMatch(told, /clock/)
        assert.deepStrictEqual(site.requests, [403, 403])
        assert.deepStrictEqual(logged, [])
      })
    )
  )

  it.effect("of answers that disagree about the time names the site's clocks", () =>
    withSite(0, ({ site }) =>
      Effect.gen(function* () {
        site.secret = "another"
        site.slow = 0
        const { gatewayAhead } = site
        Object.defineProperty(site, "gatewayAhead", {
          get: () => gatewayAhead + site.requests.length * 60 * second
        })
        assert.match(yield* refusedWith, /answers are (59|60|61) s apart in what time it is/)
      })
    )
  )
})

describe("a gateway with a clock of its own", () => {
  it.effect("is not believed as long as the site takes our tokens", () =>
    withSite(born, ({ site }) =>
      Effect.gen(function* () {
        site.gatewayAhead = 3600 * second
        yield* ask
        yield* ask
        assert.deepStrictEqual(site.requests, [200, 200])
      })
    )
  )

  it.effect("and a maintenance of its own teaches nothing that lasts", () =>
    withSite(born, ({ site }) =>
      Effect.gen(function* () {
        site.gatewayAhead = 3600 * second
        site.maintenance = true
        yield* refusedWith
        site.maintenance = false
        yield* ask
        assert.deepStrictEqual(site.requests, [403, 403, 200])
      })
    )
  )
})

describe("SiteClock", () => {
  const withClock = <E>(
    test: (clock: SiteClock["Service"], move: (millis: number) => void) => Effect.Effect<void, E>
  ) => {
    let monotonic = 0
    return Effect.gen(function* () {
      const clock = yield* SiteClock
      yield* test(clock, (millis) => {
        monotonic += millis
      })
    }).pipe(
      Effect.provide(SiteClock.layer),
      Effect.provideService(
        MonotonicClock,
        Effect.sync(() => monotonic)
      )
    )
  }

  it.effect("is the machine's before the first answer, and after what was learned is forgotten", () =>
    withClock((clock) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(5000)
        assert.strictEqual(yield* clock.now, 5000)
        yield* clock.observe(header(born), 0, 0)
        assert.strictEqual(yield* clock.now, born + 500)
        yield* clock.forget
        assert.strictEqual(yield* clock.now, 5000)
      })
    )
  )

  it.effect("takes the middle of what an answer leaves possible", () =>
    withClock((clock, move) =>
      Effect.gen(function* () {
        move(4000)
        yield* clock.observe(header(born), 0, 4000)
        // Written some time in those 4 s, in the second from `born` on: at 2000 it was born + 500.
        assert.strictEqual(yield* clock.now, born + 2500)
        yield* clock.forget
        yield* clock.observe(header(born), 1000, 4000)
        assert.strictEqual(yield* clock.now, born + 2000)
      })
    )
  )

  it.effect("does not jump for less than two seconds, and comes closer with each answer", () =>
    withClock((clock, move) =>
      Effect.gen(function* () {
        yield* clock.observe(header(born), 0, 0)
        // The site's clock is 1.9 s ahead of what we think, and stays so.
        let last = 0
        for (let at = 1000; at <= 12_000; at += 1000) {
          move(1000)
          const before = yield* clock.now
          yield* clock.observe(header(born + at + 2400), at, at)
          const moved = (yield* clock.now) - before
          assert.isAtLeast(moved, 0)
          assert.isBelow(moved, 1000)
          last = moved
        }
        assert.isBelow(last, 10)
        assert.isBelow(Math.abs((yield* clock.now) - (born + 12_000 + 2400)), 1001)
        const before = yield* clock.now
        yield* clock.observe(header(before + 60_000), 12_000, 12_000)
        assert.isAbove((yield* clock.now) - before, 58_000)
      })
    )
  )

  it.effect("comes closer to a site that is behind too, and never goes back", () =>
    withClock((clock, move) =>
      Effect.gen(function* () {
        yield* clock.observe(header(born), 0, 0)
        // The site's clock is 1.9 s behind what we think, and stays so.
        for (let at = 1000; at <= 12_000; at += 1000) {
          move(1000)
          const before = yield* clock.now
          yield* clock.observe(header(born + at - 1400), at, at)
          const moved = (yield* clock.now) - before
          assert.isAtMost(moved, 0)
          assert.isAbove(moved, -1000)
        }
        assert.isBelow(Math.abs((yield* clock.now) - (born + 12_000 - 1400)), 1001)
      })
    )
  )

  for (const text of [
    undefined,
    "",
    "yesterday",
    "2026-11-24T12:00:00Z",
    "Tue, 99 Nov 2026 12:00:00 GMT",
    "0"
  ]) {
    it.effect(`learns nothing from ${JSON.stringify(text)}`, () =>
      withClock((clock) =>
        Effect.gen(function* () {
          yield* clock.observe(text, 0, 0)
          assert.strictEqual(yield* clock.now, yield* Clock.currentTimeMillis)
        })
      )
    )
  }
})
