/** FetchGate: whether this machine may take another job now, whatever the site and the slots say. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DiskSpace } from "./DiskSpace.ts"
import { Journal } from "./Journal.ts"

/** Closed while the machine could not keep what a new job promises. */
export class FetchGate extends Context.Service<
  FetchGate,
  {
    /** Why no job is fetched now; undefined where the gate is open. */
    readonly whyNot: Effect.Effect<string | undefined>
  }
>()("edge-worker/worker/FetchGate") {
  static readonly layer = Layer.effect(
    FetchGate,
    Effect.gen(function* () {
      const journal = yield* Journal
      const diskSpace = yield* DiskSpace
      return FetchGate.of({
        whyNot: Effect.gen(function* () {
          const unwritten = yield* journal.problem
          const full = yield* diskSpace.problem
          const reasons = [
            ...(unwritten === undefined ? [] : [`the journal cannot be written: ${unwritten}`]),
            ...(full === undefined ? [] : [full])
          ]
          return reasons.length === 0 ? undefined : reasons.join("; ")
        })
      })
    })
  ).pipe(Layer.provide(DiskSpace.layer))

  /** Always open, for what fetches nothing anyway. */
  static readonly layerOpen = Layer.succeed(FetchGate, FetchGate.of({ whyNot: Effect.succeed(undefined) }))
}
