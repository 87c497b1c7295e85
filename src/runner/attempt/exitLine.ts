/** exitLine: what a task's log says of the end of its process, as Airflow's supervisor does. */
import type { LogLevel } from "../../protocol/TaskComms.ts"
import type { TaskGone } from "./TaskChannel.ts"

/** A line for the task's log. */
export interface ExitLine {
  readonly level: LogLevel
  readonly event: string
  readonly more: Readonly<Record<string, unknown>>
}

/** Of a signal, with Airflow 3.3.2's hint (`sdk/execution_time/supervisor.py`), unless it is known who sent it. */
const killed = (signal: string, why: string | undefined): ExitLine => {
  const more = { signal_name: signal, ...(why === undefined ? {} : { why }) }
  if (why !== undefined) return { level: "error", event: `Process terminated by signal: ${why}.`, more }
  return signal === "SIGKILL"
    ? { level: "critical", event: "Process terminated by signal. Likely out of memory error (OOM).", more }
    : { level: "error", event: "Process terminated by signal.", more }
}

/** Undefined where there is nothing to say: the task came to its end by itself. */
export const exitLine = (how: TaskGone): ExitLine | undefined => {
  switch (how._tag) {
    case "Returned":
      return undefined
    case "Exited":
      return how.code === 0
        ? undefined
        : { level: "warning", event: "Process exited abnormally", more: { exit_code: how.code } }
    case "Killed":
      return killed(how.signal, how.why)
    case "Garbled":
      return {
        level: "error",
        event: `Process killed: what it said is not the protocol of tasks (${how.reason}${how.said === undefined ? "" : `: ${how.said}`})`,
        more: {}
      }
  }
}
