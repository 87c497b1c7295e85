/** WorkerSysinfo: what a heartbeat tells of the worker and its machine; an operator's own part never delays it. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import type { Sysinfo } from "../protocol/EdgeApi.ts"
import { Assignment } from "./Assignment.ts"
import { FetchGate } from "./FetchGate.ts"
import { Slots } from "./Slots.ts"
import { Versions } from "./Versions.ts"

/** The operator's sysinfo function, command or Effect failed or printed something else than it must. */
export class SysinfoFailed extends Schema.TaggedError<SysinfoFailed>()("SysinfoFailed", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** The operator's own part of the sysinfo, looked at once a heartbeat interval; `undefined` for none. */
export const ExtendedSysinfo = Context.Reference<Effect.Effect<Sysinfo, SysinfoFailed> | undefined>(
  "edge-worker/worker/ExtendedSysinfo",
  { defaultValue: () => undefined }
)

/** How long the operator's part may take before it counts as failed. */
const patience = "30 seconds"
/** How long the start waits for it where it may put the worker into maintenance. */
const startPatience = "5 seconds"

const mismatch = {
  status: 30,
  status_text: "Healthy but version mismatch",
  version_mismatch_description:
    "This worker and the site run different versions of Airflow or of the edge3 provider. The site tolerates it: " +
    "jobs run, but newer features may be missing. Bring both to the same versions when you can."
}

/** At least a warning, with what takes no jobs before all else that there is to say. */
const warned = ({ status, status_text: text }: Sysinfo, whyNot: string): Sysinfo => ({
  status: Math.max(mismatch.status, typeof status === "number" ? status : 0),
  status_text: `Takes no jobs: ${whyNot}${typeof text === "string" && text !== "" ? `; ${text}` : ""}`
})

/** Python's `datetime.now().isoformat()`: local time without a zone, as edge3 sends `worker_start_time`. */
const localIso = (millis: number) => {
  const local = new Date(millis - new Date(millis).getTimezoneOffset() * 60_000)
  return local.toISOString().replace("Z", "000")
}

/** The sysinfo of the next heartbeat. */
export class WorkerSysinfo extends Context.Service<
  WorkerSysinfo,
  {
    readonly current: Effect.Effect<Sysinfo>
    /** Waits for the operator's part where that decides about maintenance, at most 5 s. */
    readonly ready: Effect.Effect<void>
  }
>()("edge-worker/worker/WorkerSysinfo") {
  static readonly layer = Layer.effect(
    WorkerSysinfo,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const assignment = yield* Assignment
      const slots = yield* Slots
      const versions = yield* Versions
      const gate = yield* FetchGate
      const extended = yield* ExtendedSysinfo
      const started = localIso(yield* Clock.currentTimeMillis)
      const latest = yield* Ref.make<Sysinfo>({})
      const first = yield* Deferred.make<void>()

      if (extended !== undefined) {
        let failure = ""
        const look = extended.pipe(
          Effect.timeoutOrElse({
            duration: patience,
            orElse: () => Effect.fail(new SysinfoFailed({ reason: `no answer within ${patience}` }))
          }),
          // Its last answer would be told for ever otherwise.
          Effect.catchDefect((bug) => Effect.fail(new SysinfoFailed({ reason: String(bug) }))),
          Effect.matchEffect({
            onSuccess: (part) => Ref.set(latest, part),
            // As edge3: a failure leaves the operator's part out until it succeeds again.
            onFailure: (error) =>
              Effect.gen(function* () {
                const again = error.message === failure
                failure = error.message
                yield* Ref.set(latest, {})
                yield* again ? Effect.void : Effect.logWarning(`left out of the sysinfo: ${error.message}`)
              })
          }),
          Effect.andThen(Deferred.succeed(first, undefined))
        )
        yield* look.pipe(
          Effect.andThen(Effect.sleep(config.heartbeatInterval)),
          Effect.forever,
          Effect.forkScoped
        )
      }

      const current = Effect.gen(function* () {
        const { airflow, edge3, python } = yield* versions.current
        const { versionsMatch } = yield* assignment.get
        const { capacity, held } = yield* slots.usage
        const own: Sysinfo = {
          ...(versionsMatch ? { status: 20 } : mismatch),
          airflow_version: airflow,
          edge_provider_version: edge3,
          ...(python === undefined ? {} : { python_version: python }),
          worker_start_time: started,
          concurrency: capacity,
          free_concurrency: capacity - held,
          ...(yield* Ref.get(latest))
        }
        const whyNot = yield* gate.whyNot
        return whyNot === undefined ? own : { ...own, ...warned(own, whyNot) }
      })
      const decides = extended !== undefined && config.automaticMaintenanceOn !== "off"
      return WorkerSysinfo.of({
        current,
        ready: decides
          ? Deferred.await(first).pipe(Effect.timeoutOption(startPatience), Effect.asVoid)
          : Effect.void
      })
    })
  )
}
