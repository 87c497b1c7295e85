/** Attempts: how often a password may be tried: within 15 minutes 5 times a user and address, 20 times a user or an address. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const WINDOW = 15 * 60_000
const LIMITS = { pair: 5, user: 20, address: 20 } as const
/** So that nobody fills the memory with invented names. */
const MOST = 20_000

interface Count {
  readonly since: number
  readonly failures: number
}

/** Tries from one place for one name. */
export interface Try {
  readonly user: string
  readonly address: string
}

/** Counts a try before it is made, so that many at once are no way around; one that succeeds is taken back. */
export const make = () => {
  const counts = new Map<string, Count>()
  const keys = ({ address, user }: Try): ReadonlyArray<readonly [key: string, limit: number]> => [
    [`pair ${address} ${user}`, LIMITS.pair],
    [`user ${user}`, LIMITS.user],
    [`address ${address}`, LIMITS.address]
  ]
  const current = (key: string, now: number): Count => {
    const found = counts.get(key)
    return found === undefined || now - found.since >= WINDOW ? { since: now, failures: 0 } : found
  }
  const forgetOld = (now: number) => {
    for (const [key, count] of counts) if (now - count.since >= WINDOW) counts.delete(key)
    for (const key of counts.keys()) {
      if (counts.size <= MOST) break
      counts.delete(key)
    }
  }
  return {
    /** The seconds to wait where there were too many; else the try is counted. */
    begin: (attempt: Try): Effect.Effect<number | undefined> =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const full = keys(attempt)
          .map(([key, limit]) => ({ count: current(key, now), limit }))
          .filter(({ count, limit }) => count.failures >= limit)
        if (full.length > 0)
          return Math.ceil(Math.max(...full.map(({ count }) => WINDOW - (now - count.since))) / 1000)
        for (const [key] of keys(attempt)) {
          const { failures, since } = current(key, now)
          counts.delete(key) // so that the map stays in the order of use
          counts.set(key, { since, failures: failures + 1 })
        }
        if (counts.size > MOST) forgetOld(now)
        return undefined
      }),
    /** It was the right password. */
    succeeded: (attempt: Try): Effect.Effect<void> =>
      Effect.sync(() => {
        for (const [key] of keys(attempt)) {
          const count = counts.get(key)
          if (count !== undefined) counts.set(key, { ...count, failures: Math.max(0, count.failures - 1) })
        }
        counts.delete(`pair ${attempt.address} ${attempt.user}`)
      })
  }
}
