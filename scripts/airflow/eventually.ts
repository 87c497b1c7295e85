/** eventually: looks again and again until something is as it should be, or fails with what it saw last. */
import { setTimeout as delay } from "node:timers/promises"

/** What a look may be told: how long it may take, and how often one looks. */
export interface Patience {
  /** Default 60. */
  readonly seconds?: number
  /** Default 100. */
  readonly everyMillis?: number
}

const asText = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value))
  return text.length > 2000 ? `…${text.slice(-2000)}` : text
}

/** Looks until `ok`, and gives what was seen then. A look that throws counts as seen, too. */
export const eventually = async <A>(
  what: string,
  look: () => Promise<A> | A,
  ok: (seen: A) => boolean,
  { seconds = 60, everyMillis = 100 }: Patience = {}
): Promise<A> => {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    let last: string
    try {
      const seen = await look()
      if (ok(seen)) return seen
      last = asText(seen)
    } catch (error) {
      last = String(error)
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s; last seen: ${last}`)
    await delay(everyMillis)
  }
}
