/**
 * OpenTelemetry: the official SDK behind Effect's tracer and metrics; a file of its own in `out/`, loaded only when asked for.
 *
 * Bundled with its own copy of effect: what crosses this border is a tracer, a Map of metrics,
 * promises and plain values.
 */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import * as OtelMetrics from "@effect/opentelemetry/OtelMetrics"
import * as Resource from "@effect/opentelemetry/Resource"
import { DiagLogLevel, diag } from "@opentelemetry/api"
import { setGlobalErrorHandler } from "@opentelemetry/core"
import { OTLPMetricExporter as JsonMetrics } from "@opentelemetry/exporter-metrics-otlp-http"
import { OTLPMetricExporter as ProtobufMetrics } from "@opentelemetry/exporter-metrics-otlp-proto"
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http"
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto"
import {
  ConsoleMetricExporter,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter
} from "@opentelemetry/sdk-metrics"
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  SimpleSpanProcessor,
  type SpanProcessor
} from "@opentelemetry/sdk-trace-base"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { Request } from "./TelemetryRequest.ts"

/** An SDK at work. */
export interface Opened {
  readonly tracer: Tracer.Tracer
  /** Exports what waits, and ends the SDK; takes as long as the collector does. */
  readonly close: () => Promise<void>
}

/** Processors and exporters read the rest of their OTEL_* variables themselves. */
const processors: Readonly<Record<Request["exporters"][number], () => SpanProcessor>> = {
  "otlp-json": () => new BatchSpanProcessor(new JsonExporter()),
  "otlp-protobuf": () => new BatchSpanProcessor(new ProtobufExporter()),
  console: () => new SimpleSpanProcessor(new ConsoleSpanExporter())
}

/** `onProblem` hears what it would otherwise keep to itself: a collector that is away, a wrong value. */
const listen = (onProblem: (message: string) => void) => {
  const ignore = () => {}
  const say = (...words: ReadonlyArray<unknown>) => onProblem(words.map(String).join(" "))
  const logger = { error: say, warn: say, info: ignore, debug: ignore, verbose: ignore }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  setGlobalErrorHandler((error) =>
    onProblem(typeof error === "string" ? error : (error.message ?? error.name ?? "unknown error"))
  )
}

/** Starts the SDK for traces. */
export const open = async (
  { exporters, resource }: Request,
  onProblem: (message: string) => void
): Promise<Opened> => {
  listen(onProblem)
  const scope = Scope.makeUnsafe()
  const sdk = NodeSdk.layer(() => ({
    spanProcessor: exporters.map((name) => processors[name]()),
    resource,
    shutdownTimeout: "1 minute"
  }))
  const context = await Effect.runPromise(Layer.buildWithScope(sdk, scope))
  return {
    tracer: Context.get(context, Tracer.Tracer),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const metricExporters: Readonly<Record<Request["exporters"][number], () => PushMetricExporter>> = {
  "otlp-json": () => new JsonMetrics(),
  "otlp-protobuf": () => new ProtobufMetrics(),
  console: () => new ConsoleMetricExporter()
}

/**
 * Starts the SDK for metrics, which asks for them whenever it exports: an Effect registry as a plain Map, whose metrics
 * are those of another copy of effect.
 */
export const openMetrics = async (
  { exporters, resource }: Request,
  intervalMillis: number,
  registry: () => Promise<ReadonlyMap<string, unknown>>,
  onProblem: (message: string) => void
): Promise<Pick<Opened, "close">> => {
  listen(onProblem)
  const scope = Scope.makeUnsafe()
  const current = new Map<string, unknown>()
  const start = Effect.gen(function* () {
    const producer = yield* OtelMetrics.makeProducer()
    const asked: MetricProducer = {
      collect: async (options) => {
        const found = await registry()
        current.clear()
        for (const [id, metric] of found) current.set(id, metric)
        return producer.collect(options)
      }
    }
    const readers = exporters.map(
      (name) =>
        new PeriodicExportingMetricReader({
          exporter: metricExporters[name](),
          exportIntervalMillis: intervalMillis,
          exportTimeoutMillis: Math.min(intervalMillis, 30_000)
        })
    )
    const [first, ...rest] = readers
    if (first !== undefined)
      yield* OtelMetrics.registerProducer(asked, () => [first, ...rest], { shutdownTimeout: "1 minute" })
  })
  await Effect.runPromise(
    start.pipe(
      // both copies of effect write the same into it
      Effect.provideService(Metric.MetricRegistry, current as Metric.MetricRegistry),
      Effect.provide(Resource.layer(resource)),
      Scope.provide(scope)
    )
  )
  return { close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}
