/** SecretsBackends: where an attempt looks for connections and variables before it asks the site. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"

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
 * A program of tasks can provide its own in the place of `fromVariables`. What is `none` here is asked of the
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
>()("edge-worker/runner/attempt/SecretsBackends") {}
