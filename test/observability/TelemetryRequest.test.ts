/** The OTEL_* variables: what asks for traces, what does not, and what is wrong. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { read } from "../../src/observability/TelemetryRequest.ts"

const reading = (env: Record<string, string>) =>
  read("worker-1").pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })))

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318" }

describe("traces are wanted", () => {
  it.effect.each([
    [endpoint, ["otlp-protobuf"]],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://localhost:4318/v1/traces" }, ["otlp-protobuf"]],
    [{ OTEL_TRACES_EXPORTER: "otlp" }, ["otlp-protobuf"]],
    [{ OTEL_TRACES_EXPORTER: "console" }, ["console"]],
    [{ OTEL_TRACES_EXPORTER: "otlp, console" }, ["otlp-protobuf", "console"]],
    [{ ...endpoint, OTEL_TRACES_EXPORTER: "" }, ["otlp-protobuf"]],
    [{ ...endpoint, OTEL_SDK_DISABLED: "false" }, ["otlp-protobuf"]],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }, ["otlp-json"]],
    [
      {
        ...endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf"
      },
      ["otlp-protobuf"]
    ]
  ] as const)("%j", ([env, exporters]) =>
    Effect.gen(function* () {
      const { request, warnings } = yield* reading(env)
      assert.deepStrictEqual(request?.exporters, [...exporters])
      assert.deepStrictEqual(warnings, [])
    })
  )
})

describe("traces are not wanted", () => {
  it.effect.each([
    {},
    { OTEL_SERVICE_NAME: "x" },
    { OTEL_EXPORTER_OTLP_ENDPOINT: "" },
    { ...endpoint, OTEL_TRACES_EXPORTER: "none" },
    { ...endpoint, OTEL_SDK_DISABLED: "TRUE" }
  ])("%j", (env) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reading(env), { request: undefined, warnings: [] })
    })
  )

  it.effect.each([
    [{ OTEL_TRACES_EXPORTER: "zipkin" }, "OTEL_TRACES_EXPORTER", "zipkin"],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"]
  ] as const)("with a warning: %j", ([env, variable, value]) =>
    Effect.gen(function* () {
      const { request, warnings } = yield* reading(env)
      assert.isUndefined(request)
      assert.lengthOf(warnings, 1)
      assert.include(warnings[0], variable)
      assert.include(warnings[0], value)
    })
  )
})

describe("the resource", () => {
  it.effect.each([
    [{}, "edge-worker", "worker-1"],
    [{ OTEL_SERVICE_NAME: "mine" }, "mine", "worker-1"],
    [{ OTEL_RESOURCE_ATTRIBUTES: "service.name=a%20b, service.instance.id = 7 " }, "a b", "7"],
    [{ OTEL_SERVICE_NAME: "mine", OTEL_RESOURCE_ATTRIBUTES: "service.name=other" }, "mine", "worker-1"],
    [{ OTEL_RESOURCE_ATTRIBUTES: "service.name=%zz" }, "edge-worker", "worker-1"]
  ] as const)("%j", ([env, serviceName, instance]) =>
    Effect.gen(function* () {
      const { request } = yield* reading({ ...endpoint, ...env })
      assert.deepStrictEqual(request?.resource, {
        serviceName,
        attributes: { "service.instance.id": instance }
      })
    })
  )
})
