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
const mayHaveBeenUs =
  "It may be the one that ran on this state folder: it was killed before it heard whether the site took it, and another " +
  "machine's may have been faster"

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
  const { askName, freeName, holdName, nameBefore, provedFor } = yield* StateFolder
  const { heartbeatInterval } = yield* EdgeConfig
  const monotonic = yield* MonotonicClock
  // The site gives a silent worker up after five heartbeats (edge3 5.1.0, `_check_worker_liveness`), when its scheduler
  // comes to it: under load that is minutes.
  const lifeless = 5 * Duration.toMillis(heartbeatInterval)
  const silence = lifeless + Math.max(lifeless, 180_000)
  const began = yield* monotonic
  let tookOver = false
  /** The site may have taken us without our hearing it: then the name that is active is ours. */
  let unheard = false
  /** Since when the site has answered, and always with a conflict. */
  let conflictSince: number | undefined
  // Noted before it is sent: a kill may come between the site's taking us and our hearing of it. The proof that our
  // predecessor held the name stays meanwhile; it says more.
  if (nameBefore === "none") yield* askName
  /** Refused for another reason than the name, and never unheard: the site has not taken this start. */
  const withdraw = Effect.suspend(() => (nameBefore === "none" && !unheard ? freeName : Effect.void))
  for (let tries = 0; ; tries++) {
    const refused = yield* attempt.pipe(
      Effect.as(undefined),
      Effect.catchTags({
        VersionRejected: Effect.fnUntraced(function* (error) {
          // Each answer of the site teaches one version at most; a third refusal would be for something else.
          if (tries < 3 && (yield* versions.learn(error.detail))) return "again" as const
          yield* withdraw
          return yield* new RegistrationRefused({ why: "versions", reason: error.detail })
        }),
        WorkerConflict: Effect.fnUntraced(function* (error) {
          const refused = new RegistrationRefused({ why: "name", reason: error.detail })
          const now = yield* monotonic
          conflictSince ??= now
          // While the site still held the predecessor's name nobody else can have got it: what is active is the
          // predecessor, or this worker, if the answer to an attempt of this start was lost.
          const proved = nameBefore === "dead" && !tookOver && now - began < provedFor
          const waits = unheard || (nameBefore !== "none" && !tookOver)
          if (!proved && waits && now - conflictSince < silence) {
            const who = unheard ? mayBeUs : nameBefore === "asked" ? mayHaveBeenUs : mayLive
            yield* Effect.logWarning(
              `the site has a worker of this name. ${who}: waiting until the site gives it up, ` +
                `after about ${Duration.toSeconds(heartbeatInterval) * 5} s without a heartbeat`
            )
            yield* Effect.sleep(Duration.times(heartbeatInterval, 0.5))
            return "again" as const
          }
          if (!proved) {
            // Whoever it is lives, so it is not who asked; the proof of a predecessor stays as it is.
            if (nameBefore !== "unproved") yield* freeName
            return yield* refused
          }
          tookOver = true
          yield* takeover.pipe(
            // From here on the name may be anybody's, until the site takes us.
            Effect.andThen(askName),
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
          if (never !== undefined) {
            yield* withdraw
            return yield* never
          }
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
