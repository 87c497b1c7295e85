/** executionApiPatience: what the operator says about how long Airflow's own processes bear an outage. */
import * as Effect from "effect/Effect"
import type { AirflowConfig } from "./AirflowConfig.ts"

/** The keys of `[workers]` that decide it (Airflow 3.3.2, `sdk/api/client.py` and `execution_time/supervisor.py`). */
export const patienceKeys = [
  "execution_api_retries",
  "execution_api_retry_wait_min",
  "execution_api_retry_wait_max",
  "max_failed_heartbeats",
  "min_heartbeat_interval"
] as const

/** By key, as it is written; what is set nowhere is not in it. */
export type ExecutionApiPatience = Readonly<Partial<Record<(typeof patienceKeys)[number], string>>>

/** Reads them; what cannot be read is the operator's too, and Airflow says what is wrong with it. */
export const executionApiPatience = (config: AirflowConfig["Service"]): Effect.Effect<ExecutionApiPatience> =>
  Effect.map(
    Effect.forEach(patienceKeys, (key) =>
      config.lookup("workers", key).pipe(
        Effect.map(({ found }) => (found?.where._tag === "Default" ? undefined : found?.value)),
        Effect.orElseSucceed(() => ""),
        Effect.map((value) => [key, value] as const)
      )
    ),
    (entries) => Object.fromEntries(entries.filter(([, value]) => value !== undefined))
  )
