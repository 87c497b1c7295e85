/** SecretsBackends: where an attempt looks for connections and variables before it asks the site. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AirflowConfig } from "../../config/AirflowConfig.ts"
import { EdgeConfig, type EdgeSettings } from "../../config/EdgeConfig.ts"
import { readConnection } from "./readConnection.ts"

/** A connection as the site's Execution API answers it (2026-06-30, `ConnectionResponse`). */
export interface ConnectionFields {
  readonly conn_id: string
  readonly conn_type: string
  readonly host: string | null
  readonly schema: string | null
  readonly login: string | null
  readonly password: string | null
  readonly port: number | null
  /** JSON, or whatever text was written there. */
  readonly extra: string | null
}

/** A backend could not tell. */
export class SecretsBackendFailed extends Schema.TaggedError<SecretsBackendFailed>()("SecretsBackendFailed", {
  /** What is wrong, for the task's log; holds no secret. */
  reason: Schema.String,
  /** The task may not have it: nobody else is asked, as Airflow's `AirflowSecretsBackendAccessDenied`. */
  denied: Schema.Boolean
}) {
  override get message() {
    return this.reason
  }
}

/**
 * A program that embeds the worker can provide its own, which then replaces `layer`. What is `none` here is asked of the
 * site; so is what failed without being denied, after a line in the task's log. What is found is masked in the log.
 */
export class SecretsBackends extends Context.Service<
  SecretsBackends,
  {
    readonly connection: (
      connId: string
    ) => Effect.Effect<Option.Option<ConnectionFields>, SecretsBackendFailed>
    readonly variable: (key: string) => Effect.Effect<Option.Option<string>, SecretsBackendFailed>
  }
>()("edge-worker/runner/attempt/SecretsBackends") {
  /** The worker's variables `AIRFLOW_CONN_ID` and `AIRFLOW_VAR_KEY`, in capitals. */
  static readonly layer = Layer.effect(
    SecretsBackends,
    Effect.gen(function* () {
      const { env } = yield* AirflowConfig
      return SecretsBackends.of(fromVariables(env, yield* EdgeConfig))
    })
  )
}

/**
 * Airflow 3.3.2's `EnvironmentVariablesBackend`, as a worker uses it: without the names of a team. A variable may be empty;
 * an empty connection is none.
 */
export const fromVariables = (
  env: Readonly<Record<string, string | undefined>>,
  { multiTeam }: Pick<EdgeSettings, "multiTeam">
): SecretsBackends["Service"] => ({
  connection: (connId) => {
    if (isOfTeam(connId, multiTeam)) return Effect.succeedNone
    const name = `AIRFLOW_CONN_${connId.toUpperCase()}`
    const value = env[name]
    if (!value) return Effect.succeedNone
    const read = readConnection(connId, value)
    return typeof read === "string"
      ? Effect.fail(new SecretsBackendFailed({ reason: `${name} cannot be read: ${read}`, denied: false }))
      : Effect.succeedSome(read)
  },
  variable: (key) =>
    Effect.succeed(
      isOfTeam(key, multiTeam)
        ? Option.none()
        : Option.fromUndefinedOr(env[`AIRFLOW_VAR_${key.toUpperCase()}`])
    )
})

/** `AIRFLOW_CONN__TEAM___ID` is the team's own, and no task may have it by naming the team. */
const isOfTeam = (id: string, multiTeam: boolean) => multiTeam && id.includes("___")
