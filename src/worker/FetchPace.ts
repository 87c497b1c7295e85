/** FetchPace: how long to wait after the site had no job: short while there is work about, polite when idle. */
import * as Duration from "effect/Duration"

/** After a job has ended the site needs a moment to queue what follows it. */
export const afterJob = Duration.millis(200)

const steps = [
  { until: Duration.seconds(30), part: 0.15 },
  { until: Duration.seconds(90), part: 0.8 }
]

/**
 * The wait before the next ask. `[edge] job_poll_interval` is its ceiling for a worker that has been idle for long
 * (plus up to 20 % of jitter: such a worker asks less often than edge3's, which asks each 5 s); a worker that had a
 * job in the last 30 s asks about seven times as often.
 *
 * @param idle since the last job came or ended
 * @param random from 0 to 1
 */
export const interval = (
  poll: Duration.Duration,
  idle: Duration.Duration,
  random: number
): Duration.Duration => {
  const step = steps.find(({ until }) => Duration.isLessThan(idle, until))
  return Duration.millis(
    Duration.toMillis(poll) * (step === undefined ? 1 + random / 5 : step.part * (0.8 + random / 2.5))
  )
}
