/** openApiFacts: what an OpenAPI document says of some operations, one line a fact, so that two can be compared. */
import * as Schema from "effect/Schema"

const Node = Schema.Record(Schema.String, Schema.Unknown)
type Node = typeof Node.Type
const isNode = Schema.is(Node)
const node = (value: unknown): Node => (isNode(value) ? value : {})
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** Methods and paths. */
export type Operations = ReadonlyArray<readonly [method: string, path: string]>

/** The operations that a worker calls, as the Edge API of edge3 5.1.0 names them below `/v1`. */
export const workerOperations: Operations = [
  ["post", "/worker/{worker_name}"],
  ["patch", "/worker/{worker_name}"],
  ["post", "/jobs/fetch/{worker_name}"],
  ["patch", "/jobs/state/{dag_id}/{task_id}/{run_id}/{try_number}/{map_index}/{state}"],
  ["post", "/logs/push/{dag_id}/{task_id}/{run_id}/{try_number}/{map_index}"],
  ["get", "/health"]
]

const follow = (document: Node, value: unknown): Node => {
  const schema = node(value)
  const ref = schema["$ref"]
  if (typeof ref !== "string") return schema
  return follow(
    document,
    ref
      .replace(/^#\//, "")
      .split("/")
      .reduce<unknown>((at, key) => node(at)[key], document)
  )
}

/** The alternatives of a schema, without nesting and without repetition. */
const alternatives = (document: Node, value: unknown): ReadonlyArray<Node> => {
  const schema = follow(document, value)
  const several = [...list(schema["anyOf"]), ...list(schema["oneOf"])]
  return several.length === 0 ? [schema] : several.flatMap((one) => alternatives(document, one))
}

const typeName = (document: Node, schema: Node): string => {
  const values = schema["const"] === undefined ? list(schema["enum"]) : [schema["const"]]
  if (values.length > 0)
    return `one of ${values
      .map((value) => JSON.stringify(value))
      .sort()
      .join(" ")}`
  switch (schema["type"]) {
    case undefined:
      return "anything"
    case "array":
      return `array of ${type(document, schema["items"])}`
    case "object":
      if (schema["properties"] !== undefined) return "object"
      return `map of ${isNode(schema["additionalProperties"]) ? type(document, schema["additionalProperties"]) : "anything"}`
    default:
      return String(schema["type"])
  }
}

const type = (document: Node, value: unknown): string =>
  [...new Set(alternatives(document, value).map((one) => typeName(document, one)))].sort().join(" or ")

/** The facts of a schema at `at`: its type, then the same of each property of each object in it. */
const shape = (document: Node, at: string, value: unknown, required: boolean): ReadonlyArray<string> => [
  `${at}: ${type(document, value)}${required ? "" : ", optional"}`,
  ...alternatives(document, value).flatMap((one, _, all) => {
    if (one["items"] !== undefined) {
      const [items, ...inside] = shape(document, `${at}[]`, one["items"], true)
      return inside.length > 0 ? [items ?? "", ...inside] : []
    }
    const needed = list(one["required"])
    const properties = node(one["properties"])
    // The kinds of workload, and the states that a task ends in, have properties of the same name.
    const objects = all.filter((each) => each["properties"] !== undefined)
    const kind = follow(
      document,
      properties["type"] ?? (objects.length > 1 ? properties["state"] : undefined)
    )
    const name = [kind["const"], ...list(kind["enum"])].find((value) => typeof value === "string")
    const below = name === undefined ? at : `${at}<${name}>`
    return Object.entries(properties).flatMap(([key, property]) =>
      shape(document, `${below}.${key}`, property, needed.includes(key))
    )
  })
]

const body = (document: Node, at: string, holder: unknown, required: boolean) => {
  const content = node(node(holder)["content"])
  return Object.entries(content).flatMap(([mediaType, media]) =>
    shape(document, `${at} ${mediaType}`, node(media)["schema"], required)
  )
}

const operationFacts = (document: Node, method: string, path: string, operation: Node) => {
  const at = `${method.toUpperCase()} ${path}`
  const parameters = list(operation["parameters"]).map((parameter) => {
    const { in: place, name, required, schema } = node(parameter)
    return `${at} ${place} parameter ${name}: ${type(document, schema)}${required ? "" : ", optional"}`
  })
  // FastAPI publishes the token as a header; we declare it as the security scheme that it is.
  const schemes = node(node(document["components"])["securitySchemes"])
  const tokens = list(operation["security"]).flatMap((names) =>
    Object.keys(node(names)).map((name) => {
      const scheme = node(schemes[name])
      return `${at} ${scheme["in"]} parameter ${scheme["name"]}: string`
    })
  )
  const request = node(operation["requestBody"])
  const answers = Object.entries(node(operation["responses"])).flatMap(([status, answer]) => {
    const facts = body(document, `${at} -> ${status}`, answer, true)
    return facts.length > 0 ? facts : [`${at} -> ${status}: no body`]
  })
  return [
    at,
    ...parameters,
    ...tokens,
    ...body(document, `${at} body`, request, request["required"] === true),
    ...answers
  ]
}

/** The operations of the management API, below `/ui`. */
export const managementOperations: Operations = [
  ["get", "/worker"],
  ["get", "/jobs"],
  ["post", "/worker/{worker_name}/maintenance"],
  ["patch", "/worker/{worker_name}/maintenance"],
  ["delete", "/worker/{worker_name}/maintenance"],
  ["post", "/worker/{worker_name}/shutdown"],
  ["delete", "/worker/{worker_name}"],
  ["put", "/worker/{worker_name}/queues/{queue_name}"],
  ["delete", "/worker/{worker_name}/queues/{queue_name}"],
  ["patch", "/worker/{worker_name}/concurrency"]
]

/** All facts about the operations, sorted; `prefix` stands before each path of the document. */
export const facts = (
  document: unknown,
  prefix = "",
  operations: Operations = workerOperations
): ReadonlyArray<string> =>
  operations
    .flatMap(([method, path]) => {
      const operation = node(node(node(document)["paths"])[`${prefix}${path}`])[method]
      return isNode(operation) ? operationFacts(node(document), method, path, operation) : []
    })
    .sort()

/** The part of a published document that concerns the operations, otherwise as published. */
export const partOf = (document: unknown, prefix = "/v1", operations: Operations = workerOperations) => {
  const all = node(document)
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [method, path] of operations) {
    const key = `${prefix}${path}`
    paths[key] = { ...paths[key], [method]: node(node(all["paths"])[key])[method] }
  }
  const published = node(node(all["components"])["schemas"])
  const schemas: Record<string, unknown> = {}
  const collect = (value: unknown) => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (name === undefined || name in schemas) continue
      schemas[name] = published[name]
      collect(published[name])
    }
  }
  collect(paths)
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { openapi: all["openapi"], servers: all["servers"], paths, components: { schemas: sorted } }
}
