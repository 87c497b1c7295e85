/** localRequests: what the worker does for the local commands, through its socket and through SIGUSR2. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import type { ControlHandler } from "../platform/ControlSocket.ts"
import * as Usr2Files from "../platform/Usr2Files.ts"
import type { WorkerStatus } from "../protocol/Control.ts"
import { StopLadder } from "./StopLadder.ts"

/** What is said while there is no worker yet. */
const starting = Effect.map(
  WorkerIdentity,
  (identity): WorkerStatus => ({
    job_count: 0,
    jobs: [],
    state: "starting",
    maintenance: false,
    maintenance_comments: null,
    drain: false,
    worker_name: identity.name,
    pid: process.pid,
    queues: identity.queues,
    concurrency: identity.concurrency,
    free_concurrency: identity.concurrency,
    last_heartbeat: null,
    site_problem: null,
    reports_waiting: 0,
    log_bytes_waiting: 0
  })
)

/** The worker does not know its process: that is this one. */
const currentStatus = Effect.gen(function* () {
  const ladder = yield* StopLadder
  const worker = yield* ladder.attached
  return { ...(yield* worker === undefined ? starting : worker.status), pid: process.pid }
})

const setMaintenance = Effect.fnUntraced(function* (on: boolean, comments: string | null) {
  const ladder = yield* StopLadder
  const worker = yield* ladder.worker
  yield* Effect.logInfo(`maintenance ${on ? "on" : "off"} was asked for on this machine`, comments ?? "")
  yield* on ? worker.enterMaintenance(comments ?? "") : worker.leaveMaintenance
})

/** Carries out what comes through the socket. */
export const controlHandler = Effect.map(
  Effect.context<StopLadder | WorkerIdentity>(),
  (context): ControlHandler =>
    (request) =>
      Effect.gen(function* () {
        const ladder = yield* StopLadder
        if (request.op === "maintenance") yield* setMaintenance(request.on, request.comments)
        if (request.op === "stop") {
          yield* Effect.logInfo("a stop was asked for on this machine: running jobs finish first")
          yield* ladder.drain("edge-worker stop")
        }
        return yield* currentStatus
      }).pipe(Effect.provideContext(context))
)

/** SIGUSR2: takes the maintenance marker, if there is one, and writes the status (edge3 5.1.0, `cli/worker.py`). */
export const answerUsr2 = Effect.gen(function* () {
  const { airflowHome } = yield* EdgeConfig
  const marker = yield* Usr2Files.takeMarker(airflowHome)
  if (Option.isSome(marker)) yield* setMaintenance(marker.value.maintenance === "on", marker.value.comments)
  yield* Usr2Files.writeStatus(airflowHome, yield* currentStatus)
})
