/** LogPush: brings what jobs append to their log files to the site, within a second where the site works. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { FileTail, type Place } from "../platform/FileTail.ts"
import { MonotonicClock } from "../platform/MonotonicClock.ts"
import { type Claim, display, keyOf } from "../protocol/Job.ts"
import { EdgeClient } from "./EdgeClient.ts"
import { Journal } from "./Journal.ts"
import * as LogChunkSize from "./LogChunkSize.ts"
import { cutChunk } from "./LogChunks.ts"
import { makeBackoff, makeChunkTimes, makeDelivery } from "./LogDelivery.ts"
import { makePathLock } from "./PathLock.ts"

/** The log of a job. */
export interface LogToPush {
  readonly claim: Claim
  /** Absolute path of the log file; need not exist yet. */
  readonly file: string
  /** A worker that died had this job: where the site has a part of its log, the file must come back. */
  readonly recovered?: boolean
  /** Whether the site answers what else it is asked; where nobody knows, its 500s are an outage. */
  readonly siteAnswers?: Effect.Effect<boolean>
  /** Ends when the site is back after an outage: a log that waits is then sent at once. */
  readonly siteBack?: Effect.Effect<void>
}

/** One followed log. It ends with its scope, never by an error; bytes that were not accepted wait in the file. */
export interface Tail {
  /**
   * The job's process is gone: pushes the rest, until the site has accepted the file's end as it is now. Takes as
   * long as the site is out; interrupting it leaves the tail at work. What is appended later is not pushed.
   */
  readonly finish: Effect.Effect<void>
  /** Whether the file of a recovered job is missed: a line of our own must not begin another one. */
  readonly away: Effect.Effect<boolean>
  /** Waits until it is not missed, or not any more. */
  readonly present: Effect.Effect<void>
  /** Bytes that the site has not accepted; one for a file that is away, as nobody can count them. */
  readonly waiting: Effect.Effect<number>
  /** Whether the site answers 500 to this log, as to that of a task instance which was deleted. */
  readonly refused: Effect.Effect<boolean>
}

/** What is appended while we wait travels in one request: after a pause, and where lines keep coming. */
const coalesceMillis = { first: 250, next: 600 } as const
/** So long is a file tried that cannot be read, once its job has ended: the server of a file system may be away for a while. */
const unreadableFor = 3_600_000
/** How often a file that is away is looked for: a file system is not mounted twice a second. */
const missingPause = "5 seconds"
/**
 * So long may the site answer 500 to the log of a job whose end it has, before its task instance counts as deleted:
 * no restart or migration of a site that answers all else takes as long.
 */
export const deletedAfter = 600_000
/** The most bytes of JSON that one character takes (a control character's escape). */
const largestCharacter = 6
/** Reading this little still makes progress: any one character fits. */
const leastRead = 16

/** Pushes logs: one loop a job. */
export class LogPush extends Context.Service<
  LogPush,
  {
    readonly tail: (job: LogToPush) => Effect.Effect<Tail, never, Scope.Scope>
    /** Chunks sent again although they may be in the site's file already. */
    readonly doubles: Effect.Effect<number>
  }
>()("edge-worker/worker/LogPush") {
  static readonly layer = Layer.effect(
    LogPush,
    Effect.gen(function* () {
      const settings = yield* EdgeConfig
      const client = yield* EdgeClient
      const journal = yield* Journal
      const files = yield* FileTail
      const nextTime = yield* makeChunkTimes
      const retention =
        settings.logRetention === undefined ? undefined : Duration.toMillis(settings.logRetention)
      const oneLoopAFile = makePathLock()
      let chunkSize = LogChunkSize.initial(settings.pushLogChunkSize)
      let doubles = 0
      const monotonic = yield* MonotonicClock
      /** Since when the site has answered nothing but 500 to a claim's pushes. */
      const refusedSince = new Map<string, number>()
      let lastTaken = Number.NEGATIVE_INFINITY

      const tail = Effect.fnUntraced(function* (options: LogToPush) {
        const {
          claim,
          file,
          recovered = false,
          siteAnswers = Effect.succeed(false),
          siteBack = Effect.never
        } = options
        const key = keyOf(claim.job)
        const job = display(key)
        const hasTaskInstance = claim.job.command.type === "ExecuteTask"
        const taskInstanceId = claim.job.task_instance_id ?? null
        const tailed = yield* files.open(file)
        const finishing = yield* Deferred.make<void>()
        const finished = yield* Deferred.make<void>()
        const backoff = makeBackoff(settings, siteBack)
        let place: Place | undefined = yield* journal.logOffset(file)
        // A new file may have the inode of one that is gone: what the site has of that, it lacks of this one.
        const gone =
          place !== undefined && !recovered && Option.isNone(yield* files.look(file)) ? place : undefined
        if (gone !== undefined) place = undefined
        let size = place?.offset ?? 0
        let givenUp = false
        const present = yield* Deferred.make<void>()
        if (!recovered || place === undefined || !settings.pushLogs)
          yield* Deferred.succeed(present, undefined)

        const answered = Effect.fnUntraced(function* (status: number | undefined) {
          const now = yield* monotonic
          if (status === undefined) lastTaken = now
          if (status !== 500) refusedSince.delete(claim.id)
          else if (!refusedSince.has(claim.id)) refusedSince.set(claim.id, now)
        })
        /** A site that can write no log at all answers 500 to each: then no log of them is hopeless. */
        const hopeless = Effect.gen(function* () {
          const since = refusedSince.get(claim.id)
          if (since === undefined || (yield* monotonic) - since <= deletedAfter) return false
          if (!(yield* Deferred.isDone(finishing)) || !(yield* siteAnswers)) return false
          if ((yield* journal.reports).some(({ claimId }) => claimId === claim.id)) return false
          return refusedSince.size === 1 || lastTaken > since
        })

        const deliver = makeDelivery({
          push: (log_chunk_time, log_chunk_data) =>
            client.pushLog(key, { log_chunk_time, log_chunk_data, task_instance_id: taskInstanceId }).pipe(
              Effect.tap(() => answered(undefined)),
              Effect.tapError(({ status = 0 }) => answered(status)),
              Effect.withSpan("LogPush.push", undefined, { captureStackTrace: false })
            ),
          nextTime,
          backoff,
          hasTaskInstance,
          hopeless,
          possibleDouble: Effect.suspend(() => {
            doubles += 1
            return Effect.logWarning(`a chunk of the log of ${job} may be twice in the site's file`)
          }),
          failed: (error, tries) =>
            tries === 0
              ? Effect.andThen(
                  Effect.logWarning(`the log of ${job} waits in ${file}: ${error.message}`),
                  noteFile
                )
              : Effect.logDebug(`the log of ${job} still waits: ${error.message}`)
        })
        /** A log of which the site has nothing yet: the next worker must know that there is one. */
        const noteFile = Effect.suspend(() =>
          place === undefined || place.offset > 0
            ? Effect.void
            : journal.saveLogOffset({ path: file, ...place })
        )

        const moveTo = (to: Place) =>
          Effect.suspend(() => {
            place = to
            return journal.saveLogOffset({ path: file, ...to })
          })
        const wait = Effect.suspend(() => Effect.raceFirst(tailed.changed, Deferred.await(finishing)))
        /** Until more has come, or nothing more will. */
        const pause = (millis: number) =>
          Effect.flatMap(Random.nextBetween(0.8 * millis, millis), (jittered) =>
            Effect.timeoutOption(Deferred.await(finishing), jittered)
          )

        let missedSince: number | undefined
        /** Once: the site has a part of this log, so there was a file, on a file system that is mounted late, say. */
        const missed = Effect.gen(function* () {
          const now = yield* monotonic
          if (missedSince === undefined) {
            missedSince = now
            yield* Effect.logWarning(
              `the log of ${job} is not told to its end, and its file is away: waiting for ${file}, at most [edge_worker] log_retention`
            )
          }
          if (retention === undefined || now - missedSince < retention)
            return yield* Effect.sleep(missingPause)
          yield* Effect.logWarning(
            `the log of ${job} did not come back to ${file} within [edge_worker] log_retention: nobody waits for it any more`
          )
          yield* Deferred.succeed(present, undefined)
        })

        const loop = Effect.gen(function* () {
          let end: Place | undefined
          let coalesced = false
          let lastPush = Number.NEGATIVE_INFINITY
          // Against a text that the site refuses: each copy of it that may land in its file is half the last one.
          let textLimit = Number.POSITIVE_INFINITY
          let refusedBefore = false
          let isUnreadable = false
          let unreadableSince: number | undefined
          // A job that is over at once has its log told in one request, and nobody has to watch the file for it.
          if (!recovered) {
            yield* pause(coalesceMillis.first)
            coalesced = true
          }
          while (!givenUp) {
            const last = yield* Deferred.isDone(finishing) // before reading: the file's end counts only then
            const allowed = LogChunkSize.current(chunkSize, yield* Clock.currentTimeMillis)
            const limit = Math.min(allowed, textLimit)
            const wanted = Math.max(leastRead, limit)
            const found = yield* Effect.result(tailed.read(place, wanted, last))
            if (found._tag === "Failure") {
              yield* (isUnreadable ? Effect.logDebug : Effect.logWarning)(
                `the log of ${job} cannot be pushed now: ${found.failure.message}`
              )
              isUnreadable = true
              if (last) {
                const now = yield* monotonic
                unreadableSince ??= now
                if (now - unreadableSince >= unreadableFor) {
                  return yield* Effect.logError(`gave up on the log of ${job}: ${found.failure.message}`)
                }
              }
              yield* backoff.wait()
              continue
            }
            isUnreadable = false
            unreadableSince = undefined
            if (Option.isNone(found.success)) {
              if (!(yield* Deferred.isDone(present))) {
                yield* missed
                continue
              }
              if (last) return
              yield* wait
              coalesced = false
              continue
            }
            yield* Deferred.succeed(present, undefined)
            const slice = found.success.value
            size = slice.size
            if (place === undefined) place = slice.place
            // Another file, or the same one cut short: the offset that was kept would skip what it holds now.
            else if (slice.place.offset !== place.offset || slice.place.inode !== place.inode)
              yield* moveTo(slice.place)
            if (last && end?.inode !== slice.place.inode)
              end = { inode: slice.place.inode, offset: slice.size }
            const atEnd = slice.place.offset + slice.bytes.length >= slice.size
            if (slice.bytes.length === 0) {
              if (last) return
              yield* wait
              coalesced = false
              continue
            }
            const chunk = cutChunk(slice.bytes, limit, atEnd && (last || slice.replaced))
            if (chunk.consumed === 0) {
              yield* wait // for the rest of a character
              continue
            }
            if (!coalesced && !last && chunk.size + largestCharacter <= limit) {
              const sinceLast = (yield* Clock.currentTimeMillis) - lastPush
              yield* pause(sinceLast < 1_000 ? coalesceMillis.next : coalesceMillis.first)
              coalesced = true
              continue
            }
            coalesced = false
            const to = { inode: slice.place.inode, offset: slice.place.offset + chunk.consumed }
            // Between a 2xx and the journal nothing may interrupt, or the chunk would be sent again.
            const delivery = yield* Effect.uninterruptibleMask((restore) =>
              Effect.tap(restore(deliver(chunk.text)), (result) =>
                result._tag === "Accepted" ? moveTo(to) : Effect.void
              )
            )
            lastPush = yield* Clock.currentTimeMillis
            switch (delivery._tag) {
              case "Accepted":
                textLimit = textLimit * 2 < allowed ? textLimit * 2 : Number.POSITIVE_INFINITY
                refusedBefore &&= textLimit < allowed
                chunkSize = LogChunkSize.accepted(chunkSize, chunk.size)
                if (last && end !== undefined && to.inode === end.inode && to.offset >= end.offset) return
                break
              case "TooLarge":
                chunkSize = LogChunkSize.tooLarge(chunkSize, chunk.size, lastPush)
                yield* Effect.logDebug(`413 for a log chunk of ${chunk.size} bytes`)
                if (chunk.consumed === cutChunk(slice.bytes, 0, true).consumed) {
                  yield* (backoff.tries() === 0 ? Effect.logError : Effect.logDebug)(
                    `a gateway answers 413 to a single character of the log of ${job}: raise its limit for request bodies`
                  )
                  yield* backoff.wait()
                }
                break
              case "Refused":
                if (refusedBefore) textLimit = Math.max(1, Math.floor(chunk.size / 2))
                refusedBefore = true
                break
              case "GivenUp":
                givenUp = true
                yield* Effect.logWarning(
                  hasTaskInstance
                    ? `the site has answered 500 to the log of ${job} for ${deletedAfter / 60_000} minutes and works otherwise: its task instance was probably deleted. The rest of the log stays in ${file}`
                    : `the site takes no log of ${job}, because it is not a task (${claim.job.command.type}); it stays in ${file}`
                )
            }
          }
        })

        // Only now: an earlier claim's loop on the same file may have moved the offset while we waited for it.
        const resume = Effect.map(journal.logOffset(file), (saved) => {
          place = saved?.inode === gone?.inode && saved?.offset === gone?.offset ? undefined : saved
        })
        // A defect (of the journal's disk, say) must not end the log of a job that runs.
        const forever = Effect.catchCause(loop, (cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.interrupt
            : Effect.as(
                Effect.andThen(
                  Effect.logError(`the log of ${job} is tried again after an error`, cause),
                  backoff.wait()
                ),
                false
              )
        ).pipe(Effect.repeat({ while: (done) => done === false }))

        if (settings.pushLogs) {
          yield* Effect.forkScoped(
            Effect.ensuring(
              oneLoopAFile(file, Effect.andThen(resume, forever)),
              Effect.suspend(() => {
                refusedSince.delete(claim.id)
                return Effect.andThen(
                  Deferred.succeed(present, undefined),
                  Deferred.succeed(finished, undefined)
                )
              })
            )
          )
        }
        return {
          finish: settings.pushLogs
            ? Effect.andThen(Deferred.succeed(finishing, undefined), Deferred.await(finished))
            : Effect.void,
          away: Effect.map(Deferred.isDone(present), (done) => !done),
          present: Deferred.await(present),
          waiting: Effect.gen(function* () {
            if (givenUp || !settings.pushLogs) return 0
            const offset = place?.offset ?? 0
            const now = yield* files.look(file)
            if (Option.isNone(now)) return Math.max((yield* Deferred.isDone(present)) ? 0 : 1, size - offset)
            if (place === undefined || place.inode === now.value.inode)
              return Math.max(0, now.value.size - offset)
            return Math.max(0, size - offset) + now.value.size
          }),
          refused: Effect.sync(() => refusedSince.has(claim.id))
        } satisfies Tail
      })
      return LogPush.of({ tail, doubles: Effect.sync(() => doubles) })
    })
  )
}
