/** WorkerRecord: what the central keeps of a worker, as edge3 5.1.0 keeps it (`models/edge_worker.py`). */
import type { Sysinfo } from "../protocol/EdgeApi.ts"
import type { WorkerState } from "../protocol/WorkerState.ts"

/** One row a name. Times are epoch milliseconds of the central's clock. */
export interface WorkerRecord {
  /** At most 64 characters. */
  readonly name: string
  readonly state: WorkerState
  /** At most 1024 characters. */
  readonly maintenanceComment: string | null
  /** `null`: every queue. */
  readonly queues: ReadonlyArray<string> | null
  readonly firstOnline: number
  /** The last registration or heartbeat. */
  readonly lastUpdate: number
  readonly jobsActive: number
  readonly sysinfo: Sysinfo
  readonly team: string | null
  /** What an operator has set; survives a registration. */
  readonly concurrency: number | null
}

/** Which workers: all that fit every part that is given. */
export interface WorkerFilter {
  /** A substring, without case (Airflow's own rule, `routes/ui.py`). */
  readonly name?: string | undefined
  /** The beginning of one of its queues, without case. */
  readonly queue?: string | undefined
  readonly states?: ReadonlyArray<WorkerState> | undefined
  /** Whose last sign of life is older than this time. */
  readonly silentSince?: number | undefined
}
