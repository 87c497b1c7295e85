/** DiskSpace: watches that the disks of the state folder and of the task logs have room for another job. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { FreeDisk } from "../platform/FreeDisk.ts"
import { StateFolder } from "../platform/StateFolder.ts"

/** How often the disks are looked at. */
const pause = "30 seconds"
/** How much more than the limit must be free before it is over, or a disk at its limit would be news each time. */
const relief = 1.1

const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`

/** Tells whether there is room. */
export class DiskSpace extends Context.Service<
  DiskSpace,
  {
    /** Why there is no room for another job; undefined where there is. */
    readonly problem: Effect.Effect<string | undefined>
  }
>()("edge-worker/worker/DiskSpace") {
  static readonly layer = Layer.effect(
    DiskSpace,
    Effect.gen(function* () {
      const { baseLogFolder, minFreeDisk } = yield* EdgeConfig
      const { path } = yield* StateFolder
      const disk = yield* FreeDisk
      let problem: string | undefined

      const look = Effect.gen(function* () {
        const limit = problem === undefined ? minFreeDisk : minFreeDisk * relief
        let found: string | undefined
        for (const folder of [path, baseLogFolder]) {
          const free = yield* disk.below(folder)
          if (free !== undefined && free < limit) {
            found ??= `only ${mebibytes(free)} are free below ${folder}, and [edge_worker] min_free_disk is ${mebibytes(minFreeDisk)}`
          }
        }
        if (found !== undefined && problem === undefined) {
          yield* Effect.logWarning(`${found}: no new jobs until there is room; running ones go on`)
        } else if (found === undefined && problem !== undefined) {
          yield* Effect.logInfo("there is room on the disk again: jobs are fetched again")
        }
        problem = found
      })
      // A dead network file system may never answer: nobody waits for it, and no second question is asked meanwhile.
      if (minFreeDisk > 0) {
        yield* Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.sleep(pause))))
      }
      return DiskSpace.of({ problem: Effect.sync(() => problem) })
    })
  )
}
