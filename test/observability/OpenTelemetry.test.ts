/** The SDK against a collector on this machine: what arrives, under which name, and how the end is bounded. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { TestClock } from "effect/testing"
import { afterEach, vi } from "vitest"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import * as Telemetry from "../../src/observability/Telemetry.ts"
import { collector } from "./collector.ts"

const identity = Layer.succeed(WorkerIdentity, {
  name: "worker-1",
  queues: null,
  team: null,
  concurrency: 1
})

const traceId = "0af7651916cd43dd8448eb211c80319c"
const spanId = "b7ad6b7169203331"

/** The SDK reads the process's own environment. */
const set = (variables: Readonly<Record<string, string>>) =>
  Effect.sync(() => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  })

afterEach(() => {
  vi.unstubAllEnvs()
})

const telemetry = Layer.suspend(() =>
  Telemetry.layer.pipe(
    Layer.provide(identity),
    Layer.provide(Layer.sync(ConfigProvider.ConfigProvider, () => ConfigProvider.fromEnv()))
  )
)

/** A job in a worker, as far as traces are concerned. */
const job = (sampled: boolean) =>
  Effect.void.pipe(
    Effect.withSpan("LogPush.push"),
    Effect.andThen(Effect.fail("exited with code 3").pipe(Effect.withSpan("Reports.send"), Effect.ignore)),
    Effect.withSpan("JobRun.run", { parent: Tracer.externalSpan({ traceId, spanId, sampled }) })
  )

interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly status: { readonly code: number }
}

interface Sent {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: {
      readonly attributes: ReadonlyArray<{
        readonly key: string
        readonly value: { readonly stringValue: string }
      }>
    }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }>
  }>
}

describe("OpenTelemetry", () => {
  it.live("a job's spans reach the collector at the end of the worker, in the Dag run's trace", () =>
    Effect.gen(function* () {
      const { received, url } = yield* collector("accepts")
      yield* set({
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=seven",
        OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test"
      })
      yield* job(true).pipe(Effect.provide(telemetry))
      assert.lengthOf(received, 1)
      assert.strictEqual(received[0]?.path, "/v1/traces")
      assert.strictEqual(received[0]?.headers["x-tenant"], "seven")
      const sent: Sent = JSON.parse(received[0]?.body ?? "")
      const resource = new Map(
        sent.resourceSpans[0]?.resource.attributes.map(({ key, value }) => [key, value.stringValue])
      )
      assert.strictEqual(resource.get("service.name"), "edge-worker")
      assert.strictEqual(resource.get("service.instance.id"), "worker-1")
      assert.strictEqual(resource.get("deployment.environment.name"), "test")
      const spans = sent.resourceSpans.flatMap((one) => one.scopeSpans.flatMap((scope) => scope.spans))
      const run = spans.find((span) => span.name === "JobRun.run")
      assert.strictEqual(run?.parentSpanId, spanId)
      assert.deepStrictEqual(
        spans.map((span) => [span.name, span.traceId, span.parentSpanId, span.status.code]),
        [
          ["LogPush.push", traceId, run?.spanId, 1],
          ["Reports.send", traceId, run?.spanId, 2],
          ["JobRun.run", traceId, spanId, 1]
        ]
      )
    })
  )

  it.live("protobuf is what is sent where no protocol is named", () =>
    Effect.gen(function* () {
      const { received, url } = yield* collector("accepts")
      yield* set({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/elsewhere` })
      yield* job(true).pipe(Effect.provide(telemetry))
      assert.deepStrictEqual(
        received.map(({ path, headers }) => [path, headers["content-type"]]),
        [["/elsewhere", "application/x-protobuf"]]
      )
      assert.include(received[0]?.body, "JobRun.run")
    })
  )

  it.live("the sampler is the one that is named, and by default it follows the site", () =>
    Effect.gen(function* () {
      const { received, url } = yield* collector("accepts")
      yield* set({ OTEL_EXPORTER_OTLP_ENDPOINT: url })
      yield* job(false).pipe(Effect.provide(telemetry))
      assert.lengthOf(received, 0)
      yield* set({ OTEL_TRACES_SAMPLER: "always_on" })
      yield* job(false).pipe(Effect.provide(telemetry))
      assert.lengthOf(received, 1)
      yield* set({ OTEL_TRACES_SAMPLER: "always_off" })
      yield* job(true).pipe(Effect.provide(telemetry))
      assert.lengthOf(received, 1)
    })
  )

  it.effect("a collector that never answers holds the end up for 5 seconds and no longer", () =>
    Effect.gen(function* () {
      const { first, url } = yield* collector("silent")
      yield* set({ OTEL_EXPORTER_OTLP_ENDPOINT: url })
      const lines: Array<string> = []
      const log = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(telemetry, scope).pipe(Effect.provide(log))
      yield* job(true).pipe(Effect.provideContext(context))
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* first
      yield* TestClock.adjust("4999 millis")
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(lines, ["the collector took longer than 5 seconds: the last spans may be lost"])
    })
  )
})
