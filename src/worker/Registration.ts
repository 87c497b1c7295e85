/** Registration: makes the site take this worker, waits out outages, and says clearly why it was refused. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { MonotonicClock } from "../platform/MonotonicClock.ts"
import { StateFolder } from "../platform/StateFolder.ts"
import { report } from "../protocol/Lifecycle.ts"
import { Assignment } from "./Assignment.ts"
import * as AutomaticMaintenance from "./AutomaticMaintenance.ts"
import { EdgeClient } from "./EdgeClient.ts"
import type { SiteUnavailable } from "./EdgeError.ts"
import { SiteHealth } from "./SiteHealth.ts"
import { takeover } from "./Takeover.ts"
import { Versions } from "./Versions.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"
import { WorkerSysinfo } from "./WorkerSysinfo.ts"

/** The site does not take this worker, and waiting would not help. */
export class RegistrationRefused extends Schema.TaggedError<RegistrationRefused>()("RegistrationRefused", {
  why: Schema.Literals(["versions", "name", "credentials", "api"]),
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** A 401 or 403 in the site's own JSON is about us; any other is a gateway in maintenance: an outage. */
const refusal = (error: SiteUnavailable): RegistrationRefused | undefined => {
  if (!error.fromSite) return undefined
  if (error.status === 401 || error.status === 403) {
    return new RegistrationRefused({ why: "credentials", reason: error.reason })
  }
  return error.status === 404 || error.status === 405
    ? new RegistrationRefused({ why: "api", reason: error.reason })
    : undefined
}

const mayLive =
  "One that ran on this state folder ended without a goodbye, and there is no proof that it is dead (another machine, a " +
  "copied folder or a network file system)"
const mayBeUs = "It may be this one: the answer to its registration was lost"

/** One registration request, with what the worker is now. */
const attempt = Effect.gen(function* () {
  const client = yield* EdgeClient
  const lifecycle = yield* WorkerLifecycle
  const assignment = yield* Assignment
  const { team } = yield* WorkerIdentity
  const sysinfo = yield* WorkerSysinfo
  const info = yield* sysinfo.current
  yield* AutomaticMaintenance.adjust(info)
  const state = yield* lifecycle.get
  const { queues } = yield* assignment.get
  const answer = yield* client.register({
    state: report(state),
    jobs_active: state.jobs,
    queues,
    sysinfo: info,
    team_name: team
  })
  yield* assignment.update({ versionsMatch: answer.versions_match ?? false })
})

/**
 * Registers before anything else: ends when the site has taken the worker, however long the site is away, or fails
 * with the reason for which it never will.
 */
export const register = Effect.gen(function* () {
  const health = yield* SiteHealth
  const versions = yield* Versions
  const { holdName, nameBefore } = yield* StateFolder
  const { heartbeatInterval } = yield* EdgeConfig
  const monotonic = yield* MonotonicClock
  // The site gives a silent worker up after five heartbeats (edge3 5.1.0, `_check_worker_liveness`); one more for its sweep.
  const silence = 2 * 5 * Duration.toMillis(heartbeatInterval)
  let tookOver = false
  /** The site may have taken us without our hearing it: then the name that is active is ours. */
  let unheard = false
  /** Since when the site has answered, and always with a conflict. */
  let conflictSince: number | undefined
  for (let tries = 0; ; tries++) {
    const refused = yield* attempt.pipe(
      Effect.as(undefined),
      Effect.catchTags({
        VersionRejected: Effect.fnUntraced(function* (error) {
          // Each answer of the site teaches one version at most; a third refusal would be for something else.
          if (tries < 3 && (yield* versions.learn(error.detail))) return "again" as const
          return yield* new RegistrationRefused({ why: "versions", reason: error.detail })
        }),
        WorkerConflict: Effect.fnUntraced(function* (error) {
          const refused = new RegistrationRefused({ why: "name", reason: error.detail })
          const now = yield* monotonic
          conflictSince ??= now
          if ((nameBefore === "unproved" || unheard) && now - conflictSince < silence) {
            yield* Effect.logWarning(
              `the site has a worker of this name. ${unheard ? mayBeUs : mayLive}: waiting until the site gives ` +
                `it up, after about ${Duration.toSeconds(heartbeatInterval) * 5} s without a heartbeat`
            )
            yield* Effect.sleep(Duration.times(heartbeatInterval, 0.5))
            return "again" as const
          }
          if (nameBefore !== "dead" || tookOver) return yield* refused
          tookOver = true
          yield* takeover.pipe(
            Effect.catchTag("VersionRejected", () => Effect.void),
            Effect.catchTag("WorkerNotFound", () => Effect.void),
            Effect.catchTag("SiteUnavailable", (failure) => {
              tookOver = false
              return health.pause(tries, failure)
            })
          )
          return "again" as const
        }),
        SiteUnavailable: Effect.fnUntraced(function* (error) {
          const never = refusal(error)
          if (never !== undefined) return yield* never
          unheard ||= error.ambiguous
          conflictSince = undefined
          yield* Effect.logWarning(`cannot register yet: ${error.message}`)
          yield* health.pause(tries, error)
          return "again" as const
        })
      })
    )
    if (refused === undefined) return yield* holdName
  }
}).pipe(Effect.withSpan("Registration.register"))

/** After a 404: the site has forgotten a worker whose tasks run on. One attempt; the heartbeat comes again anyway. */
export const registerAgain = Effect.gen(function* () {
  const lifecycle = yield* WorkerLifecycle
  yield* Effect.logWarning("the site does not know this worker any more: registering again, tasks run on")
  yield* attempt
  yield* lifecycle.send({ _tag: "RegisteredAnew" })
})
