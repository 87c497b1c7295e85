/** WorkerIdentity: who this worker is and what it was started with. */
import * as Context from "effect/Context"

/** The worker's name on the site, and what its start said of queues, team and capacity. */
export class WorkerIdentity extends Context.Service<
  WorkerIdentity,
  {
    /** At most 64 characters (edge3 5.1.0's column). */
    readonly name: string
    /** `null`: every queue. */
    readonly queues: ReadonlyArray<string> | null
    readonly team: string | null
    /** Slots at start; the site may change them at run time. */
    readonly concurrency: number
  }
>()("edge-worker/config/WorkerIdentity") {}
