/** Variables and connections of the embedded central: the operator's files, and what tasks set. */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { connectionOf } from "../../src/central/connectionOf.ts"
import { RepositoryMemory } from "../../src/central/RepositoryMemory.ts"
import { SiteValues } from "../../src/central/SiteValues.ts"
import { SiteFiles } from "../../src/platform/SiteFiles.ts"
import { served } from "./served.ts"
import { claimed, say, started } from "./taskSite.ts"

const files = {
  variables: '{"fixed": "one", "object": {"f": 1.0, "n": 9007199254740993}, "number": 2.50, "nothing": null}',
  connections:
    '{"db": "postgresql://ada:p%40ss@host:5432/x?sslmode=require", "api": {"conn_type": "http", "host": "h"}}'
}

layer(served({}, {}, RepositoryMemory.layer, files), { excludeTestServices: true })(
  "variables and connections",
  (it) => {
    it.effect("variables are those of the file, and those that tasks have set", () =>
      Effect.gen(function* () {
        const job = yield* started()
        const json = (method: string, path: string, body?: unknown) =>
          Effect.map(say(job, method, `variables/${path}`, body), ({ json, status }) => [status, json])
        assert.deepStrictEqual(yield* json("GET", "fixed"), [200, { key: "fixed", value: "one" }])
        assert.deepStrictEqual(yield* json("GET", "object"), [
          200,
          { key: "object", value: '{"f":1.0,"n":9007199254740993}' }
        ])
        assert.deepStrictEqual(yield* json("GET", "number"), [200, { key: "number", value: "2.50" }])
        assert.strictEqual((yield* json("GET", "own/one"))[0], 404)
        assert.strictEqual((yield* json("PUT", "own/one", { val: "a\u0000😀", description: "d" }))[0], 201)
        assert.deepStrictEqual(yield* json("GET", "own/one"), [200, { key: "own/one", value: "a\u0000😀" }])
        yield* json("PUT", "own/one", { val: null })
        assert.deepStrictEqual(yield* json("GET", "own/one"), [200, { key: "own/one", value: null }])
        assert.deepStrictEqual(yield* json("GET", "keys"), [
          200,
          { keys: ["fixed", "nothing", "number", "object", "own/one"], total_entries: 5 }
        ])
        assert.deepStrictEqual(yield* json("GET", "keys?prefix=n&limit=1&offset=1"), [
          200,
          { keys: ["number"], total_entries: 2 }
        ])
        assert.strictEqual((yield* json("GET", "keys?limit=0"))[0], 422)
        assert.strictEqual((yield* json("PUT", "fixed", { val: "x" }))[0], 403)
        assert.strictEqual((yield* json("DELETE", "fixed"))[0], 403)
        assert.strictEqual((yield* json("DELETE", "own/one"))[0], 204)
        assert.strictEqual((yield* json("DELETE", "own/one"))[0], 404)
        assert.strictEqual((yield* say(yield* claimed(), "PUT", "variables/x", { val: "1" })).status, 403)
      })
    )

    it.effect("connections are those of the file", () =>
      Effect.gen(function* () {
        const job = yield* started()
        const { json } = yield* say(job, "GET", "connections/db")
        assert.deepStrictEqual(json, {
          conn_id: "db",
          conn_type: "postgres",
          host: "host",
          schema: "x",
          login: "ada",
          password: "p@ss",
          port: 5432,
          extra: '{"sslmode":"require"}'
        })
        assert.include((yield* say(job, "GET", "connections/api")).json, { conn_type: "http", login: null })
        const missing = yield* say(job, "GET", "connections/none")
        assert.strictEqual(missing.status, 404)
        assert.match(missing.text, /"reason":"not_found"/)
      })
    )
  }
)

describe("a connection", () => {
  it("is an URI, an object, or a list of one", () => {
    const of = (given: unknown) => connectionOf("c", given)
    assert.deepInclude(of("http://"), { conn_type: "http", host: null, port: null, extra: null })
    assert.deepInclude(of("my-db://[::1]:80"), { conn_type: "my_db", host: "[::1]", port: 80 })
    assert.deepInclude(of("aws://?__extra__=%7B%22a%22%3A1.0%7D"), { extra: '{"a":1.0}' })
    assert.deepInclude(of("ssh://u@h/?timeout=5"), { login: "u", password: null, schema: null })
    assert.deepInclude(of([{ conn_type: "x", port: "22", extra: { k: "v" } }]), {
      port: 22,
      extra: '{"k":"v"}'
    })
    for (const none of ["no uri", 7, null, {}, { conn_type: 1 }, [], ["a://", "b://"], "x://%zz", undefined])
      assert.isUndefined(of(none))
  })
})

describe("a file that cannot be used", () => {
  const started = (texts: { readonly variables?: string; readonly connections?: string }) =>
    Effect.flip(
      Effect.provide(
        SiteValues,
        SiteValues.layer.pipe(Layer.provide([RepositoryMemory.layer, SiteFiles.layerMemory(texts)]))
      )
    )
  it.effect("is told at the start, without what it holds", () =>
    Effect.gen(function* () {
      for (const variables of ["{secret", '["secret"]', '"secret"', ""]) {
        const { message } = yield* started({ variables })
        assert.match(message, /variables_file/)
        assert.notMatch(message, /secret/)
      }
      const { message } = yield* started({ connections: '{"good": "a://", "bad": "secret"}' })
      assert.match(message, /connections_file: bad is no connection/)
      assert.notMatch(message, /secret/)
    })
  )
})
