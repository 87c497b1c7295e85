/** outageTolerance: makes Airflow's supervisors bear an outage of the Execution API for as long as the site bears it. */
import type { ExecutionApiPatience } from "../config/executionApiPatience.ts"

/** Airflow 3.3.2 waits for a random time from `min` to the power of two before attempt `n + 1`, at most `max`. */
const meanWait = (n: number, min: number, max: number) =>
  (min + Math.max(min, Math.min(max, 2 ** (n - 1)))) / 2

/** How many attempts have waits between them that last `span` seconds on average. */
const attemptsFor = (span: number, min: number, max: number): number => {
  let attempts = 1
  for (let waited = 0; waited < span; attempts++) waited += meanWait(attempts, min, max)
  return attempts
}

/** How long the waits between the attempts last on average, at most `limit`. */
export const spanOf = (attempts: number, min: number, max: number, limit: number): number => {
  let waited = 0
  for (let n = 1; n < attempts && waited < limit; n++) waited += meanWait(n, min, max)
  return waited
}

/** Airflow's own: `config.yml` of 3.3.2. */
const defaults = { attempts: 5, min: 1, max: 90, heartbeats: 3, interval: 5 }

const number = (text: string | undefined, otherwise: number): number =>
  text === undefined ? otherwise : text.trim() === "" ? Number.NaN : Number(text)

/**
 * The variables that make an unbroken outage of `seconds` bearable; none that the operator has set.
 *
 * A heartbeat is tried as often as any call before it counts as failed, and the supervisor kills the task after
 * `max_failed_heartbeats` of them. So each call waits for the whole time and one failed heartbeat is the end: with
 * more of them, a task whose last call falls into the outage would get only a part of the time, or a task that the
 * site has given away would run on beside its successor.
 */
export const outageTolerance = (
  seconds: number,
  own: ExecutionApiPatience
): Readonly<Record<string, string>> => {
  if (seconds <= 0) return {}
  const min = number(own.execution_api_retry_wait_min, defaults.min)
  const isOwnCall =
    own.execution_api_retries !== undefined ||
    own.execution_api_retry_wait_min !== undefined ||
    own.execution_api_retry_wait_max !== undefined
  if (isOwnCall) {
    if (own.max_failed_heartbeats !== undefined) return {}
    const attempts = number(own.execution_api_retries, defaults.attempts)
    const max = number(own.execution_api_retry_wait_max, defaults.max)
    const interval = number(own.min_heartbeat_interval, defaults.interval)
    if ([attempts, min, max, interval].some(Number.isNaN)) return {}
    const each = Math.max(spanOf(attempts, min, max, seconds), interval)
    const heartbeats = Math.max(Math.round(seconds / each), defaults.heartbeats)
    return { AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS: String(heartbeats) }
  }
  const heartbeats = number(own.max_failed_heartbeats, 1)
  if (!(heartbeats >= 1)) return {}
  const span = seconds / heartbeats
  // Short enough to be back soon after the site is, long enough for few requests.
  const max = Math.min(30, Math.max(min, Math.round(span / 15)))
  return {
    AIRFLOW__WORKERS__EXECUTION_API_RETRIES: String(Math.max(defaults.attempts, attemptsFor(span, min, max))),
    AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX: String(max),
    ...(own.max_failed_heartbeats === undefined ? { AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS: "1" } : {})
  }
}
