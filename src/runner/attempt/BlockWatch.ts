/** BlockWatch: says which tasks ran in the worker's own process while nothing else could: no heartbeat, no log, no stop. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MonotonicClock } from "../../platform/MonotonicClock.ts"
import { Tasks } from "./TaskChannel.ts"

const everyMillis = 1_000
/** A held-up worker is noticed at the site only later; what is shorter may come of a busy machine. */
const tooLateMillis = 3_000

/** The tasks below it, watched while they run. */
export const layer: Layer.Layer<Tasks, never, Tasks> = Layer.effect(
  Tasks,
  Effect.gen(function* () {
    const tasks = yield* Tasks
    const now = yield* MonotonicClock
    const running = new Map<object, string>()
    /** All that ran since the last look: who has held up the worker may have ended with that. */
    let suspects = new Set<string>()

    const look = Effect.gen(function* () {
      const before = yield* now
      yield* Effect.sleep(everyMillis)
      const late = (yield* now) - before - everyMillis
      if (late > tooLateMillis && suspects.size > 0) {
        yield* Effect.logWarning(
          `this worker could do nothing for ${(late / 1000).toFixed(1)} s: one of the tasks in its own process has held ` +
            "it up; [edge_worker] task_isolation = process keeps them apart",
          { tasks: [...suspects].join(",") }
        )
      }
      suspects = new Set(running.values())
    })
    yield* Effect.forkScoped(Effect.forever(look))

    return Tasks.of({
      registered: tasks.registered,
      open: (job) =>
        Effect.tap(tasks.open(job), () => {
          const { dag_id, task_id } = job.claim.job
          const key = {}
          return Effect.acquireRelease(
            Effect.sync(() => {
              running.set(key, `${dag_id}.${task_id}`)
              suspects.add(`${dag_id}.${task_id}`)
            }),
            () => Effect.sync(() => running.delete(key))
          )
        })
    })
  })
)
