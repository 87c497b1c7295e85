/** IdleLimit: how long a kept connection may lie idle, learned from when the other end closes such connections. */

/** The most that a connection lies idle, in milliseconds, and the least that counts as a rule of the other end. */
const [most, least] = [60_000, 2_000]

/**
 * A request that leaves in the moment in which the other end closes its idle connection is lost without a trace:
 * with a fixed poll interval of 5 s and uvicorn's keep-alive of 5 s that moment comes often. So we close first.
 */
export class IdleLimit {
  #millis = most

  get millis(): number {
    return this.#millis
  }

  /** The other end closed a connection that had been idle for so long. A shorter time is a restart, not a rule. */
  closedByPeer(idleMillis: number): void {
    if (idleMillis >= least) this.#millis = Math.min(this.#millis, Math.floor(idleMillis * 0.8))
  }
}
