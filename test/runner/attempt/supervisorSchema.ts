/** Whether a value is what Airflow's published supervisor schema describes; as much of JSON Schema as that uses. */
import { readFileSync } from "node:fs"

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly const?: unknown
  readonly enum?: ReadonlyArray<unknown>
  readonly anyOf?: ReadonlyArray<Schema>
  readonly oneOf?: ReadonlyArray<Schema>
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: ReadonlyArray<string>
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly prefixItems?: ReadonlyArray<Schema>
  readonly minItems?: number
  readonly maxItems?: number
}

const file = new URL("fixtures/supervisor-schema-2026-06-16.json", import.meta.url)
const { $defs } = JSON.parse(readFileSync(file, "utf8")) as { $defs: Readonly<Record<string, Schema>> }

/** The names of all that is described. */
export const described: ReadonlyArray<string> = Object.keys($defs)

const kindOf = (value: unknown) => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "array"
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number"
  return typeof value
}

const fits = (type: string, value: unknown) =>
  type === kindOf(value) || (type === "number" && kindOf(value) === "integer")

const objectProblems = (
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
  at: string
): Array<string> => {
  const { additionalProperties: more, properties = {}, required = [] } = schema
  return [
    ...required.filter((key) => !Object.hasOwn(value, key)).map((key) => `${at}: ${key} is missing`),
    ...Object.entries(value).flatMap(([key, item]) => {
      const known = properties[key] ?? (typeof more === "object" ? more : undefined)
      if (known !== undefined) return problems(known, item, `${at}.${key}`)
      // What may have any key besides is an open object; a message with a key that nobody knows is a mistake of ours.
      return more === true || Object.keys(properties).length === 0 ? [] : [`${at}.${key} is not described`]
    })
  ]
}

const problems = (schema: Schema, value: unknown, at: string): Array<string> => {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1) ?? ""
    const found = $defs[name]
    return found === undefined ? [`${at}: no ${name}`] : problems(found, value, at)
  }
  const several = schema.anyOf ?? schema.oneOf
  if (several !== undefined) {
    const each = several.map((one) => problems(one, value, at))
    return each.some((found) => found.length === 0) ? [] : (each.find((found) => found.length > 0) ?? [])
  }
  if ("const" in schema && schema.const !== value) return [`${at} is not ${String(schema.const)}`]
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${at} is none of the enum`]
  if (schema.type !== undefined && !fits(schema.type, value)) return [`${at} is no ${schema.type}`]
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity))
      return [`${at} has ${value.length} items`]
    return value.flatMap((item: unknown, n) =>
      problems(schema.prefixItems?.[n] ?? schema.items ?? {}, item, `${at}[${n}]`)
    )
  }
  return kindOf(value) === "object" && (schema.properties !== undefined || schema.required !== undefined)
    ? objectProblems(schema, value as Readonly<Record<string, unknown>>, at)
    : []
}

/** What is wrong with a message of this name; empty where nothing is. */
export const wrongWith = (name: string, message: unknown): ReadonlyArray<string> => {
  const schema = $defs[name]
  return schema === undefined ? [`${name} is not described`] : problems(schema, message, name)
}
