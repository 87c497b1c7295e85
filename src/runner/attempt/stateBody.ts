/** stateBody: a task's last word as the site's Execution API takes it. */
import type { TaskStateBody } from "../../protocol/execution/TaskStates.ts"
import type { TaskEnd } from "../../protocol/TaskComms.ts"
import { given } from "./requests/reply.ts"

/** `end_date` of a `TaskState` is the supervisor's own in Airflow 3.3.2; `at` stands for it, ISO 8601. */
export const stateBody = (end: TaskEnd, at: string): TaskStateBody => {
  // The body is written by the API's schema, which says what is wrong with a field; the cast only says it is such.
  const make = (fields: object) => given(fields) as unknown as TaskStateBody
  switch (end.type) {
    case "SucceedTask": {
      const { type: _, ...rest } = end
      return make({ state: "success", ...rest })
    }
    case "TaskState": {
      const { type: _, ...rest } = end
      return make({ ...rest, end_date: end.end_date ?? at })
    }
    case "RetryTask": {
      const { type: _, retry_reason, ...rest } = end
      return make({ state: "up_for_retry", ...rest, retry_reason: retry_reason?.slice(0, 500) })
    }
    case "DeferTask": {
      const { type: _, ...rest } = end
      return make({ state: "deferred", ...rest })
    }
    case "RescheduleTask": {
      const { type: _, ...rest } = end
      return make({ state: "up_for_reschedule", ...rest })
    }
    case "AwaitInputTask": {
      const { type: _, ...rest } = end
      return make({ state: "awaiting_input", ...rest })
    }
  }
}
