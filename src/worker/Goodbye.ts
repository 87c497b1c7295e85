/** Goodbye: the last conversation with the site, after which the worker's name is free. */
import * as Effect from "effect/Effect"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { StateFolder } from "../platform/StateFolder.ts"
import type { Sysinfo } from "../protocol/EdgeApi.ts"
import { report } from "../protocol/Lifecycle.ts"
import type { WorkerState } from "../protocol/WorkerState.ts"
import { Assignment } from "./Assignment.ts"
import { EdgeClient } from "./EdgeClient.ts"
import { SiteHealth } from "./SiteHealth.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"
import { WorkerSysinfo } from "./WorkerSysinfo.ts"

/** As edge3's worker does in its last heartbeat: status 0 and no status text. */
const last = ({ status_text: _, ...sysinfo }: Sysinfo): Sysinfo => ({ ...sysinfo, status: 0 })

/**
 * Says offline until the site answers it. While the site holds a maintenance request it answers `offline` with that
 * request and keeps the name active: then the worker enters maintenance first and leaves as `offline maintenance`, so
 * that the request and its comment survive. Waits out errors; the caller sets the limit.
 */
export const goodbye = Effect.gen(function* () {
  const client = yield* EdgeClient
  const lifecycle = yield* WorkerLifecycle
  const health = yield* SiteHealth
  const { team } = yield* WorkerIdentity
  const { queues } = yield* (yield* Assignment).get
  const state = yield* lifecycle.get
  const sysinfo = last(yield* (yield* WorkerSysinfo).current)
  const comments = state.maintenance?.comments ?? null
  const said = state._tag === "Offline" ? report(state) : "offline"

  const say = (word: WorkerState, comment: string | null = null) =>
    client
      .setState({
        state: word,
        jobs_active: 0,
        queues,
        sysinfo,
        maintenance_comments: comment,
        team_name: team
      })
      .pipe(
        Effect.map((answer) => ({ state: answer.state, kept: answer.maintenance_comments ?? null })),
        Effect.catchTags({
          // The state is stored before the versions are looked at (edge3 5.1.0, `worker_api/routes/worker.py`).
          VersionRejected: () => Effect.succeed({ state: word, kept: comment }),
          WorkerNotFound: () => Effect.succeed({ state: word, kept: comments })
        })
      )
  const conversation = Effect.gen(function* () {
    let answer = yield* say(said)
    while (answer.state === "maintenance request") {
      yield* say("maintenance mode")
      answer = yield* say("offline maintenance")
    }
    // The site drops the comment with the word `terminating` (`redefine_maintenance_comments`, edge3 5.1.0).
    if (answer.state === "offline maintenance" && answer.kept === null && comments !== null) {
      yield* say("offline maintenance", comments)
    }
  })
  for (let tries = 0; ; tries++) {
    const result = yield* Effect.result(conversation)
    if (result._tag === "Success") return yield* (yield* StateFolder).freeName
    yield* Effect.logWarning(`cannot say goodbye yet: ${result.failure.message}`)
    yield* health.pause(tries, result.failure)
  }
}).pipe(Effect.withSpan("Goodbye.goodbye"))
