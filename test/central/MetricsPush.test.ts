/** The central's metrics at a collector of OpenTelemetry on this machine, under Airflow's own names. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import { afterEach, vi } from "vitest"
import * as CentralMetrics from "../../src/central/CentralMetrics.ts"
import * as MetricsPush from "../../src/central/MetricsPush.ts"
import { Repository, RepositoryUnavailable } from "../../src/central/Repository.ts"
import { RepositoryMemory } from "../../src/central/RepositoryMemory.ts"
import { CentralConfig } from "../../src/config/CentralConfig.ts"
import { testCentralSettings } from "../../src/testing/centralSettings.ts"
import { collector } from "../observability/collector.ts"
import { jobRecord, workerRecord } from "./records.ts"

interface Point {
  readonly asDouble?: number
  readonly asInt?: number
  readonly count?: number
  readonly attributes: ReadonlyArray<{
    readonly key: string
    readonly value: { readonly stringValue: string }
  }>
}
interface Data {
  readonly dataPoints: ReadonlyArray<Point>
}
interface Sent {
  readonly resourceMetrics: ReadonlyArray<{
    readonly resource: {
      readonly attributes: ReadonlyArray<{
        readonly key: string
        readonly value: { readonly stringValue: string }
      }>
    }
    readonly scopeMetrics: ReadonlyArray<{
      readonly metrics: ReadonlyArray<{
        readonly name: string
        readonly sum?: Data
        readonly gauge?: Data
        readonly histogram?: Data
      }>
    }>
  }>
}

/** Each value by its name and attributes. */
const values = ({ resourceMetrics }: Sent) =>
  Object.fromEntries(
    resourceMetrics
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
      .flatMap(({ gauge, histogram, name, sum }) =>
        ((gauge ?? sum ?? histogram)?.dataPoints ?? []).map((point) => {
          const tags = point.attributes
            .filter(({ key }) => key !== "unit")
            .map(({ key, value }) => `${key}=${value.stringValue}`)
          return [[name, ...tags.sort()].join(" "), point.asDouble ?? point.asInt ?? point.count] as const
        })
      )
  )

/** The SDK reads the process's own environment. */
const push = (variables: Readonly<Record<string, string>>, store = RepositoryMemory.layer) => {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  return MetricsPush.layer.pipe(
    Layer.provideMerge(store),
    Layer.provide([
      Layer.succeed(CentralConfig, testCentralSettings({ port: 8080 })),
      Layer.sync(ConfigProvider.ConfigProvider, () => ConfigProvider.fromEnv())
    ])
  )
}

afterEach(() => {
  vi.unstubAllEnvs()
})

const isolated = Effect.provideService(Metric.MetricRegistry, new Map())

describe("MetricsPush", () => {
  it.live("counts and workers reach the collector, at the latest when the central ends", () =>
    Effect.gen(function* () {
      const { received, url } = yield* collector("accepts")
      const central = Effect.gen(function* () {
        const store = yield* Repository
        const worker = workerRecord("w1", {
          state: "idle",
          team: null,
          queues: ["a"],
          sysinfo: { concurrency: 4, load: 0.5 }
        })
        yield* store.changeWorker("w1", () => Result.succeed([undefined, worker]))
        yield* CentralMetrics.jobStarted(jobRecord("t"))
        yield* CentralMetrics.heartbeatStored(worker)
      })
      yield* Effect.provide(
        central,
        push({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" })
      )
      const last = received.at(-1)
      assert.strictEqual(last?.path, "/v1/metrics")
      const sent = JSON.parse(last?.body ?? "{}") as Sent
      const found = values(sent)
      assert.strictEqual(found["edge_worker.connected worker_name=w1"], 1)
      assert.strictEqual(found["edge_worker.concurrency worker_name=w1"], 4)
      assert.strictEqual(found["edge_worker.load worker_name=w1"], 0.5)
      assert.strictEqual(found["edge_worker.heartbeat_count worker_name=w1"], 1)
      const { dag_id, task_id } = jobRecord("t").key
      assert.strictEqual(
        found[`edge_worker.ti.start dag_id=${dag_id} queue=${jobRecord("t").queue} task_id=${task_id}`],
        1
      )
      const resource = sent.resourceMetrics[0]?.resource.attributes.map(
        ({ key, value }) => `${key}=${value.stringValue}`
      )
      assert.includeMembers(resource ?? [], [
        "service.name=edge-central",
        "service.instance.id=127.0.0.1:8080"
      ])
    }).pipe(isolated)
  )

  it.live("are sent again and again, as protobuf by default, and a store that is away ends nothing", () =>
    Effect.gen(function* () {
      const { first, url } = yield* collector("accepts")
      let away = true
      const store = Layer.effect(
        Repository,
        Effect.map(Repository, (found) => ({
          ...found,
          workers: () =>
            Effect.suspend(() => {
              const failed = away
              away = false
              return failed
                ? Effect.fail(new RepositoryUnavailable({ reason: "away" }))
                : Effect.succeed([workerRecord("w1")])
            })
        }))
      ).pipe(Layer.provide(RepositoryMemory.layer))
      const sent = yield* Effect.provide(
        first,
        push({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${url}/m`, OTEL_METRIC_EXPORT_INTERVAL: "100" }, store)
      )
      assert.deepStrictEqual([sent.path, sent.headers["content-type"]], ["/m", "application/x-protobuf"])
      assert.isFalse(away)
      assert.include(sent.body, "edge_worker.connected")
    }).pipe(isolated)
  )

  it.live("are not sent where only traces are wanted", () =>
    Effect.gen(function* () {
      const { received, url } = yield* collector("accepts")
      yield* Effect.provide(
        Effect.void,
        push({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_METRICS_EXPORTER: "none" })
      )
      assert.deepStrictEqual(received, [])
    }).pipe(isolated)
  )
})
