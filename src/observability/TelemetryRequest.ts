/** TelemetryRequest: what the standard OTEL_* variables ask for, read without loading OpenTelemetry. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"

/** Which of OpenTelemetry's signals: each has variables of its own besides those of all. */
export type Signal = "traces" | "metrics"

/** Traces or metrics that are wanted. */
export interface Request {
  readonly exporters: ReadonlyArray<"otlp-json" | "otlp-protobuf" | "console">
  /** The parts of the resource that the variables leave to us. */
  readonly resource: {
    readonly serviceName: string
    readonly attributes: Readonly<Record<string, string>>
  }
}

/** What is asked for, and what is wrong with it. */
export interface Reading {
  /** Undefined: none. */
  readonly request: Request | undefined
  readonly warnings: ReadonlyArray<string>
}

/** Empty counts as unset (OpenTelemetry specification 1.50, "Environment variable specification"). */
const variable = (name: string) =>
  Config.String(name).pipe(
    Config.withDefault(""),
    Config.map((value) => value.trim())
  )

const first = (...values: ReadonlyArray<string>) => values.find((value) => value !== "") ?? ""

const variables = (signal: Signal) => {
  const own = signal.toUpperCase()
  return Config.all({
    disabled: variable("OTEL_SDK_DISABLED"),
    exporters: variable(`OTEL_${own}_EXPORTER`),
    endpoint: variable("OTEL_EXPORTER_OTLP_ENDPOINT"),
    ownEndpoint: variable(`OTEL_EXPORTER_OTLP_${own}_ENDPOINT`),
    protocol: variable("OTEL_EXPORTER_OTLP_PROTOCOL"),
    ownProtocol: variable(`OTEL_EXPORTER_OTLP_${own}_PROTOCOL`),
    serviceName: variable("OTEL_SERVICE_NAME"),
    attributes: variable("OTEL_RESOURCE_ATTRIBUTES")
  })
}

/** An attribute of `OTEL_RESOURCE_ATTRIBUTES`, where it is set there. */
const attribute = (list: string, name: string) => {
  const pairs = list.split(",").map((pair) => pair.split("="))
  const [, value] = pairs.findLast(([key]) => key?.trim() === name) ?? []
  if (value === undefined) return ""
  try {
    return decodeURIComponent(value.trim())
  } catch {
    return ""
  }
}

/** Exporters by name; the protocol is read for `otlp` only. */
const choose =
  (signal: Signal, protocol: string) =>
  (name: string): Request["exporters"][number] | string => {
    const own = signal.toUpperCase()
    if (name === "console") return "console"
    if (name !== "otlp")
      return `OTEL_${own}_EXPORTER: "${name}" is not known here; otlp, console and none are`
    if (protocol === "http/json") return "otlp-json"
    if (protocol === "" || protocol === "http/protobuf") return "otlp-protobuf"
    return (
      `OTEL_EXPORTER_OTLP_PROTOCOL (or …_${own}_PROTOCOL): "${protocol}" is not spoken here, so no ${signal} are sent; ` +
      "name http/protobuf or http/json, with the collector's HTTP address (its port is 4318 by default)"
    )
  }

const isExporter = (chosen: string): chosen is Request["exporters"][number] =>
  chosen === "otlp-json" || chosen === "otlp-protobuf" || chosen === "console"

/** Reads the variables; `instance` and `service` name the resource where they do not. */
export const read = (instance: string, signal: Signal = "traces", service = "edge-worker") =>
  Effect.map(variables(signal), (set): Reading => {
    if (set.disabled.toLowerCase() === "true") return { request: undefined, warnings: [] }
    const endpoint = first(set.ownEndpoint, set.endpoint)
    const names = first(set.exporters, endpoint === "" ? "" : "otlp")
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
    if (names.includes("none")) return { request: undefined, warnings: [] }
    const protocol = first(set.ownProtocol, set.protocol)
    const chosen = [...new Set(names)].map(choose(signal, protocol))
    const exporters = chosen.filter(isExporter)
    const warnings = chosen.filter((one) => !isExporter(one))
    const serviceName = first(set.serviceName, attribute(set.attributes, "service.name"), service)
    const id = first(attribute(set.attributes, "service.instance.id"), instance)
    const resource = { serviceName, attributes: { "service.instance.id": id } }
    return { request: exporters.length === 0 ? undefined : { exporters, resource }, warnings }
  })
