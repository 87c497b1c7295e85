/** Connections in variables, read by us and by Airflow's own backend. Needs EDGE_WORKER_TEST_AIRFLOW_PYTHON. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { readConnection } from "../../../src/runner/attempt/readConnection.ts"
import { askAirflow } from "./askAirflow.ts"

const signs = fc.string({
  unit: fc.constantFrom(...":/@?#[]%&=+;,.-_~!$'()*\\\"<>{}|^` aAbZ09éß日🔑%2F%40%E9%C3%A9"),
  maxLength: 9
})
const word = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."abcXYZ019-_."), minLength: 1, maxLength: 9 }),
  signs.map(encodeURIComponent),
  signs
)
const maybe = (of: fc.Arbitrary<string>) => fc.oneof({ weight: 3, arbitrary: of }, fc.constant(""))
const scheme = fc.constantFrom(
  "postgresql",
  "postgres",
  "http",
  "HTTPS",
  "google-cloud-platform",
  "a_b",
  "s3",
  "",
  "mysql+x",
  "1st"
)
const host = fc.oneof(
  word,
  fc.constantFrom(
    "Host.Example",
    "[::1]",
    "[FE80::1%25eth0]",
    "%2Fcloudsql%2FMy-Proj%3Ax",
    "127.0.0.1",
    "[::1",
    "x]",
    "ß.Example",
    "℀.com",
    "Ⅷ"
  )
)
const pair = fc
  .tuple(word, fc.option(word, { nil: undefined }))
  .map(([key, value]) => (value === undefined ? key : `${key}=${value}`))
const query = fc.oneof(
  fc.array(pair, { maxLength: 3 }).map((pairs) => pairs.join("&")),
  fc.constantFrom("__extra__=%7B%22a%22%3A+1%7D", "a=1&a=2", "a=1&&b", "a;b=1", "__extra__=", "a+b=c%20d")
)

const uri = fc
  .record({
    scheme,
    protocol: maybe(fc.constantFrom("http://", "HTTPS://", "ftp://", "postgresql://", "a b://", "http:://")),
    login: maybe(fc.tuple(word, fc.constantFrom(":", "")).map(([of, colon]) => of + colon)),
    password: maybe(word),
    at: fc.constantFrom("@", "@", "@", ""),
    host,
    port: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 70_000 }).map((of) => `:${of}`) },
      fc.constantFrom("", ":", ":x", ":٣", ":-1", ":0080")
    ),
    path: maybe(fc.oneof(word, fc.constantFrom("a/b", "a%2Fb", "/", "db;x", "d b")).map((of) => `/${of}`)),
    query: maybe(query.map((of) => `?${of}`)),
    end: fc.constantFrom("", "", "", "#x", " ", "\n", "#?a=b")
  })
  .map(
    (of) =>
      `${of.scheme}://${of.protocol}${of.login}${of.password}${of.at}${of.host}${of.port}${of.path}${of.query}${of.end}`
  )

const jsonText = fc.oneof(word, fc.constantFrom("", "postgresql", "a-b"))
const json = fc
  .record(
    {
      conn_type: fc.oneof(jsonText, fc.constant(null)),
      description: jsonText,
      host: fc.oneof(jsonText, fc.constant(null)),
      login: jsonText,
      password: jsonText,
      schema: jsonText,
      port: fc.constantFrom<unknown>(5432, "5432", "", 0, null, " 1_0 ", "x", "5.5", true, false),
      extra: fc.oneof(
        jsonText,
        fc.constantFrom<unknown>(
          null,
          {},
          [],
          0,
          { a: 1, b: ["é", null, true], c: { d: '\u007f\u2028"\\\n🔑' } },
          ["x"],
          5
        )
      ),
      uri: jsonText,
      unknown: jsonText
    },
    { requiredKeys: [] }
  )
  .map((of) => JSON.stringify(of))

const values = [
  ...fc.sample(uri, { numRuns: 4_000, seed: 1 }),
  ...fc.sample(json, { numRuns: 1_500, seed: 2 }),
  ...fc.sample(fc.oneof(signs, word), { numRuns: 500, seed: 3 }),
  ...[
    "{",
    "{}",
    "{1}",
    "[]",
    " {} ",
    "a://b://c://d",
    "//host/db",
    "host",
    "a:b",
    "http://http://host",
    "http://HTTP://Host",
    "a://",
    "://x",
    '{"uri": "a://b"}'
  ]
]
  .map((value) => value.replaceAll("\0", "").toWellFormed())
  .filter((value) => value !== "")

interface Fields {
  readonly conn_type: string | null
  readonly error?: string
}

describe("against airflow.sdk.definitions.connection", () => {
  it(`${values.length} generated variables`, { timeout: 120_000 }, () => {
    const answers = askAirflow<ReadonlyArray<Fields | null>>("print_connections.py", values)
    const seen = { read: 0, refused: 0, withExtra: 0, withPort: 0, withPassword: 0 }
    let brackets = 0
    const differences: Array<unknown> = []
    for (const [index, value] of values.entries()) {
      const theirs = answers[index]
      const ours = readConnection("c", value)
      // Releases of CPython disagree on brackets that are not around the host; we are with the newer ones.
      if (/\[.*@|[^@/]\[/.test(value) && (theirs?.error === undefined) !== (typeof ours !== "string")) {
        brackets += 1
        continue
      }
      if (theirs === null || theirs === undefined || theirs.error !== undefined) {
        seen.refused += 1
        if (typeof ours !== "string") differences.push({ value, theirs, ours })
        continue
      }
      if (typeof ours === "string") {
        differences.push({ value, theirs, ours })
        continue
      }
      seen.read += 1
      const { conn_id: _, ...fields } = ours
      if (fields.extra !== null) seen.withExtra += 1
      if (fields.port !== null) seen.withPort += 1
      if (fields.password) seen.withPassword += 1
      try {
        // The site's answer has no connection without a type.
        expect(fields).toEqual({ ...theirs, conn_type: theirs.conn_type ?? "" })
      } catch {
        differences.push({ value, theirs, ours: fields })
      }
    }
    expect(differences.slice(0, 12)).toEqual([])
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(200)
    expect(brackets).toBeLessThan(100)
  })
})
