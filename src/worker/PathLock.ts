/** PathLock: lets one holder at a time into what belongs to a path. */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/**
 * Runs effects of the same path one after the other. A deferred task comes back to its file while the log of its
 * first part may still wait for the site: two loops would push the same bytes.
 */
export const makePathLock = () => {
  const locks = new Map<string, { readonly semaphore: Semaphore.Semaphore; users: number }>()
  return <A, E, R>(path: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const lock = locks.get(path) ?? { semaphore: Semaphore.makeUnsafe(1), users: 0 }
        lock.users += 1
        locks.set(path, lock)
        return lock
      }),
      (lock) => lock.semaphore.withPermits(1)(effect),
      (lock) =>
        Effect.sync(() => {
          lock.users -= 1
          if (lock.users === 0) locks.delete(path)
        })
    )
}
