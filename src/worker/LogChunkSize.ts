/** LogChunkSize: how large a log chunk may be, learned from gateways that answer 413. */

/** After this long without a 413 the size may grow by a quarter, in milliseconds. */
const growEvery = 300_000

/** What was learned; the same for all jobs, because they share the way to the site. */
export interface LogChunkSize {
  readonly maximum: number
  readonly size: number
  /** The largest that was accepted. */
  readonly accepted: number
  /** When `size` last shrank, in epoch milliseconds. */
  readonly since: number
}

export const initial = (maximum: number): LogChunkSize => ({ maximum, size: maximum, accepted: 0, since: 0 })

/** The most bytes of JSON that the next chunk may take. */
export const current = (self: LogChunkSize, now: number): number =>
  self.size >= self.maximum
    ? self.maximum
    : Math.min(self.maximum, Math.floor(self.size * 1.25 ** Math.floor((now - self.since) / growEvery)))

export const accepted = (self: LogChunkSize, size: number): LogChunkSize =>
  size > self.accepted ? { ...self, accepted: size } : self

/** 413 for a chunk of `size` bytes: half of it, or what was accepted before if that lies between. */
export const tooLarge = (self: LogChunkSize, size: number, now: number): LogChunkSize => {
  const known = self.accepted < size ? self.accepted : 0
  return { ...self, size: Math.max(1, Math.floor(size / 2), known), accepted: known, since: now }
}
