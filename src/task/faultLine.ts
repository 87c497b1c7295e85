/** faultLine: the last line of a task's log where something broke that is none of the task's own errors. */
import type { LogEvent } from "../protocol/TaskComms.ts"
import { errorDetail } from "./errorDetail.ts"

/** @param error a cause, an error, or whatever was thrown */
export const faultLine = (event: string, error: unknown): LogEvent => ({
  timestamp: new Date().toISOString(),
  level: "critical",
  event,
  logger: "task",
  error_detail: errorDetail(error)
})
