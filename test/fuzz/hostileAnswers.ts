/** hostileAnswers: HTTP answers of a site that has lost its mind, for the fuzz tests of what asks it. */
import * as fc from "fast-check"
import type { RawAnswer, RawRequest } from "./rawServer.ts"

/** Stands for the token of the request: a site may repeat it anywhere. */
const TOKEN = "@TOKEN@"
/** Stands for the address of another server. */
const ELSEWHERE = "@ELSEWHERE@"

const deep = (open: string, close: string, times: number) => open.repeat(times) + close.repeat(times)

const job = {
  dag_id: "d",
  task_id: "t",
  run_id: "r",
  try_number: 1,
  map_index: -1,
  concurrency_slots: 1,
  task_instance_id: "i"
}

const texts = fc.oneof(
  fc.constantFrom(
    "",
    "null",
    "{}",
    "[]",
    '{"state":"idle","queues":null,"sysinfo":{}}',
    '{"last_update":"2026-01-01T00:00:00Z"}',
    '{"last_update":"@TOKEN@"}',
    `{"detail":"Worker not found"}`,
    `{"detail":"${TOKEN}"}`,
    `{"detail":"${"eyJ".repeat(2000)}${TOKEN}"}`,
    `{"detail":"${"x".repeat(980)}${TOKEN}"}`,
    `{"detail":[{"loc":["${TOKEN}",1e999],"msg":"${TOKEN}"}]}`,
    `{"state":"${TOKEN}","queues":["${TOKEN}",5]}`,
    `{"${TOKEN}":1}`,
    `<!doctype html><title>${TOKEN}</title>`,
    `<html><title>${"x".repeat(100_000)}</title>`,
    JSON.stringify({ detail: "x".repeat(100_000) }),
    JSON.stringify(job),
    JSON.stringify({ ...job, command: TOKEN }),
    JSON.stringify({ ...job, command: { type: TOKEN, token: TOKEN } }),
    "9".repeat(5000),
    '{"state":1e400,"queues":-0}',
    deep("[", "]", 100_000),
    deep("[", "", 100_000),
    deep('{"a":', "}", 100_000),
    `{"detail":${deep("[", "]", 20_000)}}`,
    "\ufeffnull",
    '"\ud800"'
  ),
  fc.json({ maxDepth: 5 }),
  fc.string({ unit: "binary", maxLength: 200 })
)

const bodies: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: texts.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) }
)

const numbers = fc.constantFrom("0", "1", "7", "-1", "9".repeat(15), "9".repeat(400), "1e9", "", "0x10", " ")
const dates = fc.constantFrom(
  "Thu, 01 Jan 1970 00:00:00 GMT",
  "Fri, 31 Dec 9999 23:59:59 GMT",
  "Mon, 01 Jan 2400 00:00:00 GMT",
  "yesterday"
)
const times = fc.oneof(numbers, dates)
const locations = fc.constantFrom(
  ELSEWHERE,
  `${ELSEWHERE}/${TOKEN}`,
  `${ELSEWHERE}/?${TOKEN}`,
  `/${TOKEN}`,
  `x:${TOKEN}`,
  `${ELSEWHERE}/${"z".repeat(9000)}`,
  "//",
  "javascript:1"
)
const header: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(
    fc.constant("content-type"),
    fc.constantFrom("text/html", "application/json", "\u00ff", "x".repeat(9000))
  ),
  fc.tuple(fc.constant("content-length"), numbers),
  fc.tuple(fc.constantFrom("retry-after", "date"), times),
  fc.tuple(fc.constant("location"), locations),
  fc.tuple(fc.constant("transfer-encoding"), fc.constantFrom("chunked", "gzip", "identity, chunked")),
  fc.tuple(fc.constant("content-encoding"), fc.constantFrom("gzip", "br", TOKEN)),
  fc.tuple(
    fc.constantFrom("connection", "upgrade"),
    fc.constantFrom("close", "keep-alive", "upgrade", "h2c")
  ),
  fc.tuple(fc.constant("keep-alive"), fc.constantFrom("timeout=0", "timeout=99999999999", `${TOKEN}`)),
  fc.tuple(fc.constant("set-cookie"), fc.constantFrom(TOKEN, "a=b")),
  fc.tuple(
    fc.constantFrom("x-a", "__proto__", "constructor", "detail"),
    fc.constantFrom(TOKEN, "y".repeat(20_000))
  )
)

const status = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(200, 200, 200, 201, 204, 400, 401, 403, 404, 409, 413, 422, 429) },
  { weight: 2, arbitrary: fc.constantFrom(301, 302, 303, 304, 305, 307, 308, 407, 500, 502, 503, 504) },
  { weight: 1, arbitrary: fc.constantFrom(0, 100, 101, 102, 103, 199, 600, 999) }
)

/** One answer, not yet for any request. */
export interface HostileAnswer {
  readonly before: number
  readonly status: number
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly location: string
  readonly retryAfter: string
  readonly how: "length" | "chunked" | "none" | "no HTTP"
  readonly body: Uint8Array
  readonly cut: number | undefined
  readonly ending: RawAnswer["ending"]
}

/** Any status with any headers and any body, sent in any way. */
export const hostileAnswer: fc.Arbitrary<HostileAnswer> = fc.record({
  /** Informational answers that come first. */
  before: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.constantFrom(1, 1000)),
  status,
  headers: fc.array(header, { maxLength: 4 }),
  /** Only where the status gives them a meaning. */
  location: locations,
  retryAfter: times,
  how: fc.oneof(
    { weight: 4, arbitrary: fc.constant("length" as const) },
    fc.constantFrom("chunked" as const, "none" as const, "no HTTP" as const)
  ),
  body: bodies,
  /** How many bytes are left out at the end. */
  cut: fc.option(fc.nat(400), { freq: 4, nil: undefined }),
  ending: fc.constantFrom("end" as const, "end" as const, "destroy" as const, "hang" as const)
})

const filled = (bytes: Uint8Array, { authorization }: RawRequest, elsewhere: string): Buffer =>
  Buffer.from(
    Buffer.from(bytes).toString("latin1").replaceAll(TOKEN, authorization).replaceAll(ELSEWHERE, elsewhere),
    "latin1"
  )

/** The bytes of an answer to a request. */
export const bytesOf = (answer: HostileAnswer, request: RawRequest, elsewhere: string): RawAnswer => {
  const body = filled(answer.body, request, elsewhere)
  const lines = [
    `HTTP/1.1 ${String(answer.status).padStart(3, "0")} Whatever`,
    ...answer.headers.map(([name, value]) => `${name}: ${value}`),
    ...(answer.status >= 300 && answer.status < 400 ? [`location: ${answer.location}`] : []),
    ...([429, 503].includes(answer.status) ? [`retry-after: ${answer.retryAfter}`] : []),
    ...(answer.how === "length" ? [`content-length: ${body.length}`] : []),
    ...(answer.how === "chunked" ? ["transfer-encoding: chunked"] : []),
    "",
    ""
  ]
  const head = filled(Buffer.from(lines.join("\r\n"), "latin1"), request, elsewhere)
  const framed =
    answer.how === "chunked"
      ? Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")])
      : body
  const information = Buffer.from("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(answer.before))
  const all = answer.how === "no HTTP" ? body : Buffer.concat([information, head, framed])
  const sent = answer.cut === undefined ? all : all.subarray(0, Math.max(0, all.length - answer.cut))
  const half = sent.length >> 1
  return { pieces: [sent.subarray(0, half), sent.subarray(half)], ending: answer.ending }
}
