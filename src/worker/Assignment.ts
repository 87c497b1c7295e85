/** Assignment: what the site has assigned to this worker at run time: its queues, and whether its versions match. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"

/** The site's last word. */
export interface Assigned {
  /** `null`: every queue. */
  readonly queues: ReadonlyArray<string> | null
  readonly versionsMatch: boolean
}

/** Written by registration and heartbeat, read by the fetch and the sysinfo. */
export class Assignment extends Context.Service<
  Assignment,
  {
    readonly get: Effect.Effect<Assigned>
    readonly update: (change: Partial<Assigned>) => Effect.Effect<void>
  }
>()("edge-worker/worker/Assignment") {
  static readonly layer = Layer.effect(
    Assignment,
    Effect.gen(function* () {
      const { queues } = yield* WorkerIdentity
      const ref = yield* Ref.make<Assigned>({ queues, versionsMatch: true })
      return Assignment.of({
        get: Ref.get(ref),
        update: (change) => Ref.update(ref, (assigned) => ({ ...assigned, ...change }))
      })
    })
  )
}
