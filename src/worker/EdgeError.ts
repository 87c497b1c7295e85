/** EdgeError: what a call to the central site can fail with. */
import * as Schema from "effect/Schema"

/** 400 with the site's own words: it does not accept this worker's versions. */
export class VersionRejected extends Schema.TaggedError<VersionRejected>()("VersionRejected", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** 404 "Worker not found": removed by an operator, or the site's database was restored. Register again. */
export class WorkerNotFound extends Schema.TaggedError<WorkerNotFound>()("WorkerNotFound", {}) {
  override get message() {
    return "the site does not know this worker"
  }
}

/** 409: another worker of this name is active. */
export class WorkerConflict extends Schema.TaggedError<WorkerConflict>()("WorkerConflict", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** Anything else: an outage, however it looks. Never a reason to drop a job, a report or a log byte. */
export class SiteUnavailable extends Schema.TaggedError<SiteUnavailable>()("SiteUnavailable", {
  /** "heartbeat", "fetch", … */
  operation: Schema.String,
  /** What was seen and the likely cause, for a person. */
  reason: Schema.String,
  /** The HTTP status where there was an answer. */
  status: Schema.optional(Schema.Int),
  /** True where the answer was the site's own JSON (`{"detail": …}`), not a gateway's page. */
  fromSite: Schema.optional(Schema.Boolean),
  /** True where the site may have done what was asked although no proper answer came. */
  ambiguous: Schema.Boolean,
  /** From `Retry-After`, in milliseconds. */
  retryAfterMillis: Schema.optional(Schema.Finite)
}) {
  override get message() {
    return `${this.operation}: ${this.reason}`
  }
}
