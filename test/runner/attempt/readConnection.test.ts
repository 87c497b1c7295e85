/** Connections in variables; what each is was printed by Airflow 3.3.2 itself (test/airflow/attempt compares thousands). */
import { describe, expect, it } from "vitest"
import { readConnection } from "../../../src/runner/attempt/readConnection.ts"
import type { ConnectionFields } from "../../../src/runner/attempt/SecretsBackends.ts"

const nothing = {
  conn_id: "c",
  host: null,
  schema: null,
  login: null,
  password: null,
  port: null,
  extra: null
}

const uris: ReadonlyArray<readonly [string, Partial<ConnectionFields>]> = [
  [
    "postgresql://me:p%40ss@Db.Example:5432/shop?sslmode=require&a=",
    {
      conn_type: "postgres",
      host: "db.example",
      schema: "shop",
      login: "me",
      password: "p@ss",
      port: 5432,
      extra: '{"sslmode": "require", "a": ""}'
    }
  ],
  ["http://https://Host.Example/path", { conn_type: "http", host: "https://host.example", schema: "path" }],
  [
    "google-cloud-platform://?__extra__=%7B%22a%22%3A+1%7D",
    { conn_type: "google_cloud_platform", extra: '{"a": 1}' }
  ],
  ["mysql://%2Fcloudsql%2FMy-Proj%3Ax/db", { conn_type: "mysql", host: "/cloudsql/My-Proj:x", schema: "db" }],
  ["redis://[FE80::1]:6379/0", { conn_type: "redis", host: "fe80::1", schema: "0", port: 6379 }],
  [
    "s3://key:a%2Fb%2Bc@/bucket%2Fx",
    { conn_type: "s3", schema: "bucket/x", login: "key", password: "a/b+c" }
  ],
  ["sqlite:///tmp/a.db", { conn_type: "sqlite", schema: "tmp/a.db" }],
  ["ftp://u:@h", { conn_type: "ftp", host: "h", login: "u", password: "" }],
  [
    " aws://u@h?region=eu%20west&x=a+b&é=1\n",
    { conn_type: "aws", host: "h", login: "u", extra: '{"region": "eu west", "x": "a b", "\\u00e9": "1"}' }
  ],
  ["host/only", { conn_type: "", schema: "ost/only" }],
  ['{"uri": "a://b"}', { conn_type: "a", host: "b" }]
]

const documents: ReadonlyArray<readonly [string, Partial<ConnectionFields>]> = [
  [
    '{"conn_type": "postgresql", "host": "H", "port": "5432", "login": null}',
    { conn_type: "postgres", host: "H", port: 5432 }
  ],
  [
    '{"conn_type": "a-b", "extra": {"k": ["é", 1.5, true], "n": {}}}',
    { conn_type: "a_b", extra: '{"k": ["\\u00e9", 1.5, true], "n": {}}' }
  ],
  ['{"extra": "{no json", "port": ""}', { extra: "{no json" }],
  ['{"extra": {}, "port": 0}', {}]
]

describe("a connection", () => {
  it.each(uris)("in %s", (value, fields) => {
    expect(readConnection("c", value)).toEqual({ ...nothing, host: "", schema: "", ...fields })
  })

  it.each(documents)("in %s", (value, fields) => {
    expect(readConnection("c", value)).toEqual({ ...nothing, conn_type: "", ...fields })
  })

  it.each([
    ["a://b://c://d", "it holds more than two ://"],
    ["x://h:70000", "its port is no number from 0 to 65535"],
    ["x://h:٣", "its port is no number from 0 to 65535"],
    ["x://[::1", "one of the brackets of its host is missing"],
    ["x://[h]", "the brackets of its host hold no IPv6 address"],
    ["x://℀.com", "its host holds signs that are normalised to one of /?#@:"],
    ["http://u:p@https://h", "what stands before the second :// is not a protocol"],
    ['{"conn_id": "x"}', '"conn_id" is not a field of a connection'],
    ['{"port": "x"}', "its port is no whole number"],
    ['{"host": 5}', "its host is no text"],
    ["{", "it begins with { and is no JSON"],
    ["  ", "it is empty"]
  ])("in %s is refused", (value, why) => {
    expect(readConnection("c", value)).toBe(why)
  })
})
