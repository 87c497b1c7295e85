/** EdgeWorker: what a program that embeds a worker chooses, and what it gets where it chooses nothing. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { TokenSigner } from "../../src/platform/TokenSigner.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { EdgeWorker, type EdgeWorkerOptions } from "../../src/worker/EdgeWorker.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { within } from "./harness.ts"

/** A site that takes every worker; `asked` is what it was sent, by path. */
const siteThatAnswers = (asked: Map<string, unknown>) =>
  Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make((request, url) =>
      Effect.sync(() => {
        asked.set(url.pathname, sent(request))
        return HttpClientResponse.fromWeb(request, new Response(JSON.stringify(answerOf(url.pathname))))
      })
    )
  )
const sent = ({ body }: HttpClientRequest): unknown =>
  body._tag === "Uint8Array" ? JSON.parse(new TextDecoder().decode(body.body)) : undefined
const answerOf = (path: string): unknown => {
  if (path.endsWith("/version")) return { version: "3.4.0" }
  if (path.includes("/jobs/fetch/")) return null
  const taken = { last_update: "2026-01-01T00:00:00Z", versions_match: true }
  return { ...taken, state: "idle", queues: null }
}

type Choice = Omit<EdgeWorkerOptions<never, never>, "runner" | "platform">

/** What the worker says when it registers, and its status then. */
const registered = (choice: Choice) => {
  const asked = new Map<string, unknown>()
  const platform = MemoryPlatform.layer().pipe(
    Layer.provideMerge(MemoryFileTail.layer),
    Layer.provideMerge([
      siteThatAnswers(asked),
      Layer.succeed(TokenSigner, { sign: () => Effect.succeed(Redacted.make("token")) })
    ])
  )
  return Effect.gen(function* () {
    const worker = yield* Worker
    yield* within("5 seconds", worker.registered)
    return { said: asked.get(`/edge_worker/v1/worker/${choice.name}`), status: yield* worker.status }
  }).pipe(
    Effect.scoped,
    Effect.provide(
      EdgeWorker.layer({ ...choice, runner: TestRunner.layer(), platform }).pipe(
        Layer.provide(Layer.succeed(EdgeConfig, testSettings({ concurrency: 5 })))
      )
    )
  )
}

describe("EdgeWorker", () => {
  it.effect("takes every queue, no team, the configured slots and the site's version by default", () =>
    Effect.gen(function* () {
      const { said, status } = yield* registered({ name: "plain" })
      assert.deepInclude(said as object, { queues: null, team_name: null })
      assert.nestedPropertyVal(said, "sysinfo.airflow_version", "3.4.0")
      const { concurrency, queues, worker_name } = status
      assert.deepStrictEqual([worker_name, queues, concurrency], ["plain", null, 5])
    })
  )

  it.effect("is who the program says, with what it says is installed", () =>
    Effect.gen(function* () {
      const installed = Effect.succeed({ airflow: "3.3.1", edge3: "5.0.0", python: undefined })
      const choice = { name: "chosen", queues: ["a"], team: "blue", concurrency: 2, installed }
      const { said, status } = yield* registered(choice)
      assert.deepInclude(said as object, { queues: ["a"], team_name: "blue" })
      assert.nestedPropertyVal(said, "sysinfo.airflow_version", "3.3.1")
      assert.nestedPropertyVal(said, "sysinfo.edge_provider_version", "5.0.0")
      assert.deepStrictEqual([status.worker_name, status.concurrency], ["chosen", 2])
    })
  )
})
