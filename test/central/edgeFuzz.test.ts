/** Whatever a worker with a good token says: an answer in JSON, and never a failure of the central. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { ask, port, served, sign, sysinfo } from "./served.ts"

const word = fc.oneof(
  fc.constantFrom(
    "w",
    "idle",
    "running",
    "maintenance mode",
    "q",
    "../x",
    "%",
    "a b",
    "<script>",
    "😀",
    "\u001b[2J"
  ),
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 20 })
)
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(-1, 0, 1, 2 ** 31, 2 ** 53, 1e308))
const anything = fc.oneof(
  word,
  number,
  fc.constant(null),
  fc.boolean(),
  fc.array(word, { maxLength: 3 }),
  fc.object()
)
const field = (good: fc.Arbitrary<unknown>) => fc.oneof({ arbitrary: good, weight: 4 }, anything)

const state = fc.record(
  {
    state: field(fc.constantFrom("starting", "idle", "running", "offline", "maintenance mode")),
    jobs_active: field(fc.nat()),
    queues: field(fc.option(fc.array(word, { maxLength: 4 }))),
    sysinfo: field(
      fc.oneof(
        fc.constant(sysinfo),
        fc.constant({ ...sysinfo, edge_provider_version: "1.0.0" }),
        fc.dictionary(word, fc.oneof(word, number)).map((more) => ({ ...more, ...sysinfo }))
      )
    ),
    maintenance_comments: field(fc.option(word)),
    team_name: field(fc.option(word))
  },
  { requiredKeys: ["state", "sysinfo"] }
)
const fetch = fc.record({
  queues: field(fc.option(fc.array(word))),
  free_concurrency: field(fc.integer({ min: -1, max: 9 })),
  supports_task_instance_uuid: field(fc.constant(true))
})
const chunk = fc.record({
  log_chunk_time: field(fc.constantFrom("2026-01-01T00:00:00Z", "1", "")),
  log_chunk_data: field(word),
  task_instance_id: field(fc.uuid())
})
const segment = fc.oneof(
  { arbitrary: fc.constantFrom("w", "v"), weight: 2 },
  word.filter((text) => text !== "" && text.isWellFormed()).map(encodeURIComponent)
)
const count = (good: fc.Arbitrary<number>) =>
  fc.oneof({ arbitrary: good.map(String), weight: 4 }, number.map(String), segment)
const key = fc
  .tuple(segment, segment, segment, count(fc.nat(9)), count(fc.constant(-1)))
  .map((parts) => parts.join("/"))

const request = fc.oneof(
  fc.record({
    method: fc.constantFrom("POST", "PATCH"),
    path: segment.map((name) => `worker/${name}`),
    body: state
  }),
  fc.record({ method: fc.constant("POST"), path: segment.map((name) => `jobs/fetch/${name}`), body: fetch }),
  fc.record({
    method: fc.constant("PATCH"),
    path: fc
      .tuple(key, fc.oneof(fc.constantFrom("running", "success", "queued", "scheduled"), segment))
      .map((parts) => `jobs/state/${parts.join("/")}`),
    body: fc.oneof(chunk, anything)
  }),
  fc.record({ method: fc.constant("POST"), path: key.map((parts) => `logs/push/${parts}`), body: chunk }),
  fc.record({
    method: fc.constant("PATCH"),
    path: segment.map((name) => `worker/queues/${name}`),
    body: fc.record({ new_queues: field(fc.array(word)), remove_queues: field(fc.array(word)) })
  })
)

/** As Starlette writes a path, which the `method` claim must be. */
const claim = (path: string) =>
  decodeURIComponent(path)
    .replace(/[?#\\]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/[\t\r\n]/g, "")

layer(served(), { excludeTestServices: true })("the Edge API of the embedded central", (it) => {
  it.effect(
    "answers everything",
    () =>
      Effect.gen(function* () {
        const at = yield* port
        const seen = new Map<number, number>()
        for (const { body, method, path } of fc.sample(request, { numRuns: 400, seed: 5 })) {
          const token = yield* Effect.promise(() => sign(claim(path)))
          const heard = yield* ask(at, method, `/edge_worker/v1/${path}`, { token, body: body ?? null })
          seen.set(heard.status, (seen.get(heard.status) ?? 0) + 1)
          assert.include(
            [200, 400, 403, 404, 409, 422],
            heard.status,
            `${method} ${path} ${JSON.stringify(body)}`
          )
          assert.notStrictEqual(heard.json, undefined, `${method} ${path} ${heard.headers}`)
        }
        // It has been everywhere.
        for (const status of [200, 400, 404, 409, 422])
          assert.isAbove(seen.get(status) ?? 0, 0, String(status))
      }),
    60_000
  )
})
