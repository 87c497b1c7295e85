/** Heartbeat: tells the site what the worker is, hears its orders, and never ends the worker. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { StateFolder } from "../platform/StateFolder.ts"
import { type Lifecycle, report } from "../protocol/Lifecycle.ts"
import type { WorkerState } from "../protocol/WorkerState.ts"
import { Assignment } from "./Assignment.ts"
import * as AutomaticMaintenance from "./AutomaticMaintenance.ts"
import { EdgeClient } from "./EdgeClient.ts"
import type { SiteUnavailable } from "./EdgeError.ts"
import { NotOurs } from "./NotOurs.ts"
import { registerAgain } from "./Registration.ts"
import { SiteHealth } from "./SiteHealth.ts"
import { Slots } from "./Slots.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"
import { WorkerSysinfo } from "./WorkerSysinfo.ts"

/** A change in the number of jobs is told at once, but not more often than this. */
const busyGap = Duration.seconds(2)

/** A heartbeat never says goodbye: that is a conversation of its own, when nothing is left. */
const word = (state: Lifecycle): WorkerState => {
  const said = report(state)
  return said === "offline" || said === "offline maintenance" ? "terminating" : said
}

const unsent = (state: Lifecycle) =>
  state.maintenance !== null && !state.maintenance.told ? state.maintenance.comments : null

/** What must be told at once: another state, or a comment that the last heartbeat did not carry. */
const urgent = (told: Lifecycle, state: Lifecycle) =>
  state._tag !== told._tag ||
  (state.maintenance === null) !== (told.maintenance === null) ||
  (unsent(state) !== null && unsent(state) !== unsent(told))

/** Sends heartbeats until the worker is offline. */
export class Heartbeat extends Context.Service<
  Heartbeat,
  {
    /** The loop; its end means that the worker is offline, and that no heartbeat is under way. */
    readonly run: Effect.Effect<void>
    /** Makes the next heartbeat go out now. */
    readonly nudge: Effect.Effect<void>
    /** The site's words when it rejected our versions; undefined while it does not. */
    readonly rejection: Effect.Effect<string | undefined>
  }
>()("edge-worker/worker/Heartbeat") {
  static readonly layer = Layer.effect(
    Heartbeat,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const client = yield* EdgeClient
      const identity = yield* WorkerIdentity
      const lifecycle = yield* WorkerLifecycle
      const health = yield* SiteHealth
      const slots = yield* Slots
      const assignment = yield* Assignment
      const sysinfo = yield* WorkerSysinfo
      const notOurs = yield* NotOurs
      const { holdName } = yield* StateFolder
      const services = yield* Effect.context<Effect.Services<typeof registerAgain>>()
      const nudged = yield* Latch.make(false)
      const rejection = yield* Ref.make<string | undefined>(undefined)

      /** One heartbeat; returns the state that it told. */
      const beat = Effect.gen(function* () {
        const info = yield* sysinfo.current
        yield* AutomaticMaintenance.adjust(info)
        const state = yield* lifecycle.get
        const { queues } = yield* assignment.get
        const reported = word(state)
        const sent = unsent(state)
        const answer = yield* client.setState({
          state: reported,
          jobs_active: state.jobs,
          queues,
          sysinfo: info,
          maintenance_comments: sent,
          team_name: identity.team
        })
        yield* reached
        yield* holdName
        yield* assignment.update({ queues: answer.queues, versionsMatch: answer.versions_match ?? false })
        yield* notOurs.revoked(answer.revoked ?? [])
        const { capacity } = yield* slots.usage
        if (
          typeof answer.concurrency === "number" &&
          answer.concurrency >= 1 &&
          answer.concurrency !== capacity
        ) {
          yield* Effect.logInfo(`concurrency changed from ${capacity} to ${answer.concurrency} by the site`)
          yield* slots.resize(answer.concurrency)
        }
        yield* lifecycle.send({
          _tag: "Answered",
          reported,
          sent,
          state: answer.state,
          comments: answer.maintenance_comments ?? null
        })
        return state
      }).pipe(Effect.provideContext(services), Effect.withSpan("Heartbeat.beat"))

      /** Whatever it says: the site is there. */
      const reached = Effect.flatMap(Clock.currentTimeMillis, (now) =>
        health.set({ lastHeartbeat: now, problem: null })
      )

      const isOffline = (state: Lifecycle) => state._tag === "Offline"
      const unlessOffline = (wait: Effect.Effect<void>) =>
        Effect.raceFirst(wait, Effect.asVoid(lifecycle.until(isOffline)))

      /** A heartbeat with what to do about each way in which it can fail; undefined where the site was not reached. */
      const attempt = (failures: number) =>
        beat.pipe(
          // The site has forgotten our comments too: it hears them at once.
          Effect.catchTag("WorkerNotFound", () =>
            registerAgain.pipe(Effect.provideContext(services), Effect.andThen(beat))
          ),
          Effect.catchTag("WorkerNotFound", () => lifecycle.get),
          Effect.catchTags({
            VersionRejected: Effect.fnUntraced(function* (error) {
              yield* reached
              yield* Ref.set(rejection, error.detail)
              yield* lifecycle.send({
                _tag: "Drain",
                reason: `the site rejects this worker: ${error.detail}`
              })
              return yield* lifecycle.get
            }),
            WorkerConflict: Effect.fnUntraced(function* (error) {
              yield* reached
              yield* Effect.logWarning(`registering again was refused: ${error.detail}`)
              return yield* lifecycle.get
            }),
            SiteUnavailable: (error) => unreachable(failures, error)
          })
        )

      const unreachable = Effect.fnUntraced(function* (failures: number, error: SiteUnavailable) {
        const before = yield* health.get
        yield* health.set({ ...before, problem: error.message })
        const log = failures === 0 ? Effect.logWarning : Effect.logDebug
        yield* log(`heartbeat not accepted, tasks run on: ${error.message}`)
        yield* unlessOffline(health.pause(failures, error, config.heartbeatInterval))
        return undefined
      })

      /** At least this part of the interval. */
      const jittered = (least: number) =>
        Effect.map(Random.next, (part) =>
          Duration.times(config.heartbeatInterval, least + (1 - least) * part)
        )
      /** Until the interval is over, or something has happened that the site should know. */
      const rest = Effect.fnUntraced(function* (told: Lifecycle, isFirst: boolean) {
        yield* Effect.raceAllFirst([
          // Many workers begin together, or find the site back together: from then on their beats are spread.
          Effect.flatMap(jittered(isFirst ? 0.1 : 0.9), Effect.sleep),
          nudged.await,
          lifecycle.until((state) => urgent(told, state)),
          Effect.andThen(
            Effect.sleep(busyGap),
            lifecycle.until((state) => state.jobs !== told.jobs)
          )
        ])
        yield* nudged.close
      })

      // Only its waits are cut short: the site may commit a heartbeat that was given up after the goodbye that follows it.
      const run = Effect.gen(function* () {
        let failures = 0
        let isFirst = true
        while (!isOffline(yield* lifecycle.get)) {
          const told = yield* attempt(failures)
          if (told !== undefined && failures > 0) yield* Effect.logInfo("the site is back")
          isFirst ||= failures > 0
          failures = told === undefined ? failures + 1 : 0
          if (told !== undefined) {
            yield* unlessOffline(rest(told, isFirst))
            isFirst = false
          }
        }
      })
      return Heartbeat.of({
        run,
        nudge: nudged.open,
        rejection: Ref.get(rejection)
      })
    })
  )
}
