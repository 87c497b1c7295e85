/** Slots: the worker's capacity. A job holds its slots while a process of it may exist. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { until } from "./until.ts"

/** How the capacity is used; all in slots. */
export interface SlotsUsage {
  /** What the worker may hold at once: `worker_concurrency`, or what the site set at run time. */
  readonly capacity: number
  /** Held by jobs. */
  readonly held: number
  /** Promised to the ask in flight. */
  readonly lent: number
}

const free = (usage: SlotsUsage) => Math.max(0, usage.capacity - usage.held - usage.lent)

/** The slots of this worker. */
export class Slots extends Context.Service<
  Slots,
  {
    readonly usage: Effect.Effect<SlotsUsage>
    readonly changes: Stream.Stream<SlotsUsage>
    /** Waits until a slot is free and lends all that are; one borrower at a time: `JobFetch`. */
    readonly lend: Effect.Effect<number>
    /** Ends the loan: of the lent slots, `held` pass to a job, the surplus is free again. */
    readonly settle: (lent: number, held: number) => Effect.Effect<void>
    /** A job's last process is gone. */
    readonly release: (held: number) => Effect.Effect<void>
    /** The site changed the worker's concurrency; running jobs keep what they hold. */
    readonly resize: (capacity: number) => Effect.Effect<void>
  }
>()("edge-worker/worker/Slots") {
  static readonly layer = Layer.effect(
    Slots,
    Effect.gen(function* () {
      const { concurrency } = yield* WorkerIdentity
      const ref = yield* SubscriptionRef.make<SlotsUsage>({ capacity: concurrency, held: 0, lent: 0 })
      const changes = SubscriptionRef.changes(ref)
      const untilFree = until(ref, (usage) => free(usage) > 0)
      const borrow = SubscriptionRef.modify(ref, (usage) => {
        const lent = free(usage)
        return [lent, { ...usage, lent: usage.lent + lent }] as const
      })
      return Slots.of({
        usage: SubscriptionRef.get(ref),
        changes,
        lend: Effect.uninterruptibleMask((restore) =>
          // Only the wait can be interrupted: a loan that nobody holds would never come back.
          restore(untilFree).pipe(Effect.andThen(borrow), Effect.repeat({ until: (lent) => lent > 0 }))
        ),
        settle: (lent, held) =>
          SubscriptionRef.update(ref, (usage) => ({
            ...usage,
            lent: usage.lent - lent,
            held: usage.held + held
          })),
        release: (held) => SubscriptionRef.update(ref, (usage) => ({ ...usage, held: usage.held - held })),
        resize: (capacity) =>
          SubscriptionRef.update(ref, (usage) =>
            usage.capacity === capacity ? usage : { ...usage, capacity }
          )
      })
    })
  )
}
