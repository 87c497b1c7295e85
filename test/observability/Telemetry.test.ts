/** The layer around the SDK: nothing is loaded unasked, and an SDK that cannot start is a warning. */
import { assert, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Tracer from "effect/Tracer"
import { vi } from "vitest"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import * as Telemetry from "../../src/observability/Telemetry.ts"

const sdk = vi.hoisted(() => ({ loads: 0 }))
vi.mock("../../src/observability/OpenTelemetry.ts", () => {
  sdk.loads += 1
  return { open: () => Promise.reject(new Error("the SDK is broken")) }
})

/** Runs a span with the layer, and gives whether it was made, and the worker's log. */
const worker = (env: Record<string, string>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const span = yield* Effect.currentSpan.pipe(
      Effect.withSpan("JobRun.run"),
      Effect.provide(Telemetry.layer),
      Effect.provide([
        Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]),
        Layer.succeed(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
        Layer.succeed(WorkerIdentity, { name: "worker-1", queues: null, team: null, concurrency: 1 })
      ])
    )
    return { made: !Context.get(span.annotations, Tracer.DisablePropagation), lines, loads: sdk.loads }
  })

it.effect("without variables, or with traces turned off, nothing is loaded and no span made", () =>
  Effect.gen(function* () {
    const off = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318", OTEL_SDK_DISABLED: "true" }
    for (const env of [{}, { OTEL_SERVICE_NAME: "x" }, off]) {
      assert.deepStrictEqual(yield* worker(env), { made: false, lines: [], loads: 0 })
    }
  })
)

it.effect("an SDK that does not start is a warning, and the worker works on", () =>
  Effect.gen(function* () {
    const { made, lines, loads } = yield* worker({ OTEL_TRACES_EXPORTER: "otlp" })
    assert.isFalse(made)
    assert.strictEqual(loads, 1)
    assert.lengthOf(lines, 1)
    assert.include(lines[0], "there will be no traces")
    assert.include(lines[0], "the SDK is broken")
  })
)
