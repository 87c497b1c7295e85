/** Occupy: a job on its slots: counted by the lifecycle, and its slots free again when its process is gone. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type Claim, slotsOf } from "../protocol/Job.ts"
import { Slots } from "./Slots.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"

/** Runs `job` in the background on slots that the claim holds already. */
export const occupy = Effect.fnUntraced(function* <R>(claim: Claim, job: Effect.Effect<void, never, R>) {
  const slots = yield* Slots
  const lifecycle = yield* WorkerLifecycle
  yield* lifecycle.send({ _tag: "JobTaken" })
  yield* job.pipe(
    // Interrupted: nobody waits any more, but the process may live, and it holds its slots.
    Effect.onExit((exit) =>
      Exit.hasInterrupts(exit)
        ? Effect.void
        : Effect.andThen(slots.release(slotsOf(claim.job)), lifecycle.send({ _tag: "JobGone" }))
    ),
    Effect.forkScoped
  )
})
