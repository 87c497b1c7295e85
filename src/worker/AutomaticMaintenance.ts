/** AutomaticMaintenance: enters and leaves maintenance by the status that the sysinfo shows, exactly as edge3 does. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { EdgeSettings } from "../config/EdgeConfig.ts"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import type { Sysinfo } from "../protocol/EdgeApi.ts"
import type { Lifecycle, LifecycleEvent } from "../protocol/Lifecycle.ts"
import { WorkerLifecycle } from "./WorkerLifecycle.ts"

const warning = 30
const error = 40

/** Only a comment that holds this text is lifted automatically (edge3 5.1.0, `cli/worker.py`). */
const mark = "] - Automatic maintenance mode entered due to status "

/** Python's `logging.getLevelName`. */
export const levelName = (level: number): string =>
  ({ 0: "NOTSET", 10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL" })[level] ??
  `Level ${level}`

const two = (n: number) => String(n).padStart(2, "0")

/** Minutes in this machine's time zone: how edge3 dates a maintenance comment. */
export const minute = (millis: number): string => {
  const d = new Date(millis)
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}`
}

type Thresholds = Pick<EdgeSettings, "automaticMaintenanceOn" | "automaticMaintenanceExit">

/** What the status asks for; `undefined` for nothing. Equal to edge3's `_adjust_maintenance_mode_based_on_sysinfo`. */
export const decide = (
  state: Lifecycle,
  status: number,
  { automaticMaintenanceOn: on, automaticMaintenanceExit: exit }: Thresholds,
  now: number
): LifecycleEvent | undefined => {
  if (state.maintenance === null) {
    return (on === "warning" && status >= warning) || (on === "error" && status >= error)
      ? { _tag: "MaintenanceOn", comments: `[${minute(now)}${mark}${levelName(status)} in sysinfo.` }
      : undefined
  }
  if (!state.maintenance.comments?.includes(mark)) return undefined
  return (exit === "info" && status < warning) || (exit === "warning" && status < error)
    ? { _tag: "MaintenanceOff" }
    : undefined
}

/** Looks at a fresh sysinfo, before the heartbeat that carries it. */
export const adjust = Effect.fnUntraced(function* (sysinfo: Sysinfo) {
  const lifecycle = yield* WorkerLifecycle
  const status = typeof sysinfo.status === "number" ? sysinfo.status : 20
  const event = decide(yield* lifecycle.get, status, yield* EdgeConfig, yield* Clock.currentTimeMillis)
  if (event === undefined) return
  yield* Effect.logWarning(
    `${event._tag === "MaintenanceOn" ? "entering" : "leaving"} maintenance by itself: the sysinfo's status is ${levelName(status)}`
  )
  yield* lifecycle.send(event)
})
