/** heardQueue: what is heard of a task, until its attempt takes it; a task that says too much at once has to wait. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { TaskHeard } from "./TaskChannel.ts"

/** Characters that may wait before no more is read, and from which it is again. */
const [most, few] = [4 * 2 ** 20, 2 ** 20]
/** Characters that may wait of a source which does not stop. */
const full = 4 * most
/** What an entry takes besides its characters: there is no end to empty lines either. */
const ofEntry = 128

/** The two ends of it. */
export interface Heard {
  readonly offer: (heard: TaskHeard, characters: number) => void
  readonly take: Effect.Effect<TaskHeard>
  /** So much waits that the source has not stopped, or cannot be. */
  readonly isFull: () => boolean
}

/** @param flow stops the source, or lets it go on */
export const heardQueue = (flow: (on: boolean) => void): Heard => {
  const queue = Effect.runSync(Queue.unbounded<readonly [TaskHeard, number]>())
  let waiting = 0
  let flowing = true
  return {
    offer: (heard, characters) => {
      const size = characters + ofEntry
      waiting += size
      Queue.offerUnsafe(queue, [heard, size])
      if (flowing && waiting > most) {
        flowing = false
        flow(false)
      }
    },
    take: Effect.map(Queue.take(queue), ([heard, size]) => {
      waiting -= size
      if (!flowing && waiting < few) {
        flowing = true
        flow(true)
      }
      return heard
    }),
    isFull: () => waiting > full
  }
}
