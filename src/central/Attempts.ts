/**
 * Attempts: how often a password may be tried: within 15 minutes 5 times a user and place, 20 times a user or a place. From
 * where a user has logged in before, only their own tries there count, so that nobody can shut them out. All centrals of a
 * store count together.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Repository, RepositoryUnavailable, Tries } from "./Repository.ts"

const WINDOW = 15 * 60_000
/** How long it is remembered where a user has logged in. */
const MEMORY = 90 * 86_400_000
const LIMITS = { pair: 5, user: 20, address: 20 } as const

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

const keysOf = ({ address, user }: Try) => {
  const place = placeOf(address)
  return {
    known: `known ${place} ${user}`,
    pair: `pair ${place} ${user}`,
    user: `user ${user}`,
    address: `address ${place}`
  }
}

/** What a try counts for, and how often it was made there within the window. */
const counted = (keys: ReturnType<typeof keysOf>, found: ReadonlyMap<string, Tries>, now: number) => {
  const isKnown = (found.get(keys.known)?.until ?? 0) > now
  const kinds = isKnown ? (["pair"] as const) : (["pair", "user", "address"] as const)
  return kinds.map((kind) => {
    const tries = found.get(keys[kind])
    const current = tries !== undefined && tries.until > now ? tries : { count: 0, until: now + WINDOW }
    return { kind, key: keys[kind], ...current }
  })
}

/** Counts a try before it is made, so that many at once are no way around; one that succeeds is taken back. */
export const make = ({ changeTries }: Pick<Repository["Service"], "changeTries">) => {
  const change = <A>(
    attempt: Try,
    decide: (
      counts: ReturnType<typeof counted>,
      now: number,
      keys: ReturnType<typeof keysOf>
    ) => readonly [A, ReadonlyMap<string, Tries>]
  ): Effect.Effect<A, RepositoryUnavailable> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const keys = keysOf(attempt)
      return changeTries(Object.values(keys), (found) => decide(counted(keys, found, now), now, keys))
    })
  return {
    /** The seconds to wait where there were too many; else the try is counted. */
    begin: (attempt: Try): Effect.Effect<number | undefined, RepositoryUnavailable> =>
      change(attempt, (counts, now) => {
        const full = counts.filter(({ count, kind }) => count >= LIMITS[kind])
        if (full.length > 0)
          return [Math.ceil((Math.max(...full.map(({ until }) => until)) - now) / 1000), new Map()]
        return [undefined, new Map(counts.map(({ count, key, until }) => [key, { count: count + 1, until }]))]
      }),
    /** It was the right password. */
    succeeded: (attempt: Try): Effect.Effect<void, RepositoryUnavailable> =>
      change(attempt, (counts, now, keys) => [
        undefined,
        new Map([
          ...counts.map(
            ({ count, key, kind, until }) =>
              [key, { count: kind === "pair" ? 0 : Math.max(0, count - 1), until }] as const
          ),
          [keys.known, { count: 1, until: now + MEMORY }]
        ])
      ])
  }
}
