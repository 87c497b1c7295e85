/** Connections: Airflow's connections, with their secrets wrapped. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { parse } from "../protocol/Json.ts"
import { ask } from "./ask.ts"
import type { TaskClient } from "./TaskClient.ts"
import type { RequestError } from "./TaskRequestFailed.ts"

/** A connection. The task's log hides its password and its extra, also where they are printed. */
export interface Connection {
  readonly id: string
  readonly type: string
  readonly host: string | undefined
  readonly schema: string | undefined
  readonly login: string | undefined
  readonly password: Redacted.Redacted | undefined
  readonly port: number | undefined
  /** The object in it; empty where it is none. */
  readonly extra: Redacted.Redacted<Readonly<Record<string, unknown>>>
}

const Text = Schema.optional(Schema.NullOr(Schema.String))

const ConnectionResult = Schema.Struct({
  conn_id: Schema.String,
  conn_type: Schema.String,
  host: Text,
  schema: Text,
  login: Text,
  password: Text,
  port: Schema.optional(Schema.NullOr(Schema.Int)),
  extra: Text
})

const objectIn = (text: string | null | undefined): Readonly<Record<string, unknown>> => {
  try {
    const value = parse(text ?? "")
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : {}
  } catch {
    return {}
  }
}

/** The connection with this id. */
export const get = (id: string): Effect.Effect<Connection, RequestError, TaskClient> =>
  Effect.map(ask({ type: "GetConnection", conn_id: id }, ConnectionResult), (found) => ({
    id: found.conn_id,
    type: found.conn_type,
    host: found.host ?? undefined,
    schema: found.schema ?? undefined,
    login: found.login ?? undefined,
    password: typeof found.password === "string" ? Redacted.make(found.password) : undefined,
    port: found.port ?? undefined,
    extra: Redacted.make(objectIn(found.extra))
  }))
