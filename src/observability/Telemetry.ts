/** Telemetry: traces by OpenTelemetry as one layer, which loads nothing unless OTEL_* variables ask for it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { type Request, read } from "./TelemetryRequest.ts"

/** How long the end of the worker waits for the collector to take the last spans. */
export const flushTimeout = "5 seconds"

const reason = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** Spans that nobody exports are not made: they are some of what a task costs. */
const noTraces = Layer.succeed(References.TracerEnabled, false)

const open = Effect.fnUntraced(function* (request: Request) {
  const log = Effect.runForkWith(yield* Effect.context<never>())
  let told = false
  const onProblem = (message: string) => {
    const line = `traces may be missing: OpenTelemetry says: ${message}`
    log(told ? Effect.logDebug(line) : Effect.logWarning(`${line} (more of this at level debug)`))
    told = true
  }
  const { tracer } = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => (await import("./OpenTelemetry.ts")).open(request, onProblem),
      catch: reason
    }),
    ({ close }) =>
      Effect.tryPromise({ try: close, catch: reason }).pipe(
        Effect.interruptible,
        Effect.timeoutOrElse({
          duration: flushTimeout,
          orElse: () =>
            Effect.logWarning(`the collector took longer than ${flushTimeout}: the last spans may be lost`)
        }),
        Effect.catch((why) => Effect.logWarning(`the last spans may be lost: ${why}`))
      )
  )
  return Layer.succeed(Tracer.Tracer, tracer)
})

/** The tracer that the variables ask for, or none. Whatever goes wrong with it, the worker works on. */
export const layer: Layer.Layer<never, never, WorkerIdentity> = Layer.unwrap(
  Effect.gen(function* () {
    const { name } = yield* WorkerIdentity
    const { request, warnings } = yield* read(name)
    for (const warning of warnings) yield* Effect.logWarning(warning)
    return request === undefined ? noTraces : yield* open(request)
  }).pipe(
    Effect.catch((why) =>
      Effect.as(
        Effect.logWarning(`there will be no traces, because OpenTelemetry did not start: ${String(why)}`),
        noTraces
      )
    )
  )
)
