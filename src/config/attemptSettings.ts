/** attemptSettings: how a supervisor of a task speaks with the site; Airflow's own reads the same keys. */
import type { Setting } from "./settings.ts"
import { fractionalSeconds, type SettingType, seconds, whole } from "./settingTypes.ts"

const workers = <A>(key: string, fallback: string, type: SettingType<A>, sentence: string): Setting<A> => ({
  section: "workers",
  key,
  default: fallback,
  type,
  sentence
})

/** By the name of the field that it ends in. */
export const attemptSettings = {
  executionApiRetries: workers(
    "execution_api_retries",
    "5",
    whole(1),
    "How often a request for a task is sent before it counts as failed; where it is not set, as often as [edge_worker] outage_tolerance needs."
  ),
  executionApiRetryWaitMin: workers(
    "execution_api_retry_wait_min",
    "1.0",
    fractionalSeconds,
    "The shortest wait before a request for a task is sent again."
  ),
  executionApiRetryWaitMax: workers(
    "execution_api_retry_wait_max",
    "90.0",
    fractionalSeconds,
    "The longest wait before a request for a task is sent again; where it is not set, a shorter one by [edge_worker] outage_tolerance."
  ),
  executionApiTimeout: workers(
    "execution_api_timeout",
    "5.0",
    fractionalSeconds,
    "How long a request for a task waits for its answer."
  ),
  maxFailedHeartbeats: workers(
    "max_failed_heartbeats",
    "3",
    whole(1),
    "How many heartbeats of a task may fail in a row; where it is not set, as many as [edge_worker] outage_tolerance needs."
  ),
  minHeartbeatInterval: workers(
    "min_heartbeat_interval",
    "5",
    seconds(1),
    "How often the site hears that a task lives."
  ),
  taskSuccessOvertime: {
    section: "core",
    key: "task_success_overtime",
    default: "20",
    type: seconds(0),
    sentence: "How long a task may still run after it has said how it ended."
  } satisfies Setting<unknown>
}
