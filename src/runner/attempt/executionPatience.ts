/** executionPatience: how long an attempt bears an outage of the Execution API, by the rules that Python tasks follow. */
import * as Duration from "effect/Duration"
import type { EdgeSettings } from "../../config/EdgeConfig.ts"
import { outageTolerance, spanOf } from "../outageTolerance.ts"

/** How one request is tried; in milliseconds. */
export interface Patience {
  readonly attempts: number
  readonly waitMin: number
  readonly waitMax: number
  /** How long one of its attempts may take until the answer begins. */
  readonly timeout: number
}

/** When heartbeats that fail mean that the site has given the task up: both must be reached. */
export interface HeartbeatRules {
  readonly everyMillis: number
  /** In a row. */
  readonly failed: number
  /** Since the last heartbeat that was accepted. */
  readonly silentMillis: number
}

/** What decides about both. */
export type PatienceSettings = Pick<
  EdgeSettings,
  | "executionApiPatience"
  | "executionApiRetries"
  | "executionApiRetryWaitMin"
  | "executionApiRetryWaitMax"
  | "executionApiTimeout"
  | "maxFailedHeartbeats"
  | "minHeartbeatInterval"
  | "outageTolerance"
  | "taskInstanceHeartbeatTimeout"
>

/** In seconds; 0: Airflow's own. */
const tolerance = (settings: PatienceSettings) =>
  Duration.toSeconds(settings.outageTolerance ?? settings.taskInstanceHeartbeatTimeout)

/** What the settings say, and `[edge_worker] outage_tolerance` of what they leave open. */
export const patienceOf = (settings: PatienceSettings): Patience => {
  const longer = outageTolerance(tolerance(settings), settings.executionApiPatience)
  const attempts = longer["AIRFLOW__WORKERS__EXECUTION_API_RETRIES"]
  const waitMax = longer["AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX"]
  return {
    attempts: attempts === undefined ? settings.executionApiRetries : Number(attempts),
    waitMin: Duration.toMillis(settings.executionApiRetryWaitMin),
    waitMax:
      waitMax === undefined ? Duration.toMillis(settings.executionApiRetryWaitMax) : Number(waitMax) * 1000,
    timeout: Duration.toMillis(settings.executionApiTimeout)
  }
}

/**
 * A heartbeat is sent once at each interval, and not tried again in between as Airflow's: so an outage that is borne ends
 * within one interval. What Airflow's would bear is `max_failed_heartbeats` calls with all their attempts.
 */
export const heartbeatRules = (settings: PatienceSettings): HeartbeatRules => {
  const seconds = tolerance(settings)
  const interval = Duration.toSeconds(settings.minHeartbeatInterval)
  const call = spanOf(
    settings.executionApiRetries,
    Duration.toSeconds(settings.executionApiRetryWaitMin),
    Duration.toSeconds(settings.executionApiRetryWaitMax),
    Number.POSITIVE_INFINITY
  )
  const isOwn = seconds <= 0 || settings.executionApiPatience.max_failed_heartbeats !== undefined
  const silent = isOwn ? settings.maxFailedHeartbeats * Math.max(call, interval) : seconds
  return {
    everyMillis: interval * 1000,
    failed: settings.maxFailedHeartbeats,
    silentMillis: silent * 1000
  }
}

/** The wait after attempt `n`, the first being 1: as long as chance says (0 … 1), as tenacity's `wait_random_exponential`. */
export const waitAfter = ({ waitMax, waitMin }: Patience, n: number, chance: number): number =>
  waitMin + chance * (Math.max(waitMin, Math.min(waitMax, 1000 * 2 ** (n - 1))) - waitMin)
