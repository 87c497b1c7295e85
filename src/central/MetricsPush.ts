/** MetricsPush: the central's metrics by OpenTelemetry, where OTEL_* variables ask for them, as `/metrics` has them. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CentralConfig } from "../config/CentralConfig.ts"
import * as MetricsExport from "../observability/MetricsExport.ts"
import * as CentralMetrics from "./CentralMetrics.ts"
import { Repository } from "./Repository.ts"

export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { host, port } = yield* CentralConfig
    const { workers } = yield* Repository
    return MetricsExport.layer(
      "edge-central",
      `${host}:${port}`,
      Effect.flatMap(workers({}), CentralMetrics.registry)
    )
  })
)
