/** LocalWorker: a worker that runs on this machine, and how a command talks to it. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { ask as askSocket } from "../platform/ControlClient.ts"
import { identify, isAlive, type ProcessIdentity } from "../platform/ProcessIdentity.ts"
import { type Owner, socketPathOf } from "../platform/StatePaths.ts"
import * as Usr2Files from "../platform/Usr2Files.ts"
import type { ControlRequest } from "../protocol/Control.ts"
import { type CommandFailed, failed } from "./CommandFailed.ts"

/** The six keys of edge3; our own workers tell more. */
export type LocalStatus = Usr2Files.EdgeStatus

/** What a command needs of a running worker, whichever program it is. */
export interface LocalWorker {
  /** How messages call it. */
  readonly title: string
  readonly process: ProcessIdentity
  /** Does what is asked and gives the status after it; fails with exit 2 where it ends meanwhile, 3 without an answer. */
  readonly ask: (request: ControlRequest) => Effect.Effect<LocalStatus, CommandFailed>
  /** How often it may be asked while one waits, in milliseconds. */
  readonly pollMillis: number
}

/** True while its process is there. */
export const lives = (worker: LocalWorker): boolean => isAlive(worker.process)

const gone = (title: string) => failed("gone", `${title} ended while it was asked`)

/** A worker of ours, through the socket in its state folder. */
export const ours = (folder: string, owner: Owner): LocalWorker => {
  const title = `worker "${owner.worker_name}" (pid ${owner.pid})`
  const process = { pid: owner.pid, startTime: owner.start_time }
  return {
    title,
    process,
    pollMillis: 500,
    ask: (request) =>
      Effect.suspend(() => askSocket(socketPathOf(folder), request)).pipe(
        // it has just started and does not listen yet, or is about to end
        Effect.retry({
          while: (error) => error._tag === "NobodyListens" && isAlive(process),
          schedule: Schedule.spaced("50 millis"),
          times: 60
        }),
        Effect.mapError((error) =>
          isAlive(process) ? failed("noStatus", `${title}: ${error.message}`) : gone(title)
        )
      )
  }
}

/** How long another program may take to answer SIGUSR2. */
const SIGNAL_TIMEOUT_MILLIS = 10_000
const SIGNAL_POLL_MILLIS = 50

/** A worker that only edge3's way reaches: files in `$AIRFLOW_HOME` and SIGUSR2; such as Python's own. */
export const bySignal = (airflowHome: string, pid: number): LocalWorker => {
  const title = `worker with pid ${pid}`
  const target = identify(pid) ?? { pid, startTime: null }
  const signal = (name: "SIGUSR2" | "SIGINT") =>
    Effect.try({ try: () => process.kill(pid, name), catch: () => gone(title) })
  const status = Effect.gen(function* () {
    const before = Usr2Files.statusTime(airflowHome)
    yield* signal("SIGUSR2")
    for (let waited = 0; waited < SIGNAL_TIMEOUT_MILLIS; waited += SIGNAL_POLL_MILLIS) {
      const found = Usr2Files.readStatus(airflowHome, before)
      if (Option.isSome(found)) return found.value
      if (!isAlive(target)) return yield* gone(title)
      yield* Effect.sleep(SIGNAL_POLL_MILLIS)
    }
    return yield* failed("noStatus", `${title} wrote no status to ${Usr2Files.statusFile(airflowHome)}`)
  })
  const mark = (marker: Usr2Files.MaintenanceMarker) =>
    Effect.mapError(Usr2Files.writeMarker(airflowHome, marker), (error) =>
      failed("unexpected", `cannot ask ${title}: ${error.message}`)
    )
  return {
    title,
    process: target,
    pollMillis: 2_000,
    ask: (request) => {
      switch (request.op) {
        case "status":
          return status
        case "stop":
          return Effect.andThen(signal("SIGINT"), status)
        case "maintenance":
          return Effect.andThen(
            mark({ maintenance: request.on ? "on" : "off", comments: request.comments }),
            status
          )
      }
    }
  }
}
