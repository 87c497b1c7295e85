/** readConnection: a connection as a variable holds it, a URI or JSON, read as Airflow's `Connection` reads it. */
import * as Option from "effect/Option"
import { plainInt, strip } from "../../config/PythonText.ts"
import { isVerbatim, parse } from "../../protocol/Json.ts"
import { pythonJson } from "./pythonJson.ts"
import type { ConnectionFields } from "./SecretsBackends.ts"
import { queryFields, unquote, urlParts } from "./urlParts.ts"

const normalType = (type: string): string => (type === "postgresql" ? "postgres" : type.replaceAll("-", "_"))

const count = (text: string, part: string): number => text.split(part).length - 1

/** `_parse_netloc_to_hostname`: a host that is a path keeps its capitals. */
const hostOf = (netloc: string, hostname: string): string => {
  const host = unquote(hostname)
  if (!host.includes("/")) return host
  return unquote(netloc.slice(netloc.lastIndexOf("@") + 1).split(":")[0] ?? "")
}

const fromUri = (conn_id: string, uri: string): ConnectionFields | string => {
  const schemes = count(uri, "://")
  if (schemes > 2) return "it holds more than two ://"
  const outer = urlParts(uri)
  if (typeof outer === "string") return outer
  // As in Python, every occurrence goes: `http://http://host` has lost both.
  const rest = uri.replaceAll(`${outer.scheme}://`, schemes === 2 ? "" : "//")
  if (schemes === 2 && /[@:]/.test(rest.split("://")[0] ?? ""))
    return "what stands before the second :// is not a protocol"
  const inner = urlParts(rest)
  if (typeof inner === "string") return inner
  const host = hostOf(inner.netloc, inner.hostname)
  const query = queryFields(inner.query)
  return {
    conn_id,
    conn_type: normalType(outer.scheme),
    host: schemes === 2 && inner.scheme !== "" && host !== "" ? `${inner.scheme}://${host}` : host,
    schema: unquote(inner.path.replace(/^./su, "")),
    login: inner.username === undefined ? null : unquote(inner.username),
    password: inner.password === undefined ? null : unquote(inner.password),
    port: inner.port,
    extra: inner.query === "" ? null : (query.get("__extra__") ?? pythonJson(query))
  }
}

const fieldsOfJson = new Set([
  "conn_type",
  "description",
  "host",
  "login",
  "password",
  "schema",
  "port",
  "extra"
])

const portOf = (port: unknown): number | null | undefined => {
  if (port === undefined || port === null || port === "" || port === 0 || port === false) return null
  if (port === true) return 1
  if (typeof port === "number") return Math.trunc(port)
  return typeof port === "string" ? Option.getOrUndefined(plainInt(port)) : undefined
}

const fromJson = (conn_id: string, text: string): ConnectionFields | string => {
  let value: unknown
  try {
    value = parse(text)
  } catch {
    return "it begins with { and is no JSON"
  }
  if (typeof value !== "object" || value === null) return "it is no JSON object"
  const { extra, port: givenPort, ...fields }: Readonly<Record<string, unknown>> = { ...value }
  if (Object.keys(fields).length === 1 && typeof fields["uri"] === "string" && !extra && !givenPort)
    return fromUri(conn_id, fields["uri"])
  const unknown = Object.keys(fields).find((key) => !fieldsOfJson.has(key))
  if (unknown !== undefined) return `${JSON.stringify(unknown)} is not a field of a connection`
  const wrong = Object.entries(fields).find(([, of]) => of !== null && typeof of !== "string")
  if (wrong !== undefined) return `its ${wrong[0]} is no text`
  const port = portOf(givenPort)
  if (port === undefined) return "its port is no whole number"
  const textOf = (key: string) => (typeof fields[key] === "string" ? fields[key] : null)
  return {
    conn_id,
    conn_type: normalType(textOf("conn_type") ?? ""),
    host: textOf("host"),
    schema: textOf("schema"),
    login: textOf("login"),
    password: textOf("password"),
    port,
    extra: isEmpty(extra) ? null : typeof extra === "string" ? extra : pythonJson(extra)
  }
}

/** What Python takes for false. */
const isEmpty = (value: unknown): boolean =>
  !value || (typeof value === "object" && !isVerbatim(value) && Object.keys(value).length === 0)

/**
 * The connection of a variable `AIRFLOW_CONN_…`, as Airflow 3.3.2's `from_uri` and `from_json` (`sdk/definitions/
 * connection.py`) read it; where they raise, what is wrong, without the value.
 */
export const readConnection = (connId: string, value: string): ConnectionFields | string => {
  const text = strip(value)
  if (text === "") return "it is empty"
  return text.startsWith("{") ? fromJson(connId, text) : fromUri(connId, text)
}
