/** requestOrder: lets a task's requests run side by side, but none that changes something out of its turn. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

/** Gives each its place in the order of the calls; the effect that comes back runs when its turn has come. */
export interface RequestOrder {
  /** After all that change something before it. */
  readonly reading: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** After all before it. */
  readonly changing: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

/** One order for one task: Airflow's supervisor answers one request after the other, and tasks rely on no more than this. */
export const requestOrder = (): RequestOrder => {
  let change: Deferred.Deferred<void> | undefined
  let reads: ReadonlyArray<Deferred.Deferred<void>> = []

  const inTurn = <A, E>(after: ReadonlyArray<Deferred.Deferred<void>>, own: Deferred.Deferred<void>) => {
    const turn = Effect.forEach(after, (before) => Deferred.await(before), { discard: true })
    return (effect: Effect.Effect<A, E>) =>
      Effect.ensuring(Effect.andThen(turn, effect), Deferred.succeed(own, undefined))
  }
  return {
    reading: (effect) => {
      const own = Deferred.makeUnsafe<void>()
      reads = [...reads.filter((read) => !Deferred.isDoneUnsafe(read)), own]
      return inTurn<never, never>(change === undefined ? [] : [change], own)(effect as never)
    },
    changing: (effect) => {
      const own = Deferred.makeUnsafe<void>()
      const after = change === undefined ? reads : [change, ...reads]
      change = own
      reads = []
      return inTurn<never, never>(after, own)(effect as never)
    }
  }
}
