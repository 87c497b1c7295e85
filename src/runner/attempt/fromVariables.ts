/** fromVariables: secrets as a worker without a backend has them: in its own variables. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { EdgeSettings } from "../../config/EdgeConfig.ts"
import { readConnection } from "./readConnection.ts"
import { SecretsBackendFailed, type SecretsBackends } from "./SecretsBackends.ts"

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
