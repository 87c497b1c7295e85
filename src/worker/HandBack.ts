/** HandBack: gives a claim that never started back to the site, so that another worker gets it at once. */
import * as Effect from "effect/Effect"
import { type Claim, display } from "../protocol/Job.ts"
import { Journal } from "./Journal.ts"
import { SiteClock } from "./SiteClock.ts"

/** Whether a claim is so old that the site may be giving it away, or has done so; both in the site's time. */
export const isTooOld = (expires: number | null, now: number): boolean =>
  expires !== null && now > expires - margin

/**
 * Whether a task's token has ended before anything of it runs, in the site's time. Its supervisor would be refused and the
 * try lost. Airflow 3.3.2 gives the token as long as the task may be queued (`BaseWorkloadSchema.generate_token`), then takes
 * the job away and queues the same try anew (`_handle_tasks_stuck_in_queued`); of a callback it does neither.
 */
export const isTooLate = ({ expires, job }: Claim, now: number): boolean =>
  expires !== null && now >= expires && job.command.type === "ExecuteTask"

/** How long before its token's end a claim counts as too old: the site may be giving it away already. */
const margin = 60_000

/**
 * Reports `queued` for a claim whose process never started and that never reported `running` (verified on Airflow
 * 3.3.2: another worker fetches it at once). A claim older than its workload token less a minute is dropped with a
 * log line instead: the site may have given it away.
 */
export const handBack = Effect.fnUntraced(function* (claim: Claim, why: string) {
  const journal = yield* Journal
  const now = yield* Effect.flatMap(SiteClock, (clock) => clock.now)
  if (isTooOld(claim.expires, now)) {
    yield* Effect.logWarning(`dropped ${display(claim.job)}: ${why}, and its token is at its end`)
    return yield* journal.closed(claim)
  }
  yield* Effect.logInfo(`handed back ${display(claim.job)}: ${why}`)
  yield* journal.settled(claim, "queued")
  yield* journal.closed(claim)
})
