/** connectionOf: a connection as an operator writes it, as an URI or as an object, in Airflow's own forms. */
import * as Schema from "effect/Schema"
import type { Connection } from "../protocol/execution/RunContext.ts"

const Text = Schema.optionalKey(Schema.NullOr(Schema.String))

/** An object of a connections file; `extra` may be an object or a text. */
const Parts = Schema.Struct({
  conn_type: Schema.String,
  host: Text,
  schema: Text,
  login: Text,
  password: Text,
  port: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.Int, Schema.String]))),
  extra: Schema.optionalKey(
    Schema.NullOr(Schema.Union([Schema.String, Schema.Record(Schema.String, Schema.Unknown)]))
  )
})
const isParts = Schema.is(Parts)

const portOf = (port: string | number | null | undefined): number | null => {
  const number = typeof port === "string" ? Number(port.trim() === "" ? Number.NaN : port) : port
  return typeof number === "number" && Number.isInteger(number) ? number : null
}

const decoded = (text: string | undefined): string | null =>
  text === undefined || text === "" ? null : decodeURIComponent(text)

const uri =
  /^([A-Za-z][\w+.-]*):\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?(?:\/([^?#]*))?(?:\?(.*))?$/s

/** A query's names and values; `__extra__` is all of them as JSON (Airflow 3.3.2, `Connection._parse_from_uri`). */
const extraOf = (query: string | undefined): string | null => {
  if (query === undefined || query === "") return null
  const parameters = new URLSearchParams(query)
  return parameters.get("__extra__") ?? JSON.stringify(Object.fromEntries(parameters))
}

/** `type://login:password@host:port/schema?extra=…`, each part encoded as in an URL. */
const fromUri = (conn_id: string, text: string): Connection | undefined => {
  const parts = uri.exec(text)
  if (parts === null) return undefined
  const [, scheme = "", login, password, host, port, schema, query] = parts
  const type = scheme.replaceAll("-", "_")
  try {
    return {
      conn_id,
      conn_type: type === "postgresql" ? "postgres" : type,
      host: decoded(host),
      schema: decoded(schema),
      login: decoded(login),
      password: decoded(password),
      port: portOf(port),
      extra: extraOf(query)
    }
  } catch {
    return undefined
  }
}

/** `undefined` where it is none. */
export const connectionOf = (conn_id: string, given: unknown): Connection | undefined => {
  if (typeof given === "string") return fromUri(conn_id, given.trim())
  // A list, as some files have it, of which Airflow allows one.
  if (Array.isArray(given)) return given.length === 1 ? connectionOf(conn_id, given[0]) : undefined
  if (!isParts(given)) return undefined
  const { conn_type, extra = null, host = null, login = null, password = null, port, schema = null } = given
  return {
    conn_id,
    conn_type,
    host,
    schema,
    login,
    password,
    port: portOf(port),
    extra: typeof extra === "object" && extra !== null ? JSON.stringify(extra) : extra
  }
}
