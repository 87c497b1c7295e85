/** gone: the states of a worker that the site does not hear of any more. */
import type { WorkerState } from "../../protocol/WorkerState.ts"

const states: ReadonlyArray<WorkerState> = ["offline", "offline maintenance", "unknown"]

/** These alone can be removed; nothing can be asked of them (`models/edge_worker.py`, edge3 5.1.0). */
export const isGone = (state: WorkerState): boolean => states.includes(state)
