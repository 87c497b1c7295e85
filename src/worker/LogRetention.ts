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
import { type KeptLog, KeptLogs, type KeptLogsUnusable, pageSize } from "../platform/KeptLogs.ts"
import { type LogFile, LogFiles } from "../platform/LogFiles.ts"
import { LogFolder } from "../platform/LogFolder.ts"
import { MonotonicClock } from "../platform/MonotonicClock.ts"
import { StateFolder } from "../platform/StateFolder.ts"
import { logPathOf } from "../protocol/Job.ts"
import { Journal, type OpenClaim } from "./Journal.ts"

/** How often there is a look; every second where logs are to go at once. */
const usualPause = 60_000
const shortestPause = 1_000
/**
 * A look takes 34 µs of CPU a file: a hundred times as long for each that it leaves there. Not for one that went, nor for
 * what the look took: after many at once the next ones would wait for minutes.
 */
const pauseForEach = 3.4
/** However many stay: what is to go shall not wait for days. */
const longestPause = 3_600_000
/** How long a look waits at least, in milliseconds, after one that left this many of its files. */
export const restAfter = (stay: number): number => Math.min(longestPause, pauseForEach * stay)
/** A log folder may be unmounted for a while: only what is away this long is gone, or the file would be sent again. */
const goneAfter = 3_600_000
/** Files that are away are remembered until they are gone; where all are away, the others have their turn after these. */
const mostAway = 10_000
/** Of the kept ones that nothing is to be done about, so many pages each look: that somebody else removed them. */
const pagesToCheck = 2

/** Keeps the log folder small. */
export class LogRetention extends Context.Service<
  LogRetention,
  {
    /** The loop; never ends where logs are pushed. */
    readonly run: Effect.Effect<void>
    /** One look: at each file that the journal knows, and at those of the kept ones whose time may be over. */
    readonly once: Effect.Effect<void>
  }
>()("edge-worker/worker/LogRetention") {
  static readonly layer = Layer.effect(
    LogRetention,
    Effect.gen(function* () {
      const { logDiskBudget, logRetention, pushLogs } = yield* EdgeConfig
      const files = yield* LogFiles
      const journal = yield* Journal
      const keptLogs = yield* KeptLogs
      const logFolder = yield* LogFolder
      const stateFolder = yield* StateFolder
      const monotonic = yield* MonotonicClock
      const retention = logRetention === undefined ? undefined : Duration.toMillis(logRetention)
      const pause = Math.max(shortestPause, Math.min(usualPause, retention ?? usualPause))
      const away = new Map<string, { readonly since: number; readonly size: number }>()
      const complained = new Set<string>()
      let overBudget = false
      let checked: KeptLog | undefined
      /** What the look has looked at and left there. */
      let stay = 0

      /** Where a claim may write: its log path, and the substitute in its folder. */
      const pathsOf = ({ claim: { id, job }, log }: OpenClaim): ReadonlyArray<string> => {
        const logPath = logPathOf(job)
        const path = log ?? (logPath === null ? undefined : files.pathOf(logPath))
        return [logFolder.substitute(`${stateFolder.jobs}/${id}`), ...(path === undefined ? [] : [path])]
      }
      const inUse = Effect.map(journal.openClaims, (claims) => new Set(claims.flatMap(pathsOf)))

      const complain = (about: string, message: string) =>
        Effect.suspend(() => {
          if (complained.has(about)) return Effect.void
          complained.add(about)
          return Effect.logWarning(message)
        })
      /** What the kept ones are about waits for the next look. */
      const orLater = <A>(effect: Effect.Effect<A, KeptLogsUnusable>, later: A) =>
        Effect.catch(effect, ({ message }) => Effect.as(complain("kept", message), later))

      const forget = (path: string) => orLater(journal.forgetLog(path), undefined)

      /** True where the file is gone now. */
      const remove = (log: KeptLog) =>
        // A claim of this path is in the journal before its file is opened: nothing may come between look and removal.
        Effect.flatMap(inUse, (used) => files.remove(log.path, log, used)).pipe(
          Effect.provideService(PreventSchedulerYield, true),
          Effect.tap((removed) => {
            if (removed) stay--
            return removed ? forget(log.path) : Effect.void
          }),
          Effect.catch(({ message }) =>
            Effect.as(complain(log.path, `a log file that the site has cannot be removed: ${message}`), false)
          ),
          Effect.uninterruptible
        )

      const missed = Effect.fnUntraced(function* (path: string, size: number) {
        const now = yield* monotonic
        const { since } = away.get(path) ?? { since: now }
        if (away.has(path) || away.size < mostAway) away.set(path, { since, size })
        if (files.isBelow(path) && now - since < goneAfter) return
        if ((yield* inUse).has(path)) return
        away.delete(path)
        yield* forget(path)
      })
      /** The file of the path, if it is there and can be looked at. `size`: what the sum of the kept ones has of it. */
      const look = Effect.fnUntraced(function* (path: string, size: number) {
        stay++
        const found = yield* Effect.option(files.look(path))
        if (Option.isNone(found)) return undefined
        if (Option.isNone(found.value)) return yield* missed(path, size)
        away.delete(path)
        if (!files.isBelow(path)) return undefined
        return { path, ...found.value.value }
      })

      /** First: what was seen away must not count as away for as long as nobody has looked. */
      const lookAtAway = Effect.suspend(() =>
        Effect.forEach([...away], ([path, { size }]) => look(path, size), { discard: true })
      )

      /** What the list counts of a file that the journal counts again, as a job has gone on with it. */
      const counted = (path: string) =>
        logDiskBudget === undefined
          ? Effect.succeed(0)
          : Effect.map(orLater(keptLogs.find(path), undefined), (log) => log?.size ?? 0)

      /** What the journal knows: removes what is old, and hands on what is whole. Gives the bytes that are left to it. */
      const lookAtTold = Effect.fnUntraced(function* (isOld: (log: KeptLog) => boolean) {
        const left: Array<KeptLog> = []
        let bytes = 0
        const offsets = yield* journal.logOffsets
        for (let from = 0; from < offsets.length; from += pageSize) {
          const used = yield* inUse
          const whole: Array<KeptLog> = []
          for (const { inode, offset, path } of offsets.slice(from, from + pageSize)) {
            const log = yield* look(path, 0)
            if (log === undefined) continue
            const isWhole = log.inode === inode && log.size === offset
            if (isWhole && isOld(log) && (yield* remove(log))) continue
            if (isWhole && !used.has(path)) whole.push(log)
            else bytes += log.size - (yield* counted(path))
          }
          const handedOn = Effect.as(journal.keepLogs(whole), true)
          if (whole.length > 0 && !(yield* orLater(handedOn, false))) left.push(...whole)
        }
        return { left, bytes }
      })

      const lookAtKept = Effect.fnUntraced(function* (log: KeptLog, goes: (log: KeptLog) => boolean) {
        const found = yield* look(log.path, log.size)
        if (found === undefined) return "not here"
        // Another one: a job has gone on with it, and the journal knows what the site has of that.
        const isSame = found.inode === log.inode && found.size === log.size
        if (!isSame || !goes(found)) return "stays"
        const known = yield* journal.logOffset(log.path)
        if (known?.inode !== log.inode || known.offset !== log.size) return "stays"
        return (yield* remove(found)) ? "removed" : "stays"
      })
      /** Page after page, as long as `go`. */
      const eachUntil = Effect.fnUntraced(function* (
        until: number,
        visit: (log: KeptLog) => Effect.Effect<unknown>,
        go: () => boolean
      ) {
        let after: KeptLog | undefined
        do {
          const page: ReadonlyArray<KeptLog> = yield* keptLogs.oldest(until, after)
          for (const log of page) {
            if (!go()) return
            yield* visit(log)
          }
          after = page.length < pageSize ? undefined : page.at(-1)
        } while (after !== undefined)
      })
      const check = Effect.gen(function* () {
        for (let pages = 0; pages < pagesToCheck; pages++) {
          const page = yield* keptLogs.byPath(checked)
          for (const log of page) yield* lookAtKept(log, () => false)
          checked = page.length < pageSize ? undefined : page.at(-1)
          if (checked === undefined) return
        }
      })

      const fitBudget = Effect.fnUntraced(function* (
        budget: number,
        told: Effect.Success<ReturnType<typeof lookAtTold>>
      ) {
        const missing = () => [...away.values()].reduce((sum, { size }) => sum + size, 0)
        const size = (logs: ReadonlyArray<KeptLog>) => logs.reduce((sum, log) => sum + log.size, 0)
        let bytes = (yield* orLater(keptLogs.bytes, 0)) - missing() + size(told.left) + told.bytes
        const tooMany = () => bytes > budget
        const removeKept = Effect.fnUntraced(function* (log: KeptLog) {
          const wasAway = away.has(log.path)
          const end = yield* lookAtKept(log, tooMany)
          if (end === "removed" || (end === "not here" && !wasAway)) bytes -= log.size
        })
        yield* orLater(eachUntil(Number.MAX_SAFE_INTEGER, removeKept, tooMany), undefined)
        for (const log of told.left.sort((a, b) => a.changed - b.changed))
          if (tooMany() && (yield* remove(log))) bytes -= log.size
        if (tooMany() && !overBudget) {
          yield* Effect.logWarning(
            `task logs take ${bytes} bytes, more than [edge_worker] log_disk_budget: the rest is not told to the site yet, or still in use`
          )
        }
        overBudget = tooMany()
      })

      const once = Effect.gen(function* () {
        stay = 0
        const now = yield* Clock.currentTimeMillis
        const isOld = ({ changed }: LogFile) => retention !== undefined && now - changed >= retention
        yield* lookAtAway
        const told = yield* lookAtTold(isOld)
        if (retention !== undefined) {
          const removeOld = (log: KeptLog) => lookAtKept(log, isOld)
          yield* orLater(
            eachUntil(now - retention, removeOld, () => true),
            undefined
          )
        }
        yield* orLater(check, undefined)
        if (logDiskBudget !== undefined) yield* fitBudget(logDiskBudget, told)
      }).pipe(Effect.withSpan("LogRetention.once"))

      const loop = Effect.gen(function* () {
        while (true) {
          const usual = yield* Random.nextBetween(0.8 * pause, pause)
          yield* Effect.sleep(Math.max(usual, restAfter(stay)))
          yield* once
        }
      })

      return LogRetention.of({
        once,
        run: pushLogs ? loop : Effect.void
      })
    })
  )
}
