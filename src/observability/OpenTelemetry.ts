/**
 * OpenTelemetry: the official SDK behind Effect's tracer; a file of its own in `out/`, loaded only when asked for.
 *
 * Bundled with its own copy of effect: what crosses this border is a tracer, promises and plain values.
 */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { DiagLogLevel, diag } from "@opentelemetry/api"
import { setGlobalErrorHandler } from "@opentelemetry/core"
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http"
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto"
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

/** Starts the SDK. `onProblem` hears what it would otherwise keep to itself: a collector that is away, a wrong value. */
export const open = async (
  { exporters, resource }: Request,
  onProblem: (message: string) => void
): Promise<Opened> => {
  const ignore = () => {}
  const say = (...words: ReadonlyArray<unknown>) => onProblem(words.map(String).join(" "))
  const logger = { error: say, warn: say, info: ignore, debug: ignore, verbose: ignore }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  setGlobalErrorHandler((error) =>
    onProblem(typeof error === "string" ? error : (error.message ?? error.name ?? "unknown error"))
  )
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
