/** Takeover: frees the name of a predecessor that is proved dead, as it would have done itself. */
import * as Effect from "effect/Effect"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import type { WorkerState } from "../protocol/WorkerState.ts"
import { Assignment } from "./Assignment.ts"
import { EdgeClient } from "./EdgeClient.ts"
import { WorkerSysinfo } from "./WorkerSysinfo.ts"

/**
 * Says offline in the predecessor's place: the site's PATCH does not look at the stored state (verified on edge3
 * 5.1.0). It says `starting` first: the answer `maintenance request` tells that the predecessor was in maintenance,
 * and then it leaves as `offline maintenance`, so that the maintenance and its comment survive.
 */
export const takeover = Effect.gen(function* () {
  const client = yield* EdgeClient
  const { name, team } = yield* WorkerIdentity
  const { queues } = yield* (yield* Assignment).get
  const sysinfo = yield* (yield* WorkerSysinfo).current
  const say = (state: WorkerState) =>
    client
      .setState({ state, jobs_active: 0, queues, sysinfo, maintenance_comments: null, team_name: team })
      .pipe(Effect.map((answer) => answer.state))
  yield* Effect.logInfo(`taking over the name ${name} from its predecessor on this machine, which is dead`)
  if ((yield* say("starting")) !== "maintenance request") return yield* say("offline")
  yield* say("maintenance mode")
  return yield* say("offline maintenance")
}).pipe(Effect.withSpan("Takeover.takeover"))
