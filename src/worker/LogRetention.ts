/** LogRetention: removes the log files that the site has accepted whole, by age and by a disk budget. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { PreventSchedulerYield } from "effect/References"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { type LogFile, LogFiles } from "../platform/LogFiles.ts"
import { LogFolder } from "../platform/LogFolder.ts"
import { MonotonicClock } from "../platform/MonotonicClock.ts"
import { StateFolder } from "../platform/StateFolder.ts"
import { logPathOf } from "../protocol/Job.ts"
import { Journal, type LogOffset, type OpenClaim } from "./Journal.ts"

/** How often the files are looked at; every second where they are to go at once. */
const usualPause = 60_000
const shortestPause = 1_000
/**
 * A look takes 34 µs of CPU a file, so 20 s for a week's at a task a second: a hundred times as long for each that stays.
 * Not for one that went, nor for what the look took: after many at once the next ones would wait for minutes.
 */
const pauseForEach = 3.4
/** However many stay: what is to go shall not wait for days. */
const longestPause = 3_600_000
/** How long a look waits at least, in milliseconds, after one that left this many files. */
export const restAfter = (stay: number): number => Math.min(longestPause, pauseForEach * stay)
/** A log folder may be unmounted for a while: only what is away this long is gone, or the file would be sent again. */
const goneAfter = 3_600_000

interface Kept extends LogFile {
  readonly offset: LogOffset
}

/** Keeps the log folder small. */
export class LogRetention extends Context.Service<
  LogRetention,
  {
    /** The loop; never ends where logs are pushed. */
    readonly run: Effect.Effect<void>
    /** One look at every file that the journal knows. */
    readonly once: Effect.Effect<void>
  }
>()("edge-worker/worker/LogRetention") {
  static readonly layer = Layer.effect(
    LogRetention,
    Effect.gen(function* () {
      const { logDiskBudget, logRetention, pushLogs } = yield* EdgeConfig
      const files = yield* LogFiles
      const journal = yield* Journal
      const logFolder = yield* LogFolder
      const stateFolder = yield* StateFolder
      const monotonic = yield* MonotonicClock
      const retention = logRetention === undefined ? undefined : Duration.toMillis(logRetention)
      const pause = Math.max(shortestPause, Math.min(usualPause, retention ?? usualPause))
      const goneSince = new Map<string, number>()
      const complained = new Set<string>()
      let overBudget = false

      /** Where a claim may write: its log path, and the substitute in its folder. */
      const pathsOf = ({ claim: { id, job }, log }: OpenClaim): ReadonlyArray<string> => {
        const logPath = logPathOf(job)
        const path = log ?? (logPath === null ? undefined : files.pathOf(logPath))
        return [logFolder.substitute(`${stateFolder.jobs}/${id}`), ...(path === undefined ? [] : [path])]
      }
      const inUse = Effect.map(journal.openClaims, (claims) => new Set(claims.flatMap(pathsOf)))

      const complain = (path: string, message: string) =>
        Effect.suspend(() => {
          if (complained.has(path)) return Effect.void
          complained.add(path)
          return Effect.logWarning(`a log file that the site has cannot be removed: ${message}`)
        })

      /** True where the file is gone now. */
      const remove = ({ inode, offset: { path }, size }: Kept) =>
        // A claim of this path is in the journal before its file is opened: nothing may come between look and removal.
        Effect.flatMap(inUse, (used) => files.remove(path, { inode, size }, used)).pipe(
          Effect.provideService(PreventSchedulerYield, true),
          Effect.tap((removed) => (removed ? journal.forgetLog(path) : Effect.void)),
          Effect.catch((error) => Effect.as(complain(path, error.message), false)),
          Effect.uninterruptible
        )

      const forgetGone = Effect.fnUntraced(function* (path: string) {
        const now = yield* monotonic
        const since = goneSince.get(path) ?? now
        goneSince.set(path, since)
        if (files.isBelow(path) && now - since < goneAfter) return
        if ((yield* inUse).has(path)) return
        goneSince.delete(path)
        yield* journal.forgetLog(path)
      })

      const once = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const kept: Array<Kept> = []
        for (const offset of yield* journal.logOffsets) {
          const found = yield* Effect.option(files.look(offset.path))
          if (Option.isNone(found)) continue
          if (Option.isNone(found.value)) yield* forgetGone(offset.path)
          else {
            goneSince.delete(offset.path)
            if (files.isBelow(offset.path)) kept.push({ ...found.value.value, offset })
          }
        }
        kept.sort((a, b) => a.changed - b.changed)
        let stay = kept.length
        let bytes = kept.reduce((sum, { size }) => sum + size, 0)
        for (const file of kept) {
          const { changed, inode, offset, size } = file
          const old = retention !== undefined && now - changed >= retention
          const tooMuch = logDiskBudget !== undefined && bytes > logDiskBudget
          if (!old && !tooMuch) break
          if (inode !== offset.inode || size !== offset.offset) continue
          if (yield* remove(file)) {
            bytes -= size
            stay--
          }
        }
        const over = logDiskBudget !== undefined && bytes > logDiskBudget
        if (over && !overBudget) {
          yield* Effect.logWarning(
            `task logs take ${bytes} bytes, more than [edge_worker] log_disk_budget: the rest is not told to the site yet, or still in use`
          )
        }
        overBudget = over
        return stay
      }).pipe(Effect.withSpan("LogRetention.once"))

      const loop = Effect.gen(function* () {
        let stay = 0
        while (true) {
          const usual = yield* Random.nextBetween(0.8 * pause, pause)
          yield* Effect.sleep(Math.max(usual, restAfter(stay)))
          stay = yield* once
        }
      })

      return LogRetention.of({
        once: Effect.asVoid(once),
        run: pushLogs ? loop : Effect.void
      })
    })
  )
}
