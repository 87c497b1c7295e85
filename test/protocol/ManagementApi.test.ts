/** Our management API says of each operation what a real Airflow publishes, and a server made of it reads what clients send. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { expect, test } from "vitest"
import {
  ManagementApi,
  ManagementGroup,
  ManagementToken,
  Unauthorized
} from "../../src/protocol/ManagementApi.ts"
import { facts, managementOperations } from "./openApiFacts.ts"

const fixture: unknown = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures", "management-api-5.1.0.json"), "utf8")
)
const published = facts(fixture, "/ui", managementOperations)
const ours = facts(OpenApi.fromApi(ManagementApi), "", managementOperations)

/** Published nowhere, but answered (`worker_api/routes/ui.py`, `core_api/security.py`): the errors, and who may ask. */
const unpublished = / -> (?:400|401|403|404) | (?:undefined|header) parameter |\._tag: /

/** A query parameter that may be left out is published as one that may be null; on the wire there is no such thing. */
const without = (fact: string) =>
  fact.includes(" query parameter ") ? fact.replace(/\bnull or | or null\b/, "") : fact

const comparable = (all: ReadonlyArray<string>) =>
  all
    .filter((fact) => !unpublished.test(fact))
    .map(without)
    .sort()

test("it is what a real Airflow publishes, and nothing more", () => {
  expect(comparable(ours)).toEqual(comparable(published))
  expect(ours.filter((fact) => / -> (?:401|403) application\/json: /.test(fact))).toHaveLength(
    2 * managementOperations.length
  )
  const declared = Object.entries(OpenApi.fromApi(ManagementApi).paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`)
  )
  expect(declared.sort()).toEqual(managementOperations.map((operation) => operation.join(" ")).sort())
})

test("a changed property, parameter or state is seen", () => {
  const told = JSON.stringify(fixture)
  for (const [from, to] of [
    ['"last_heartbeat"', '"last_seen"'],
    ['"queue_pattern"', '"queue"'],
    ['"offline maintenance"', '"offline for ever"'],
    ['"maintenance_comment"', '"comment"']
  ] as const) {
    const changed = facts(JSON.parse(told.replaceAll(from, to)), "/ui", managementOperations)
    expect(comparable(changed), from).not.toEqual(comparable(ours))
  }
})

/** A server that says what it was asked. */
const server = () => {
  const seen: Array<unknown> = []
  const note = (value: unknown) =>
    Effect.sync(() => {
      seen.push(value)
      return null
    })
  const handlers = HttpApiBuilder.group(ManagementApi, "management", (handlers) =>
    handlers.handleAll({
      workers: ({ query }) => Effect.as(note(query), { workers: [], total_entries: 0 }),
      jobs: ({ query }) => Effect.as(note(query), { jobs: [], total_entries: 0 }),
      requestMaintenance: ({ params, payload }) => note([params, payload]),
      updateMaintenance: ({ params, payload }) => note([params, payload]),
      exitMaintenance: ({ params }) => note(params),
      shutdown: ({ params }) => note(params),
      removeWorker: ({ params }) => note(params),
      addQueue: ({ params }) => note(params),
      removeQueue: ({ params }) => note(params),
      setConcurrency: ({ params, payload }) => note([params, payload])
    })
  )
  const guard = Layer.succeed(ManagementToken, {
    token: (next, { credential }) =>
      Redacted.value(credential) === "good"
        ? next
        : Effect.fail(new Unauthorized({ detail: "Not authenticated" }))
  })
  const { handler } = HttpRouter.toWebHandler(
    HttpApiBuilder.layer(ManagementApi).pipe(
      Layer.provide(handlers),
      Layer.provide(guard),
      Layer.provide(HttpServer.layerServices)
    ),
    { disableLogger: true }
  )
  const ask = async (method: string, path: string, body?: unknown, token = "good") => {
    const answer = await handler(
      new Request(`http://site.test${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
    )
    return { status: answer.status, body: await answer.text() }
  }
  return { ask, seen }
}

test("as a server: one state or several, names in paths, null for a change, a detail for who may not", async () => {
  expect(ManagementGroup.identifier).toBe("management")
  const { ask, seen } = server()
  await ask("GET", "/worker?state=idle")
  await ask("GET", "/worker?state=idle&state=maintenance+mode&worker_name_pattern=a%20b")
  await ask("GET", "/jobs?state=running&queue_pattern=q")
  expect(await ask("PUT", "/worker/a%20%C3%BC/queues/x%26y")).toEqual({ status: 200, body: "null" })
  await ask("PATCH", "/worker/a/concurrency", { concurrency: 3 })
  expect(seen).toEqual([
    { state: ["idle"] },
    { state: ["idle", "maintenance mode"], worker_name_pattern: "a b" },
    { state: ["running"], queue_pattern: "q" },
    { worker_name: "a ü", queue_name: "x&y" },
    [{ worker_name: "a" }, { concurrency: 3 }]
  ])
  expect((await ask("PATCH", "/worker/a/concurrency", { concurrency: 0 })).status).toBe(400)
  expect(await ask("DELETE", "/worker/a", undefined, "bad")).toEqual({
    status: 401,
    body: '{"detail":"Not authenticated"}'
  })
  expect(seen).toHaveLength(5)
})
