/** Operations: what a person changes of workers and jobs: with the permission for it, and in the audit log. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { display, type JobKey } from "../protocol/Job.ts"
import { type Identity, type RoleMissing, requireRole } from "./Accounts.ts"
import type { JobRecord } from "./JobRecord.ts"
import type { JobEnded, JobUnknown } from "./JobRules.ts"
import { Jobs } from "./Jobs.ts"
import type { NotAllowed } from "./OperatorRules.ts"
import { Repository, type RepositoryUnavailable } from "./Repository.ts"
import type { WorkerRecord } from "./WorkerRecord.ts"
import type { WorkerUnknown } from "./WorkerRules.ts"
import { Workers } from "./Workers.ts"

/** A change of one worker. */
export type WorkerChange =
  | { readonly action: "request maintenance" | "update maintenance comment"; readonly comment: string }
  | { readonly action: "exit maintenance" | "shutdown" | "remove" }
  | { readonly action: "add queue" | "remove queue"; readonly queue: string }
  | { readonly action: "set concurrency"; readonly concurrency: number }

/** What goes into the audit log besides who, when and which worker. */
const detailOf = (change: WorkerChange): string | null => {
  if ("comment" in change) return change.comment
  if ("queue" in change) return change.queue
  return "concurrency" in change ? String(change.concurrency) : null
}

/** The changes that need the role `operate`. */
export class Operations extends Context.Service<
  Operations,
  {
    readonly changeWorker: (
      identity: Identity,
      name: string,
      change: WorkerChange
    ) => Effect.Effect<WorkerRecord, RoleMissing | WorkerUnknown | NotAllowed | RepositoryUnavailable>
    readonly cancelJob: (
      identity: Identity,
      key: JobKey
    ) => Effect.Effect<JobRecord, RoleMissing | JobUnknown | JobEnded | RepositoryUnavailable>
  }
>()("edge-worker/central/Operations") {
  static readonly layer = Layer.effect(
    Operations,
    Effect.gen(function* () {
      const workers = yield* Workers
      const jobs = yield* Jobs
      const repository = yield* Repository

      const carryOut = (identity: Identity, name: string, change: WorkerChange) => {
        switch (change.action) {
          case "request maintenance":
            return workers.requestMaintenance(name, change.comment, identity.name)
          case "update maintenance comment":
            return workers.updateMaintenance(name, change.comment, identity.name)
          case "exit maintenance":
            return workers.exitMaintenance(name)
          case "shutdown":
            return workers.shutdown(name)
          case "remove":
            return workers.remove(name)
          case "add queue":
            return workers.addQueue(name, change.queue)
          case "remove queue":
            return workers.removeQueue(name, change.queue)
          case "set concurrency":
            return workers.setConcurrency(name, change.concurrency)
        }
      }
      const note = Effect.fnUntraced(function* (
        user: string,
        action: string,
        target: string,
        detail: string | null
      ) {
        yield* repository.addAudit({ at: yield* Clock.currentTimeMillis, user, action, target, detail })
      })

      return Operations.of({
        changeWorker: Effect.fnUntraced(function* (identity, name, change) {
          yield* requireRole(identity, "operate")
          const worker = yield* carryOut(identity, name, change)
          yield* note(identity.name, change.action, name, detailOf(change))
          return worker
        }),
        cancelJob: Effect.fnUntraced(function* (identity, key) {
          yield* requireRole(identity, "operate")
          const job = yield* jobs.cancel(key, identity.name)
          yield* note(identity.name, "cancel", display(key), null)
          return job
        })
      })
    })
  )
}
