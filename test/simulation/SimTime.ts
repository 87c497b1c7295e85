/** SimTime: virtual time for one history: every task and every sleep in one order, with nothing of the machine's. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import { MonotonicClock } from "../../src/platform/MonotonicClock.ts"

/** What dies at once: a dead life's tasks and sleeps never run again, not even its finalizers, as after kill -9. */
export interface Life {
  dead: boolean
}

interface Wake {
  readonly at: number
  readonly life: Life
  readonly run: () => void
}

/** More tasks than this at one moment are a loop without a wait. */
const mostTasks = 200_000

/** The time and the order of everything. */
export class SimTime {
  now = 0
  /** Sorted by falling time, so that `pop` is the next one. */
  readonly #wakes: Array<Wake> = []
  #tasks: Array<{ readonly life: Life; readonly run: () => void }> = []

  /** Runs `run` after `millis`, unless the life is over by then; the result cancels it. */
  after(millis: number, life: Life, run: () => void): () => void {
    const wake = { at: this.now + Math.max(0, millis), life, run }
    let [low, high] = [0, this.#wakes.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#wakes[middle]?.at ?? 0) > wake.at) low = middle + 1
      else high = middle
    }
    this.#wakes.splice(low, 0, wake)
    return () => {
      const index = this.#wakes.indexOf(wake)
      if (index >= 0) this.#wakes.splice(index, 1)
    }
  }

  /** Runs all that can run now, then moves to the next sleep's end; false where nothing is left before `limit`. */
  step(limit: number): boolean {
    this.#drain()
    const wake = this.#wakes.pop()
    if (wake === undefined || wake.at > limit) return false
    if (wake.life.dead) return true
    this.now = Math.max(this.now, wake.at)
    wake.run()
    this.#drain()
    return true
  }

  #drain() {
    for (let ran = 0; this.#tasks.length > 0; ) {
      const tasks = this.#tasks
      this.#tasks = []
      for (const { life, run } of tasks) {
        if (life.dead) continue
        if (++ran > mostTasks) throw new Error(`a loop without a wait at ${this.now} ms`)
        run()
      }
    }
  }

  /** The clock, the order and the dice of the fibers of one life. */
  contextOf(life: Life, seed: string) {
    const now = () => this.now
    const nanos = () => BigInt(Math.round(this.now * 1000)) * 1000n
    const clock: Clock.Clock = {
      currentTimeMillisUnsafe: now,
      currentTimeMillis: Effect.sync(now),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: (duration) =>
        Effect.callback<void>((resume) => {
          const cancel = this.after(Duration.toMillis(duration), life, () => resume(Effect.void))
          return Effect.sync(cancel)
        })
    }
    const scheduler: Scheduler.Scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= 2048,
      makeDispatcher: () => ({
        scheduleTask: (run) => {
          this.#tasks.push({ life, run })
        },
        flush: () => undefined
      })
    }
    return Context.make(Clock.Clock, clock).pipe(
      Context.add(Scheduler.Scheduler, scheduler),
      Context.add(Random.Random, diceFor(seed)),
      Context.add(MonotonicClock, Effect.sync(now)),
      Context.add(References.MinimumLogLevel, "None")
    )
  }
}

/** Effect's own seeded dice as a service. */
const diceFor = (seed: string) => Effect.runSync(Random.withSeed(Effect.service(Random.Random), seed))
