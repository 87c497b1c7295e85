/** Lifecycle: the worker's state as one value, changed only by `transition`, and Airflow's words for it. */
import type { WorkerState } from "./WorkerState.ts"

/** Maintenance with its comment. `told` is false until the site has accepted a heartbeat with that comment. */
export interface MaintenanceNote {
  readonly comments: string | null
  readonly told: boolean
}

/** The worker's state; `jobs` counts the claims whose process may still exist. */
export type Lifecycle =
  | { readonly _tag: "Starting"; readonly jobs: number; readonly maintenance: MaintenanceNote | null }
  | { readonly _tag: "Active"; readonly jobs: number; readonly maintenance: null }
  | { readonly _tag: "Maintenance"; readonly jobs: number; readonly maintenance: MaintenanceNote }
  | {
      readonly _tag: "Draining"
      readonly jobs: number
      readonly maintenance: MaintenanceNote | null
      readonly reason: string
    }
  | {
      readonly _tag: "Offline"
      readonly jobs: 0
      readonly maintenance: MaintenanceNote | null
      readonly reason: string
    }

/** What happens to a worker. Loops send these and never write the state. */
export type LifecycleEvent =
  | { readonly _tag: "Registered" }
  /** The site had forgotten this worker and took it anew: it knows no comment any more. */
  | { readonly _tag: "RegisteredAnew" }
  | { readonly _tag: "JobTaken" }
  | { readonly _tag: "JobGone" }
  /** Asked on this machine: by a command, a signal, or the automatic maintenance. */
  | { readonly _tag: "MaintenanceOn"; readonly comments: string }
  | { readonly _tag: "MaintenanceOff" }
  /** The site answered a heartbeat. `reported` and `sent` are what that heartbeat said. */
  | {
      readonly _tag: "Answered"
      readonly reported: WorkerState
      readonly sent: string | null
      readonly state: WorkerState
      readonly comments: string | null
    }
  | { readonly _tag: "Drain"; readonly reason: string }
  /** No job is left and no ask is in flight: nothing can come any more. */
  | { readonly _tag: "Emptied" }

/** A worker before its registration. */
export const initial: Lifecycle = { _tag: "Starting", jobs: 0, maintenance: null }

/** True while the worker may ask for jobs. */
export const mayFetch = (state: Lifecycle): boolean => state._tag === "Active"

/** True from the beginning of the drain. */
export const isEnding = (state: Lifecycle): boolean => state._tag === "Draining" || state._tag === "Offline"

const note = (comments: string | null, told: boolean): MaintenanceNote => ({ comments, told })

const enter = (state: Lifecycle, maintenance: MaintenanceNote): Lifecycle => {
  switch (state._tag) {
    case "Active":
    case "Maintenance":
      return { _tag: "Maintenance", jobs: state.jobs, maintenance }
    case "Starting":
    case "Draining":
      return { ...state, maintenance }
    case "Offline":
      return state
  }
}

const leave = (state: Lifecycle): Lifecycle => {
  switch (state._tag) {
    case "Maintenance":
      return { _tag: "Active", jobs: state.jobs, maintenance: null }
    case "Starting":
    case "Draining":
      return { ...state, maintenance: null }
    case "Active":
    case "Offline":
      return state
  }
}

const drain = (state: Lifecycle, reason: string): Lifecycle =>
  isEnding(state) ? state : { _tag: "Draining", jobs: state.jobs, maintenance: state.maintenance, reason }

const inMaintenance = (word: WorkerState) => word === "maintenance pending" || word === "maintenance mode"

const answered = (state: Lifecycle, event: LifecycleEvent & { _tag: "Answered" }): Lifecycle => {
  if (event.state === "shutdown request") return drain(state, "shutdown requested by the site")
  const current = state.maintenance
  if (event.state === "maintenance request" && current === null)
    return enter(state, note(event.comments, true))
  if (current === null) return state
  // Only a heartbeat that itself said "maintenance" can be answered with its end: a maintenance that began while
  // the heartbeat was under way would be lifted by the answer otherwise (edge3's worker does that).
  const lifted = event.state === "idle" || event.state === "running"
  if (lifted && inMaintenance(event.reported)) return leave(state)
  // A comment that was written after the heartbeat left is still to be told.
  if (!current.told && current.comments !== event.sent) return state
  if (lifted) return state
  return enter(state, note(event.comments ?? current.comments, true))
}

/** Pure and total: an event that means nothing in a state leaves it as it is. */
export const transition = (state: Lifecycle, event: LifecycleEvent): Lifecycle => {
  switch (event._tag) {
    case "Registered":
      if (state._tag !== "Starting") return state
      return state.maintenance === null
        ? { _tag: "Active", jobs: state.jobs, maintenance: null }
        : { _tag: "Maintenance", jobs: state.jobs, maintenance: state.maintenance }
    case "RegisteredAnew":
      return state.maintenance === null ? state : enter(state, note(state.maintenance.comments, false))
    case "JobTaken":
      return state._tag === "Offline" ? state : { ...state, jobs: state.jobs + 1 }
    case "JobGone":
      return state._tag === "Offline" ? state : { ...state, jobs: Math.max(0, state.jobs - 1) }
    case "MaintenanceOn":
      return enter(state, note(event.comments, false))
    case "MaintenanceOff":
      return leave(state)
    case "Answered":
      return answered(state, event)
    case "Drain":
      return drain(state, event.reason)
    case "Emptied":
      return state._tag === "Draining" && state.jobs === 0
        ? { _tag: "Offline", jobs: 0, maintenance: state.maintenance, reason: state.reason }
        : state
  }
}

/**
 * Airflow's word for the state: what a worker says. Equal to `_get_state` of edge3 5.1.0 (`cli/worker.py`) on every
 * (jobs, drain, maintenance), with one word more: before its registration a worker is `starting`, as edge3's
 * registration says.
 */
export const report = (state: Lifecycle): WorkerState => {
  switch (state._tag) {
    case "Starting":
      return state.maintenance !== null && state.jobs === 0 ? "maintenance mode" : "starting"
    case "Active":
      return state.jobs > 0 ? "running" : "idle"
    case "Maintenance":
      return state.jobs > 0 ? "maintenance pending" : "maintenance mode"
    case "Draining":
    case "Offline":
      if (state.jobs > 0) return "terminating"
      return state.maintenance === null ? "offline" : "offline maintenance"
  }
}

/**
 * What a central replies to a worker that reports `reported` while `stored` is kept: `redefine_state` of edge3 5.1.0
 * (`worker_api/routes/worker.py`).
 */
export const answer = (stored: WorkerState, reported: WorkerState): WorkerState => {
  switch (stored) {
    case "maintenance request":
      return inMaintenance(reported) ? reported : "maintenance request"
    case "offline maintenance":
    case "maintenance mode":
    case "maintenance pending":
      return reported === "starting" ? "maintenance request" : reported
    case "maintenance exit":
      if (reported === "maintenance pending") return "running"
      return reported === "maintenance mode" ? "idle" : reported
    case "shutdown request":
      return reported === "offline" || reported === "offline maintenance" || reported === "unknown"
        ? reported
        : "shutdown request"
    default:
      return reported
  }
}
