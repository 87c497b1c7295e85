/** Recovery: takes up what a worker of this state folder that died has left: its jobs, their logs and their folders. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { StateFolder } from "../platform/StateFolder.ts"
import { display, slotsOf } from "../protocol/Job.ts"
import { JobRun } from "./JobRun.ts"
import { Journal, type OpenClaim } from "./Journal.ts"
import { occupy } from "./Occupy.ts"
import { Slots } from "./Slots.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"

/** What a start has found. */
export interface Found {
  /** Jobs whose end was not known. */
  readonly open: number
  /** Jobs that had ended and whose log was not told to the end. */
  readonly logs: number
  readonly reports: number
}

const unsettled =
  ({ claim }: OpenClaim) =>
  (defect: unknown) =>
    Effect.logError(
      `${display(claim.job)} could not be settled, and is tried again at the next start`,
      defect
    )

/** Goes on where the journal ends. */
export class Recovery extends Context.Service<
  Recovery,
  {
    /**
     * Puts every open claim back on its slots: what runs is waited for, what ended is reported, what cannot go on is
     * reported `failed`, what never started is handed back. Ends as soon as all of that is under way.
     */
    readonly begin: Effect.Effect<Found, never, Scope.Scope>
  }
>()("edge-worker/worker/Recovery") {
  static readonly layer = Layer.effect(
    Recovery,
    Effect.gen(function* () {
      const journal = yield* Journal
      const jobRun = yield* JobRun
      const slots = yield* Slots
      const lifecycle = yield* WorkerLifecycle
      const stateFolder = yield* StateFolder
      return Recovery.of({
        begin: Effect.gen(function* () {
          const claims = yield* journal.openClaims
          const reports = (yield* journal.reports).length
          yield* stateFolder.sweep(new Set(claims.map(({ claim }) => claim.id)))
          for (const open of claims) {
            // A folder or a log that cannot be made must not keep the worker from starting: the claim stays open.
            if (open.ended) yield* Effect.catchDefect(jobRun.tellLog(open), unsettled(open))
            else {
              yield* slots.settle(0, slotsOf(open.claim.job))
              yield* occupy(open.claim, Effect.tapDefect(jobRun.adopt(open), unsettled(open))).pipe(
                Effect.provideService(Slots, slots),
                Effect.provideService(WorkerLifecycle, lifecycle)
              )
            }
          }
          const open = claims.filter(({ ended }) => !ended).length
          const found: Found = { open, logs: claims.length - open, reports }
          if (claims.length + reports > 0) {
            yield* Effect.logInfo("goes on with what the worker before it has left", found)
          }
          return found
        }).pipe(Effect.withSpan("Recovery.begin"))
      })
    })
  )
}
