/** NotOurs: ends a job that the site has cancelled, or given to another worker, since this one claimed it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { display, type JobKey } from "../protocol/Job.ts"
import type { SiteUnavailable } from "./EdgeError.ts"
import { JobRun } from "./JobRun.ts"
import { Journal, type Report } from "./Journal.ts"

/** A 409 to a report in the site's own JSON. Airflow's own sites never answer so; our embedded central does. */
export const isRefused = ({ fromSite, status }: SiteUnavailable): boolean =>
  status === 409 && fromSite === true

const say = (key: JobKey, why: string) =>
  Effect.logWarning(`${display(key)} is not this worker's any more: ${why}`)

/** What becomes of a job that the site has taken back. Where no job can run, it is only said. */
export const NotOurs = Context.Reference<{
  /** The site has refused a report of it. */
  readonly refused: (report: Report, error: SiteUnavailable) => Effect.Effect<void>
  /** The site names them in its answer to a heartbeat, by `task_instance_id`. */
  readonly revoked: (taskInstanceIds: ReadonlyArray<string>) => Effect.Effect<void>
}>("edge-worker/worker/NotOurs", {
  defaultValue: () => ({
    refused: ({ key }, { reason }) => say(key, reason),
    revoked: () => Effect.void
  })
})

/** Says so once a job, and stops it in the background where it still runs. */
export const layer = Layer.effect(
  NotOurs,
  Effect.gen(function* () {
    const { drainKillGrace } = yield* EdgeConfig
    const jobRun = yield* JobRun
    const journal = yield* Journal
    const scope = yield* Effect.scope
    const known = new Set<string>()

    const isBeginning = (claimId: string) =>
      Effect.map(journal.openClaims, (open) =>
        open.some(({ claim, ended }) => claim.id === claimId && !ended)
      )

    const stop = Effect.fnUntraced(function* (claimId: string) {
      const why = "The site has cancelled this job, or given it to another worker."
      const find = Effect.map(jobRun.running, (claims) => claims.find(({ id }) => id === claimId))
      for (const [how, signal] of [["term", "SIGTERM"] as const, ["kill", "SIGKILL"] as const]) {
        let claim = yield* find
        // `running` is in the outbox before the job can be reached by `stopOne`.
        while (claim === undefined && (yield* isBeginning(claimId))) {
          yield* Effect.sleep("1 second")
          claim = yield* find
        }
        if (claim === undefined) return
        yield* jobRun.stopOne(claim, how, `${why} The edge worker ends it with ${signal}.`)
        yield* Effect.sleep(drainKillGrace)
      }
    })

    const once = Effect.fnUntraced(function* (claimId: string, key: JobKey, why: string) {
      if (known.has(claimId)) return
      known.add(claimId)
      yield* say(key, why)
      yield* Effect.forkIn(stop(claimId), scope)
    })

    return {
      refused: ({ claimId, key }, { reason }) => once(claimId, key, reason),
      revoked: Effect.fnUntraced(function* (ids) {
        if (ids.length === 0) return
        for (const { id, job } of yield* jobRun.running) {
          if (ids.includes(job.task_instance_id ?? "")) {
            yield* once(id, job, "the site has cancelled it, or given it up")
          }
        }
      })
    }
  })
)
