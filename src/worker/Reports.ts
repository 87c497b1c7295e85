/** Reports: tells the site each job's state, in order per job, until it has accepted it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { display, keyTuple } from "../protocol/Job.ts"
import { EdgeClient } from "./EdgeClient.ts"
import { isTooOld } from "./HandBack.ts"
import { withSpanAt } from "./JobTrace.ts"
import { Journal, type Report } from "./Journal.ts"
import { isRefused, NotOurs } from "./NotOurs.ts"
import { SiteClock } from "./SiteClock.ts"
import { SiteHealth } from "./SiteHealth.ts"

/** How many reports are under way at once; the order matters within a job only. */
const parallel = 4

const jobOf = (report: Report) => JSON.stringify([...keyTuple(report.key), report.taskInstanceId])

/** Empties the outbox. */
export class Reports extends Context.Service<
  Reports,
  {
    /** The loop; it never ends. */
    readonly run: Effect.Effect<void>
    readonly waiting: Effect.Effect<number>
    /** Waits until the outbox is empty. */
    readonly delivered: Effect.Effect<void>
  }
>()("edge-worker/worker/Reports") {
  static readonly layer = Layer.effect(
    Reports,
    Effect.gen(function* () {
      const journal = yield* Journal
      const client = yield* EdgeClient
      const health = yield* SiteHealth
      const siteClock = yield* SiteClock
      const notOurs = yield* NotOurs
      const permits = yield* Semaphore.make(parallel)
      /** The jobs that a fiber is telling about. */
      const active = new Set<string>()

      const head = (job: string) =>
        Effect.map(journal.reports, (reports) => reports.find((report) => jobOf(report) === job))

      const send = (report: Report) =>
        permits
          .withPermit(
            client
              .reportJob(report.key, report.taskInstanceId, report.state)
              .pipe(withSpanAt("Reports.send", report.trace))
          )
          .pipe(Effect.andThen(journal.accepted(report)))

      /** Sends one job's reports until none is left, however long the site is away. */
      const tell = Effect.fnUntraced(function* (job: string) {
        let tries = 0
        while (true) {
          // Read anew each time: a `running` is withdrawn when the end is known.
          const report = yield* head(job)
          if (report === undefined) {
            active.delete(job)
            // One may have been written between the look and the line above.
            if ((yield* head(job)) === undefined || active.has(job)) return
            active.add(job)
            continue
          }
          if (report.state === "queued" && isTooOld(report.expires, yield* siteClock.now)) {
            yield* Effect.logWarning(
              `${display(report.key)} is not handed back any more: it waited until the end of its token`
            )
            yield* journal.accepted(report)
            continue
          }
          const result = yield* Effect.result(send(report))
          if (result._tag === "Success") {
            tries = 0
            continue
          }
          if (isRefused(result.failure)) {
            yield* notOurs.refused(report, result.failure)
            yield* journal.accepted(report)
            continue
          }
          if (tries % 10 === 0) {
            yield* Effect.logWarning(
              `${report.state} of ${display(report.key)} is not accepted yet and stays in the outbox: ${result.failure.message}`
            )
          }
          yield* health.pause(tries++, result.failure)
        }
      })

      const start = Effect.fnUntraced(function* (reports: ReadonlyArray<Report>) {
        for (const job of new Set(reports.map(jobOf))) {
          if (active.has(job)) continue
          active.add(job)
          yield* Effect.forkScoped(tell(job))
        }
      })

      return Reports.of({
        run: journal.reportChanges.pipe(Stream.runForEach(start), Effect.scoped),
        waiting: Effect.map(journal.reports, (reports) => reports.length),
        delivered: journal.reportChanges.pipe(
          Stream.filter((reports) => reports.length === 0),
          Stream.runHead,
          Effect.asVoid
        )
      })
    })
  )
}
