/** MetricsExport: metrics by OpenTelemetry as one layer, which loads nothing unless OTEL_* variables ask for it. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { flushTimeout } from "./Telemetry.ts"
import { type Request, read } from "./TelemetryRequest.ts"

/** Milliseconds (OpenTelemetry specification 1.50, "Periodic exporting MetricReader"). */
const interval = Config.Int("OTEL_METRIC_EXPORT_INTERVAL").pipe(
  Config.withDefault(60_000),
  Config.map((millis) => Math.max(100, millis))
)

/** What is measured: an Effect registry, made anew for each export. */
type Collect = Effect.Effect<ReadonlyMap<string, unknown>, { readonly message: string }>

const reason = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

const open = Effect.fnUntraced(function* (request: Request, collect: Collect) {
  const context = yield* Effect.context<never>()
  const log = Effect.runForkWith(context)
  let told = false
  const onProblem = (message: string) => {
    const line = `metrics may be missing: OpenTelemetry says: ${message}`
    log(told ? Effect.logDebug(line) : Effect.logWarning(`${line} (more of this at level debug)`))
    told = true
  }
  const registry = () => Effect.runPromiseWith(context)(Effect.mapError(collect, ({ message }) => message))
  const millis = yield* interval
  yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => (await import("./OpenTelemetry.ts")).openMetrics(request, millis, registry, onProblem),
      catch: reason
    }),
    ({ close }) =>
      Effect.tryPromise({ try: close, catch: reason }).pipe(
        Effect.interruptible,
        Effect.timeoutOrElse({
          duration: flushTimeout,
          orElse: () =>
            Effect.logWarning(`the collector took longer than ${flushTimeout} for the last metrics`)
        }),
        Effect.catch((why) => Effect.logWarning(`the last metrics may be lost: ${why}`))
      )
  )
})

/** Exports until its scope ends, and once more then. Whatever goes wrong with it, the program works on. */
export const layer = (service: string, instance: string, collect: Collect): Layer.Layer<never> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { request, warnings } = yield* read(instance, "metrics", service)
      for (const warning of warnings) yield* Effect.logWarning(warning)
      if (request !== undefined) yield* open(request, collect)
    }).pipe(
      Effect.catch((why) =>
        Effect.logWarning(`there will be no metrics by OpenTelemetry, which did not start: ${String(why)}`)
      )
    )
  )
