/**
 * Attempts: how often a password may be tried: within 15 minutes 5 times a user and place, 20 times a user or a place. From
 * where a user has logged in before, only their own tries there count, so that nobody can shut them out.
 */
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

/** Of IPv6 its network: who has one address there has 2^64 of them. */
export const placeOf = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !address.includes(":")) return mapped ?? address
  const [left = [], right = []] = address
    .replace(/%.*$/, "")
    .split("::")
    .map((half) => half.split(":").filter((group) => group !== ""))
  const missing = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0")
  const groups = [...left, ...missing, ...right].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`
}

/** Counts a try before it is made, so that many at once are no way around; one that succeeds is taken back. */
export const make = () => {
  const counts = new Map<string, Count>()
  /** Where each user has logged in, the latest last. */
  const known = new Set<string>()
  const pairOf = ({ address, user }: Try) => `${placeOf(address)} ${user}`
  const keys = (attempt: Try): ReadonlyArray<readonly [key: string, limit: number]> => {
    const pair = pairOf(attempt)
    const own = [`pair ${pair}`, LIMITS.pair] as const
    if (known.has(pair)) return [own]
    return [
      own,
      [`user ${attempt.user}`, LIMITS.user],
      [`address ${placeOf(attempt.address)}`, LIMITS.address]
    ]
  }
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
        const pair = pairOf(attempt)
        counts.delete(`pair ${pair}`)
        known.delete(pair)
        known.add(pair)
        for (const oldest of known) {
          if (known.size <= MOST) break
          known.delete(oldest)
        }
      })
  }
}
