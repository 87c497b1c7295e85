/** FetchGate: whether this machine may take another job now, whatever the site and the slots say. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DiskSpace } from "./DiskSpace.ts"
import { Journal } from "./Journal.ts"

/** How long no job is fetched after one could not be started: a full disk is not looked at sooner again either. */
const pause = "30 seconds"

/** Closed while the machine could not keep what a new job promises. */
export class FetchGate extends Context.Service<
  FetchGate,
  {
    /** Why no job is fetched now; undefined where the gate is open. */
    readonly whyNot: Effect.Effect<string | undefined>
    /** This machine could not start a job: closes the gate for a while, after which the next one shows how it is now. */
    readonly startRefused: (reason: string) => Effect.Effect<void>
  }
>()("edge-worker/worker/FetchGate") {
  static readonly layer = Layer.effect(
    FetchGate,
    Effect.gen(function* () {
      const journal = yield* Journal
      const diskSpace = yield* DiskSpace
      const scope = yield* Effect.scope
      let refusal: { readonly reason: string } | undefined
      return FetchGate.of({
        whyNot: Effect.gen(function* () {
          const unwritten = yield* journal.problem
          const full = yield* diskSpace.problem
          const reasons = [
            ...(unwritten === undefined ? [] : [`the journal cannot be written: ${unwritten}`]),
            ...(full === undefined ? [] : [full]),
            ...(refusal === undefined ? [] : [`a job could not be started here: ${refusal.reason}`])
          ]
          return reasons.length === 0 ? undefined : reasons.join("; ")
        }),
        startRefused: Effect.fnUntraced(function* (reason: string) {
          const mine = { reason }
          refusal = mine
          yield* Effect.logWarning(`a job could not be started here: ${reason}; no new jobs for ${pause}`)
          yield* Effect.sleep(pause).pipe(
            Effect.andThen(
              Effect.sync(() => {
                if (refusal === mine) refusal = undefined
              })
            ),
            Effect.forkIn(scope)
          )
        })
      })
    })
  ).pipe(Layer.provide(DiskSpace.layer))

  /** Always open, for what fetches nothing anyway. */
  static readonly layerOpen = Layer.succeed(
    FetchGate,
    FetchGate.of({ whyNot: Effect.succeed(undefined), startRefused: () => Effect.void })
  )
}
