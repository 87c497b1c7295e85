/** LogUpload: what happens with the log of an attempt that is over, besides that the site gets it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { TaskInstance } from "../../protocol/Job.ts"

/** The log could not be uploaded; it stays where it is, and the attempt's end is not changed by it. */
export class LogUploadFailed extends Schema.TaggedError<LogUploadFailed>()("LogUploadFailed", {
  /** What is wrong, for the worker's log; holds no secret. */
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/**
 * What Airflow's `[logging] remote_logging` is for Python tasks. A program of tasks can provide its own, which then replaces
 * `layer`.
 */
export class LogUpload extends Context.Service<
  LogUpload,
  {
    /**
     * Called once an attempt, when its log is complete on disk; the job is over afterwards. The file may hold earlier parts of
     * the same try: a deferred task comes back to it.
     */
    readonly upload: (log: {
      /** Absolute path. */
      readonly file: string
      /** Below `[logging] base_log_folder`, as the site names it; null where it does not. */
      readonly logPath: string | null
      readonly ti: TaskInstance
    }) => Effect.Effect<void, LogUploadFailed>
  }
>()("edge-worker/runner/attempt/LogUpload") {
  /** None: `[edge] push_logs` sends the log to the site. */
  static readonly layer = Layer.succeed(LogUpload, { upload: () => Effect.void })
}
