/** HandBack: gives a claim that never started back to the site, so that another worker gets it at once. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Claim, display } from "../protocol/Job.ts"
import { expiryOf } from "../protocol/TokenExpiry.ts"
import { Journal } from "./Journal.ts"

/** How long before its token's end a claim counts as too old: the site may be giving it away already. */
const margin = 60_000

/**
 * Reports `queued` for a claim whose process never started and that never reported `running` (verified on Airflow
 * 3.3.2: another worker fetches it at once). A claim older than its workload token less a minute is dropped with a
 * log line instead: the site may have given it away.
 */
export const handBack = Effect.fnUntraced(function* (claim: Claim, why: string) {
  const journal = yield* Journal
  const now = yield* Clock.currentTimeMillis
  const { command } = claim.job
  const expiry = expiryOf(command.token)
  if (expiry !== undefined && now > expiry - margin) {
    yield* Effect.logWarning(`dropped ${display(claim.job)}: ${why}, and its token is at its end`)
    return yield* journal.dropped(claim)
  }
  yield* Effect.logInfo(`handed back ${display(claim.job)}: ${why}`)
  yield* journal.settled(claim, "queued")
})
