/** WorkerStatus: what the running worker is doing, as `status` prints it. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import type { WorkerStatus } from "../protocol/Control.ts"
import { keyTuple } from "../protocol/Job.ts"
import { isEnding, report } from "../protocol/Lifecycle.ts"
import { Assignment } from "./Assignment.ts"
import { JobRun } from "./JobRun.ts"
import { Reports } from "./Reports.ts"
import { SiteHealth } from "./SiteHealth.ts"
import { Slots } from "./Slots.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"

/** The status now; `pid` is filled in by the platform. */
export const statusOf = Effect.gen(function* () {
  const { name } = yield* WorkerIdentity
  const state = yield* (yield* WorkerLifecycle).get
  const running = yield* (yield* JobRun).running
  const { capacity, held } = yield* (yield* Slots).usage
  const { queues } = yield* (yield* Assignment).get
  const health = yield* (yield* SiteHealth).get
  return {
    job_count: state.jobs,
    jobs: running.map((claim) => keyTuple(claim.job)),
    state: report(state),
    maintenance: state.maintenance !== null,
    maintenance_comments: state.maintenance?.comments ?? null,
    drain: isEnding(state),
    worker_name: name,
    pid: 0,
    queues,
    concurrency: capacity,
    free_concurrency: capacity - held,
    last_heartbeat:
      health.lastHeartbeat === null ? null : DateTime.formatIso(DateTime.makeUnsafe(health.lastHeartbeat)),
    site_problem: health.problem,
    reports_waiting: yield* (yield* Reports).waiting,
    log_bytes_waiting: yield* (yield* JobRun).logBytesWaiting
  } satisfies WorkerStatus
})
