/** A server and a client made of the Execution API keep JSON digit by digit, and understand Airflow's own bodies. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import { HttpApi, HttpApiBuilder, HttpApiClient, HttpApiMiddleware, HttpApiSchema } from "effect/http-api"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "vitest"
import {
  ExecutionToken,
  ExecutionVersion,
  executionApiVersion,
  layerVersion,
  TokenTask
} from "../../src/protocol/execution/ExecutionToken.ts"
import { Gone } from "../../src/protocol/execution/parts.ts"
import { TaskInstancesGroup } from "../../src/protocol/execution/TaskInstances.ts"
import { TaskStateBody } from "../../src/protocol/execution/TaskStates.ts"
import { contentRange, countOf, XComsGroup } from "../../src/protocol/execution/XComs.ts"
import * as Json from "../../src/protocol/Json.ts"

const id = "01a20538-41c1-7462-9701-dbc18f353eea"
const hard = '[1.0,9007199254740993,-0,1e400,{"b":2.50,"a":"\\u0000"},[]]'

/** The parts with exact bodies. */
class Api extends HttpApi.make("execution").add(TaskInstancesGroup, XComsGroup) {}

const serve = () => {
  const seen: Array<{ readonly name: string; readonly value: unknown }> = []
  const note = (name: string, value: unknown) => Effect.sync(() => void seen.push({ name, value }))
  const absent = () => Effect.die("not asked here")
  const xcoms = HttpApiBuilder.group(Api, "xcoms", (group) =>
    group.handleAll({
      get: ({ params }) => Effect.succeed({ key: params.key, value: Json.parse(hard) }),
      set: ({ payload, query }) => Effect.as(note(JSON.stringify(query), payload), { message: "set" }),
      remove: absent,
      count: () =>
        Effect.succeed(
          HttpApiSchema.withHeaders({ body: undefined, headers: { "content-range": contentRange(7) } })
        ),
      item: ({ params }) => Effect.succeed(params.offset),
      slice: () => Effect.succeed([1, null])
    })
  )
  const tasks = HttpApiBuilder.group(Api, "taskInstances", (group) =>
    group.handleAll({
      run: absent,
      setState: ({ payload }) => note(payload.state, payload),
      skipDownstream: absent,
      heartbeat: () => Effect.fail(new Gone({ detail: { reason: "not_found" } })),
      rtif: ({ payload }) => Effect.as(note("rtif", payload), null),
      renderedMapIndex: ({ payload }) => note("index", payload),
      previousSuccessfulDagRun: absent,
      validateInletsAndOutlets: absent,
      count: ({ query }) => Effect.as(note("count", query), 3),
      states: absent,
      previous: () => Effect.succeed(null),
      breadcrumbs: absent
    })
  )
  const token = Layer.succeed(
    ExecutionToken,
    ExecutionToken.of({
      token: (next, { credential }) =>
        Effect.provideService(next, TokenTask, { id: Redacted.value(credential), scope: "execution" })
    })
  )
  const { handler } = HttpRouter.toWebHandler(
    HttpApiBuilder.layer(Api).pipe(
      Layer.provide([xcoms, tasks]),
      Layer.provide([token, Layer.succeed(ExecutionVersion, (next) => next)]),
      Layer.provideMerge(HttpServer.layerServices)
    ),
    { disableLogger: true }
  )
  const answered = (request: Request) => handler(request, Context.empty())
  const ask = async (method: string, path: string, body?: string) => {
    const answer = await answered(
      new Request(`http://central${path}`, {
        method,
        ...(body === undefined ? {} : { body, headers: { "content-type": "application/json" } })
      })
    )
    return { status: answer.status, text: await answer.text(), headers: answer.headers }
  }
  const versions: Array<string | undefined> = []
  const client = HttpApiClient.makeWith(Api, {
    httpClient: HttpClient.make((request) =>
      Effect.promise(async () => {
        versions.push(request.headers["airflow-api-version"])
        return HttpClientResponse.fromWeb(request, await answered(await webRequest(request)))
      })
    ),
    baseUrl: "http://central"
  }).pipe(
    Effect.provide([
      layerVersion,
      HttpApiMiddleware.layerClient(ExecutionToken, ({ next, request }) =>
        next(HttpClientRequest.bearerToken(request, "t"))
      )
    ])
  )
  return { ask, client, seen, versions }
}

const webRequest = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.runPromise(HttpClientRequest.toWeb(request))

const key = { dag_id: "d", run_id: "manual__2026-11-22T21:45:02.479581+00:00", task_id: "t", key: "a/b" }

describe("a value", () => {
  test("comes from the client and goes back to it digit by digit", async () => {
    const { client, seen, versions } = serve()
    const { set, get } = (await Effect.runPromise(client)).xcoms
    await Effect.runPromise(set({ params: key, query: { mapped_length: 2 }, payload: Json.parse(hard) }))
    expect(Json.stringify(seen[0]?.value)).toBe(hard)
    const read = await Effect.runPromise(get({ params: key, query: {} }))
    expect([read.key, Json.stringify(read.value)]).toEqual(["a/b", hard])
    expect(new Set(versions)).toEqual(new Set([executionApiVersion]))
  })

  test("is on the wire as it is, both ways", async () => {
    const { ask, seen } = serve()
    expect((await ask("POST", "/xcoms/d/r/t/k?map_index=-1&dag_result=true", hard)).status).toBe(201)
    expect(seen[0]?.name).toBe('{"map_index":-1,"dag_result":true}')
    expect(Json.stringify(seen[0]?.value)).toBe(hard)
    expect(await ask("GET", "/xcoms/d/r/t/k")).toMatchObject({
      status: 200,
      text: `{"key":"k","value":${hard}}`
    })
  })

  test("that is left out is null, as Python's client sends it", async () => {
    const { ask, seen } = serve()
    expect((await ask("POST", "/xcoms/d/r/t/k")).status).toBe(201)
    expect(seen).toEqual([{ name: "{}", value: null }])
  })

  test("that is no JSON is refused", async () => {
    const { ask, seen } = serve()
    for (const body of ["{", "NaN", "1 2"])
      expect((await ask("POST", "/xcoms/d/r/t/k", body)).status).toBe(400)
    expect(seen).toEqual([])
  })

  test("is counted in a header", async () => {
    const { client } = serve()
    const { count } = (await Effect.runPromise(client)).xcoms
    const { headers } = await Effect.runPromise(count({ params: key, query: {} }))
    expect(countOf(headers["content-range"])).toBe(7)
    expect([countOf("map_indexes 12"), countOf("bytes 1"), countOf("map_indexes")]).toEqual([
      12,
      undefined,
      undefined
    ])
  })
})

describe("a state", () => {
  const end_date = "2026-11-22T21:45:02.479581Z"
  const bodies = [
    { state: "success", end_date, task_outlets: [], outlet_events: [] },
    { state: "failed", end_date, rendered_map_index: null },
    { state: "skipped", end_date },
    { state: "removed", end_date },
    { state: "upstream_failed", end_date },
    { state: "up_for_retry", end_date, retry_delay_seconds: 300, retry_reason: "again" },
    { state: "deferred", classpath: "x.T", next_method: "m", trigger_kwargs: {}, trigger_timeout: "PT1H" },
    { state: "deferred", classpath: "x.T", next_method: "m", trigger_kwargs: "gAAA" },
    { state: "up_for_reschedule", reschedule_date: end_date, end_date },
    { state: "awaiting_input", next_method: "m", next_kwargs: { a: 1 }, timeout: null }
  ]

  test("of each kind arrives", async () => {
    const { ask, seen } = serve()
    for (const body of bodies)
      expect(await ask("PATCH", `/task-instances/${id}/state`, JSON.stringify(body))).toMatchObject({
        status: 204,
        text: ""
      })
    expect(seen.map(({ value }) => value)).toEqual(bodies)
  })

  test("has numbers as Python writes them", () => {
    const body = Schema.decodeUnknownSync(TaskStateBody)(
      Json.parse(`{"state":"up_for_retry","end_date":"${end_date}","retry_delay_seconds":300.0}`)
    )
    expect(body).toMatchObject({ retry_delay_seconds: 300 })
  })

  test("that is none is refused", async () => {
    const { ask } = serve()
    for (const body of [
      { state: "success" },
      { state: "success", end_date: "yesterday" },
      { state: "queued", end_date },
      { state: "deferred", classpath: "x" },
      { end_date },
      null,
      [],
      "success"
    ])
      expect((await ask("PATCH", `/task-instances/${id}/state`, JSON.stringify(body))).status).toBe(400)
    expect((await ask("PATCH", "/task-instances/1/state", JSON.stringify(bodies[0]))).status).toBe(400)
  })
})

test("a refusal is told by its kind", async () => {
  const { client } = serve()
  const { heartbeat } = (await Effect.runPromise(client)).taskInstances
  const beat = heartbeat({ params: { task_instance_id: id }, payload: { hostname: "h", pid: 1 } })
  expect(await Effect.runPromise(Effect.flip(beat))).toEqual(new Gone({ detail: { reason: "not_found" } }))
})

test("a query has its numbers and lists", async () => {
  const { client, seen } = serve()
  const { count } = (await Effect.runPromise(client)).taskInstances
  const query = { dag_id: "d", map_index: -1, task_ids: ["a"], run_ids: ["r", "s"] }
  expect(await Effect.runPromise(count({ query }))).toBe(3)
  expect(seen).toEqual([{ name: "count", value: query }])
})
