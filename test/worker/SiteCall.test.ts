/** SiteCall: one request, asked once more where only our clock was wrong, and what its answer's status means. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Logger from "effect/Logger"
import { WorkerNotFound } from "../../src/worker/EdgeError.ts"
import * as SiteCall from "../../src/worker/SiteCall.ts"

const at = Date.UTC(2026, 2, 4, 5, 6, 7)
const request = HttpClientRequest.get("https://site.test/")
const folder = "https://site.test/edge_worker/v1/"

/** An answer with this status whose `Date` is so many seconds off our time. */
type Told = readonly [status: number, seconds: number]

/** Asks a site that answers this, one after the other: the status that came of it, what was learnt, and the log. */
const asking = (answers: ReadonlyArray<Told>) => {
  const left = [...answers]
  const learnt: Array<string> = []
  const lines: Array<string> = []
  const send = Effect.sync(() => {
    const [status, seconds] = left.shift() ?? [500, 0]
    const headers = { date: new Date(at + seconds * 1000).toUTCString() }
    return HttpClientResponse.fromWeb(request, new Response("{}", { status, headers }))
  })
  const site: SiteCall.Site = {
    site: folder,
    leewayMillis: 10_000,
    monotonic: Effect.succeed(0),
    clock: {
      now: Effect.succeed(at),
      observe: () => Effect.sync(() => void learnt.push("the time")),
      forget: Effect.sync(() => void learnt.push("nothing"))
    }
  }
  return SiteCall.signed(site, "fetch", send).pipe(
    Effect.map(([answer]) => ({ status: answer.status, asked: answers.length - left.length, learnt, lines })),
    Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]))
  )
}

describe("a signed request", () => {
  const rest = "the site's: synchronise it. Requests are signed with the site's time"
  for (const [what, answers, expected] of [
    ["learns from a success", [[200, 0]], { status: 200, asked: 1, learnt: ["the time"], lines: [] }],
    ["bears the leeway", [[200, -10]], { status: 200, asked: 1, learnt: ["the time"], lines: [] }],
    [
      "learns nothing from a success of another time",
      [[200, -11]],
      { status: 200, asked: 1, learnt: [], lines: [] }
    ],
    ["learns nothing from an error", [[500, -100]], { status: 500, asked: 1, learnt: [], lines: [] }],
    ["is refused once within the leeway", [[403, -10]], { status: 403, asked: 1, learnt: [], lines: [] }],
    [
      "is sent again where the clock is ahead",
      [
        [403, -11],
        [200, -11]
      ],
      {
        status: 200,
        asked: 2,
        learnt: ["the time"],
        lines: [`this machine's clock was 11 s ahead of ${rest}`]
      }
    ],
    [
      "is sent again where the clock is behind, also after a 401",
      [
        [401, 12],
        [500, 12]
      ],
      { status: 500, asked: 2, learnt: ["the time"], lines: [`this machine's clock was 12 s behind ${rest}`] }
    ],
    [
      "is sent twice at most, and forgets what did not help",
      [
        [403, -11],
        [401, -11],
        [200, 0]
      ],
      { status: 401, asked: 2, learnt: ["the time", "nothing"], lines: [] }
    ]
  ] as ReadonlyArray<readonly [string, ReadonlyArray<Told>, unknown]>) {
    it.effect(what, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual<unknown>(yield* asking(answers), expected)
      })
    )
  }
})

it.effect("a request that cannot be written has done nothing", () =>
  Effect.gen(function* () {
    const clock = { now: Effect.succeed(at), observe: () => Effect.void, forget: Effect.void }
    const site = { site: folder, leewayMillis: 0, monotonic: Effect.succeed(0), clock }
    const error = yield* Effect.flip(SiteCall.whole(site, "fetch", Effect.fail("a BigInt")))
    assert.strictEqual(error.message, "fetch: the request cannot be written as JSON")
    assert.isFalse(error.ambiguous)
  })
)

describe("an answer", () => {
  const asked = { operation: "fetch", site: folder, sentMillis: at, nowMillis: at, leewayMillis: 0 }
  const read = (status: number, body = '{"detail": "gone"}') =>
    SiteCall.read(
      [{ status, headers: {}, body }, asked],
      (_, detail) => (detail === "gone" ? new WorkerNotFound() : undefined),
      (text) => text.length
    ).pipe(
      Effect.map(String),
      Effect.catch((error) => Effect.succeed(error._tag))
    )

  it.effect("is a success from 200 to 299; else what the site says it is, or an outage", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.all([199, 200, 299, 300, 404].map((status) => read(status))), [
        "WorkerNotFound",
        "18",
        "18",
        "WorkerNotFound",
        "WorkerNotFound"
      ])
      assert.strictEqual(yield* read(404, '{"detail": "other"}'), "SiteUnavailable")
      assert.strictEqual(yield* read(404, "gone"), "SiteUnavailable")
    })
  )
})
